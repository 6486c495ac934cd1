"""Finds the longest profile with which each server still accepts its own credential, by bisection.

A token, or an encrypted cookie, carries all of the profile in one header field, and servers limit its length.
A session's id does not grow. The test is only whether a user can log in and read, so that the limit applies
to any way to carry a profile and is the same in each run.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
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
#: Columns of an account that make up its profile, without the last name, which is lengthened.
_REST: Final = "length(id) + length(first_name) + length(email)"


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
    return {name: _of_server(target, rig.accounts_of(arms[name])) for name, target in sorted(first.items())}


def _of_server(target: Target, accounts: Path) -> int:
    with closing(sqlite3.connect(accounts)) as database, _profile_of(database) as (shortest, set_length):

        def is_served(profile_bytes: int) -> bool:
            set_length(profile_bytes)
            return _can_read(target)

        if not is_served(shortest):
            raise ConformanceError(f"server {target.arm} refuses a read even with the shortest profile.")
        return _last(is_served, shortest, sweeps.PROFILES_TRIED)


@contextmanager
def _profile_of(database: sqlite3.Connection) -> Iterator[tuple[int, Callable[[int], None]]]:
    """Yield the profile length of the example account without its last name, and a setter of the length.

    The account is restored afterwards.
    """
    [(name, rest)] = database.execute(
        f"SELECT last_name, {_REST} FROM accounts WHERE username = ?",  # noqa: S608 - a constant
        (_USER,),
    )

    def rename(last_name: str) -> None:
        with database:
            database.execute("UPDATE accounts SET last_name = ? WHERE username = ?", (last_name, _USER))

    try:
        yield rest, lambda profile_bytes: rename("d" * (profile_bytes - rest))
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


def _last(holds: Callable[[int], bool], first: int, limit: int) -> int:
    """Return the largest number up to a limit that satisfies `holds`, by bisection; `first` satisfies it."""
    if holds(limit):
        return limit
    good, bad = first, limit
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if holds(middle) else (good, middle)
    return good
