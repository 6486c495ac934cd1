"""Accounts that something is done to in an incident, and who does it."""

from __future__ import annotations

from harness.errors import ConformanceError
from harness.protocol.incidents import ArmUsers
from harness.testbed.client import ApiClient


def name_of(account: int) -> str:
    """The name of an account of virtual users, by its number."""
    return f"load-{account}"


def logged_in(party: ArmUsers, username: str) -> ApiClient:
    """Somebody who is logged in where the people of a party go.

    Raises:
        ConformanceError: The server would not.
        EnvironmentFailedError: It does not answer.
    """
    caller = ApiClient(party.target.host, party.target.port)
    reply = caller.log_in(username)
    if reply.status != 200:
        raise ConformanceError(f"server {party.target.arm}: a login was answered {reply.status}.")
    return caller
