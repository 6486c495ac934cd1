"""Finds the longest profile with which each server still accepts its own credential, by bisection.

A token, or an encrypted cookie, carries all of the profile in one header field, and servers limit its length.
A session's id does not grow. The test is only whether a user can log in and read, so that the limit applies
to any way to carry a profile and is the same in each run.
"""

from __future__ import annotations

import contextlib
import sqlite3
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from harness.analysis.stats import sweeps
from harness.errors import ConformanceError, EnvironmentFailedError
from harness.protocol.dialect import CONTRACT
from harness.protocol.plan import Target
from harness.testbed.client import ApiClient
from harness.testbed.launcher import Instance
from harness.testbed.rig import Rig

_USER: Final = CONTRACT.accounts.example


def of_arms(rig: Rig, instances: Sequence[Instance]) -> dict[str, int]:
    """Return the longest profile, in bytes, with which a user can log in and read, by arm.

    At most `sweeps.PROFILES_TRIED`. Only the first instance of each arm is tested; its accounts are a file of
    the rig.

    Raises:
        ConformanceError: A server refuses even the shortest profile.
        EnvironmentFailedError: A server does not answer a login.
    """
    first = {instance.target.arm: instance.target for instance in reversed(instances)}
    arms = {arm.name: arm for arm in rig.arms}
    accounts_of = rig.launcher.accounts_of
    return {name: _of_server(target, accounts_of(arms[name])) for name, target in sorted(first.items())}


def _of_server(target: Target, accounts: Path) -> int:
    """Lengthen the last name of the example account, which is restored afterwards."""
    with closing(sqlite3.connect(accounts)) as database:
        [(name, rest)] = database.execute(  # these columns make up the profile
            "SELECT last_name, length(id) + length(first_name) + length(email) FROM accounts"
            " WHERE username = ?",
            (_USER,),
        )

        def rename(last_name: str) -> None:
            with database:
                database.execute("UPDATE accounts SET last_name = ? WHERE username = ?", (last_name, _USER))

        def is_served(profile_bytes: int) -> bool:
            rename("d" * (profile_bytes - rest))
            return _can_read(target)

        try:
            if not is_served(rest):
                raise ConformanceError(f"server {target.arm} refuses a read even with the shortest profile.")
            if is_served(sweeps.PROFILES_TRIED):
                return sweeps.PROFILES_TRIED
            longer = range(rest + 1, sweeps.PROFILES_TRIED)
            return int(rest) + bisect_left(longer, True, key=lambda length: not is_served(length))
        finally:
            rename(name)


def _can_read(target: Target) -> bool:
    client = ApiClient(target.host, target.port)
    if client.log_in(_USER).status != 200:
        return False
    # A server that sends 400 before it has all of the request may close before that is read.
    with contextlib.suppress(EnvironmentFailedError):
        return client.read().status == 200
    return False
