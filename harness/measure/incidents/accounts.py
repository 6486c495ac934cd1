"""Accounts that an incident changes, and clients that are logged in."""

from __future__ import annotations

from harness.errors import ConformanceError
from harness.protocol.incidents import ArmUsers
from harness.testbed.client import ApiClient


def name_of(account: int) -> str:
    """Return the name of a virtual user's account, by its number."""
    return f"load-{account}"


def logged_in(users: ArmUsers, username: str) -> ApiClient:
    """Return a client that is logged in at the server of these users.

    Raises:
        ConformanceError: The server refuses the login.
        EnvironmentFailedError: The server does not answer.
    """
    client = ApiClient(users.target.host, users.target.port)
    response = client.log_in(username)
    if response.status != 200:
        raise ConformanceError(f"server {users.target.arm}: a login was answered {response.status}.")
    return client
