"""How long a profile may be before a server reads no credential any more that carries it: found by trying.

A token, or an encrypted cookie, has all of the profile in one header field, and servers end what they read of
one. A session's id never grows. What is asked is only whether somebody can log in and read, so that the
answer holds for any way to carry a profile, and is the same each time.
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

_WHO: Final = CONTRACT.accounts.example
#: What of an account makes its profile, besides the name that is made longer.
_REST: Final = "length(id) + length(first_name) + length(email)"


def of_arms(rig: Rig, instances: Sequence[Instance]) -> dict[str, int]:
    """The bytes of the longest profile with which somebody can log in and read, by arm.

    At most `levels.PROFILES_TRIED`. The first instance of each arm is asked, one of ours.

    Raises:
        ConformanceError: Not even a short profile is let in.
        EnvironmentFailedError: A server does not answer a login.
    """
    first = {one.target.arm: one.target for one in reversed(instances)}
    arms = {arm.name: arm for arm in rig.arms}
    return {name: _of_server(target, rig.accounts_of(arms[name])) for name, target in sorted(first.items())}


def _of_server(target: Target, accounts: Path) -> int:
    with closing(sqlite3.connect(accounts)) as database, _profile_of(database) as (shortest, set_length):

        def is_served(profile_bytes: int) -> bool:
            set_length(profile_bytes)
            return _can_read(target)

        if not is_served(shortest):
            raise ConformanceError(f"server {target.arm} lets nobody read, however short the profile.")
        return _last(is_served, shortest, sweeps.PROFILES_TRIED)


@contextmanager
def _profile_of(database: sqlite3.Connection) -> Iterator[tuple[int, Callable[[int], None]]]:
    """How long the example account's profile is without its last name, and what sets its length.

    Afterwards it is as it was.
    """
    [(name, rest)] = database.execute(
        f"SELECT last_name, {_REST} FROM accounts WHERE username = ?",  # noqa: S608 - a constant
        (_WHO,),
    )

    def rename(last_name: str) -> None:
        with database:
            database.execute("UPDATE accounts SET last_name = ? WHERE username = ?", (last_name, _WHO))

    try:
        yield rest, lambda profile_bytes: rename("d" * (profile_bytes - rest))
    finally:
        rename(name)


def _can_read(target: Target) -> bool:
    caller = ApiClient(target.host, target.port)
    if caller.log_in(_WHO).status != 200:
        return False
    # Who has answered 400 before all of the request came may hang up before that is read.
    with contextlib.suppress(EnvironmentFailedError):
        return caller.read().status == 200
    return False


def _last(holds: Callable[[int], bool], first: int, limit: int) -> int:
    """The largest number up to a limit for which something holds that holds for the first, by bisection."""
    if holds(limit):
        return limit
    good, bad = first, limit
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if holds(middle) else (good, middle)
    return good
