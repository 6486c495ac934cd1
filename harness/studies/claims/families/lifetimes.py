"""Short lifetimes: what they cost, and for how long they leave stale access."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.errors import ConformanceError
from harness.results.claims import ClaimFigure, Outcome, Verdict
from harness.studies.claims.claim import Claim
from harness.studies.claims.readings import METRIC, reckoned, rows
from harness.studies.suites import SUITE
from harness.testbed.client import ADMIN, ApiClient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.results.model import Result
    from harness.studies.lab import Lab

SCHEME: Final = "token-refresh"
#: Lifetimes in seconds that are lived through, and those that are reckoned from them.
LIVED_S: Final = (2, 5)
MODELLED_S: Final = (60, 300, 900, 3600)
#: The lifetime that is judged, for a user who reads so often, in reads a second.
JUDGED_S: Final = 60
READS_PER_S: Final = 1
#: Lifetimes that each is lived through, and seconds between looks for the end of stale access.
_LIVES: Final = 3
_LOOK_S: Final = 0.05
#: Times that something is tried with a fresh token, which on a stalled machine may expire before it is used.
_TRIES: Final = 5


@dataclass(frozen=True)
class LifetimeOutcome:
    """What a client met whose token lives so many seconds.

    `reads_per_refresh` at READS_PER_S; `stale_s` is how long an admin who no longer was one was still let in.
    """

    lifetime_s: int
    reads_per_refresh: float
    stale_s: float


def short_lives(lab: Lab) -> Outcome:
    """Live through lifetimes of seconds, and reckon longer ones from what a refresh costs."""
    environments = [{"AUTH_LIFETIME_S": str(lifetime_s)} for lifetime_s in LIVED_S]
    bosses = [lab.logged_in(SCHEME, ADMIN, **environment) for environment in environments]
    with ThreadPoolExecutor(len(LIVED_S)) as threads:
        lived = list(threads.map(_live, LIVED_S, bosses, [lab.account() for _ in LIVED_S]))
    return lifetimes(lab.measured(SUITE), lived)


def _live(lifetime_s: int, boss: ApiClient, username: str) -> LifetimeOutcome:
    """Read at a steady pace, refreshing when refused; then lose a role, and see for how long it lasts.

    The boss logs in first of all, and then needs a token of now for each of both changes.
    """
    _give_role(boss, username, "admin")
    caller = ApiClient(boss.host, boss.port)
    caller.log_in(username)
    reads = refreshes = 0
    begun = time.monotonic()
    while refreshes < _LIVES:
        refreshes += _read(caller)
        reads += 1
        time.sleep(max(0, begun + reads / READS_PER_S - time.monotonic()))
    caller.refresh()
    _give_role(boss, username, "user")
    demoted = last = time.monotonic()
    while caller.read_admin().status == 200:
        last = time.monotonic()
        time.sleep(_LOOK_S)
    return LifetimeOutcome(lifetime_s, reads / refreshes, last - demoted)


def _give_role(boss: ApiClient, username: str, role: str) -> None:
    """As a boss whose token may expire while this machine stalls."""
    for _ in range(_TRIES):
        boss.refresh()
        with suppress(ConformanceError):
            boss.change_account(username, role=role)
            return
    raise ConformanceError(f"server {SCHEME}: an admin with a fresh token may not change an account.")


def _read(caller: ApiClient) -> bool:
    """Read; where the token has expired, refresh first. Tells whether that was so."""
    if caller.read().status == 200:
        return False
    for _ in range(_TRIES):
        caller.refresh()
        if caller.read().status == 200:
            return True
    raise ConformanceError(f"server {SCHEME}: a read with a fresh token was refused.")


def lifetimes(result: Result, lived: Sequence[LifetimeOutcome]) -> Outcome:
    """What refreshing adds to a read at each lifetime, against what a denylist adds to it."""
    by_arm = rows(result) | {SCHEME: rows(result, "refresh")[SCHEME]}
    listed = f"(token-denylist.{METRIC} - token.{METRIC})"

    def added(lifetime_s: float, reads: float, how: str) -> ClaimFigure:
        name = f"refreshing adds to a read, lifetime {lifetime_s:,} s ({how})"
        text = f"{SCHEME}.{METRIC} / {reads}"
        figure = reckoned(name, text, by_arm, result, "us")
        return figure.model_copy(update={"group": "refresh cost", "x": lifetime_s})

    refresh = reckoned("CPU of a refresh", f"{SCHEME}.{METRIC}", by_arm, result, "us")
    denylist = reckoned("a denylist adds to a read", listed, by_arm, result, "us")
    share = reckoned(
        f"refreshing every {JUDGED_S} s / asking a denylist on every read",
        f"{SCHEME}.{METRIC} / {JUDGED_S * READS_PER_S} / {listed}",
        by_arm,
        result,
    )
    low, high = share.ci or (share.value, share.value)
    verdict: Verdict = "supported" if high < 1 and low > 0 else "refuted" if low > 1 else "inconclusive"
    words = {
        "supported": f"for a user who reads once a second, refreshing every {JUDGED_S} s costs"
        f" {share.value:.0%} of what a denylist does, and leaves up to {JUDGED_S} s of stale access",
        "refuted": f"refreshing every {JUDGED_S} s costs more than asking a denylist on every read",
        "inconclusive": "whether refreshing or a denylist costs less cannot be told",
    }
    figures = [
        refresh,
        denylist,
        share,
        reckoned(
            "lifetime at which refreshing costs what a denylist does",
            f"{SCHEME}.{METRIC} / {READS_PER_S} / {listed}",
            by_arm,
            result,
            "s",
        ),
        *(added(one.lifetime_s, one.reads_per_refresh, "lived") for one in lived),
        *(added(lifetime_s, lifetime_s * READS_PER_S, "modelled") for lifetime_s in MODELLED_S),
        *(_stale(one.lifetime_s, one.stale_s, "seen") for one in lived),
        *(_stale(lifetime_s, lifetime_s, "at most") for lifetime_s in MODELLED_S),
    ]
    return Outcome(verdict=verdict, because=words[verdict], figures=figures)


def _stale(lifetime_s: int, stale_s: float, how: str) -> ClaimFigure:
    name = f"stale access, lifetime {lifetime_s:,} s ({how})"
    return ClaimFigure(name=name, value=stale_s, unit="s", group="stale access", x=lifetime_s)


CLAIMS: Final = (
    Claim(
        11,
        "short lifetimes instead of revocation",
        "Maida, Krebs",
        "measured",
        f"lifetimes of {' and '.join(map(str, LIVED_S))} s lived through by a client who reads once a second"
        " and loses a role; longer ones reckoned from the CPU of a refresh (not of the refused read that"
        " tells a client that it is time); against what a denylist adds",
        f"supported when, for that reader, refreshing every {JUDGED_S} s costs less CPU than a denylist asked"
        " on every read; refuted when it costs more",
        short_lives,
    ),
)
