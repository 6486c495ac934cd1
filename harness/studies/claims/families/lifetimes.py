"""The claim about short lifetimes: their cost, and how long they leave stale access."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harness.errors import ConformanceError
from harness.results.claims import ClaimFigure, Outcome, Verdict
from harness.studies.claims.claim import Claim
from harness.studies.claims.readings import METRIC, calculated, rows
from harness.studies.suites import SUITE
from harness.testbed.client import ADMIN, ApiClient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.results.model import Result
    from harness.studies.lab import Lab

SCHEME: Final = "token-refresh"
#: Lifetimes in seconds that are measured, and those that are calculated.
LIVED_S: Final = (2, 5)
MODELLED_S: Final = (60, 300, 900, 3600)
#: Lifetime that is judged, and reads per second of the user that it is judged for.
JUDGED_S: Final = 60
READS_PER_S: Final = 1
#: Number of lifetimes that a measurement takes, and seconds between polls for the end of stale access.
_LIVES: Final = 3
_POLL_S: Final = 0.05
#: Attempts with a fresh token, which may expire before use if the machine stalls.
_ATTEMPTS: Final = 5


@dataclass(frozen=True)
class LifetimeOutcome:
    """Observations of a client with tokens of one lifetime.

    `reads_per_refresh` is at READS_PER_S; `stale_s` is how long a demoted admin kept admin access.
    """

    lifetime_s: int
    reads_per_refresh: float
    stale_s: float


def short_lives(lab: Lab) -> Outcome:
    """Measure lifetimes of seconds, and calculate longer ones from the cost of a refresh."""
    environments = [{"AUTH_LIFETIME_S": str(lifetime_s)} for lifetime_s in LIVED_S]
    admins = [lab.logged_in(SCHEME, ADMIN, **environment) for environment in environments]
    with ThreadPoolExecutor(len(LIVED_S)) as threads:
        measured = list(threads.map(_measure, LIVED_S, admins, [lab.account() for _ in LIVED_S]))
    return lifetimes(lab.measured(SUITE), measured)


def _measure(lifetime_s: int, admin: ApiClient, username: str) -> LifetimeOutcome:
    """Read at a steady rate, refresh when refused, then remove a role and time how long it still works.

    The admin logged in before all reads, so each of the two changes of a role needs a fresh token.
    """
    _give_role(admin, username, "admin")
    caller = ApiClient(admin.host, admin.port)
    caller.log_in(username)
    reads = refreshes = 0
    begun = time.monotonic()
    while refreshes < _LIVES:
        refreshes += _read_refreshing(caller)
        reads += 1
        time.sleep(max(0, begun + reads / READS_PER_S - time.monotonic()))
    caller.refresh()
    _give_role(admin, username, "user")
    demoted = last = time.monotonic()
    while caller.read_admin().status == 200:
        last = time.monotonic()
        time.sleep(_POLL_S)
    return LifetimeOutcome(lifetime_s, reads / refreshes, last - demoted)


def _give_role(admin: ApiClient, username: str, role: str) -> None:
    """Set a role as an admin with a fresh token, which may expire while this machine stalls."""
    for _ in range(_ATTEMPTS):
        admin.refresh()
        with suppress(ConformanceError):
            admin.change_account(username, role=role)
            return
    raise ConformanceError(f"server {SCHEME}: an admin with a fresh token may not change an account.")


def _read_refreshing(caller: ApiClient) -> bool:
    """Read, refreshing an expired token first; return whether it was refreshed."""
    if caller.read().status == 200:
        return False
    for _ in range(_ATTEMPTS):
        caller.refresh()
        if caller.read().status == 200:
            return True
    raise ConformanceError(f"server {SCHEME}: a read with a fresh token was refused.")


def lifetimes(result: Result, measured: Sequence[LifetimeOutcome]) -> Outcome:
    """Judge the cost of refreshing per read at each lifetime, compared with the cost of a denylist."""
    by_arm = rows(result) | {SCHEME: rows(result, "refresh")[SCHEME]}
    list_cost = f"(token-denylist.{METRIC} - token.{METRIC})"

    def added(lifetime_s: float, reads: float, source: str) -> ClaimFigure:
        name = f"refreshing adds to a read, lifetime {lifetime_s:,} s ({source})"
        text = f"{SCHEME}.{METRIC} / {reads}"
        figure = calculated(name, text, by_arm, result, "us")
        return figure.model_copy(update={"group": "refresh cost", "x": lifetime_s})

    refresh = calculated("CPU of a refresh", f"{SCHEME}.{METRIC}", by_arm, result, "us")
    denylist = calculated("a denylist adds to a read", list_cost, by_arm, result, "us")
    share = calculated(
        f"refreshing every {JUDGED_S} s / querying a denylist on every read",
        f"{SCHEME}.{METRIC} / {JUDGED_S * READS_PER_S} / {list_cost}",
        by_arm,
        result,
    )
    low, high = share.ci or (share.value, share.value)
    verdict: Verdict = "supported" if high < 1 and low > 0 else "refuted" if low > 1 else "inconclusive"
    words = {
        "supported": f"for a user who reads once a second, refreshing every {JUDGED_S} s costs"
        f" {100 * share.value:.0f} % of what a denylist costs, and leaves up to {JUDGED_S} s of stale access",
        "refuted": f"refreshing every {JUDGED_S} s costs more than querying a denylist on every read",
        "inconclusive": "neither refreshing nor a denylist costs significantly less",
    }
    figures = [
        refresh,
        denylist,
        share,
        calculated(
            "lifetime at which refreshing costs as much as a denylist",
            f"{SCHEME}.{METRIC} / {READS_PER_S} / {list_cost}",
            by_arm,
            result,
            "s",
        ),
        *(added(row.lifetime_s, row.reads_per_refresh, "measured") for row in measured),
        *(added(lifetime_s, lifetime_s * READS_PER_S, "modelled") for lifetime_s in MODELLED_S),
        *(_stale(row.lifetime_s, row.stale_s, "measured") for row in measured),
        *(_stale(lifetime_s, lifetime_s, "at most") for lifetime_s in MODELLED_S),
    ]
    return Outcome(verdict=verdict, because=words[verdict], figures=figures)


def _stale(lifetime_s: int, stale_s: float, source: str) -> ClaimFigure:
    name = f"stale access, lifetime {lifetime_s:,} s ({source})"
    return ClaimFigure(name=name, value=stale_s, unit="s", group="stale access", x=lifetime_s)


CLAIMS: Final = (
    Claim(
        11,
        "short lifetimes instead of revocation",
        "Maida, Krebs",
        "measured",
        f"lifetimes of {' and '.join(map(str, LIVED_S))} s measured with a client that reads once a second"
        " and loses a role; longer ones calculated from the CPU of a refresh (without the refused read that"
        " makes a client refresh); compared with the CPU that a denylist adds",
        f"supported when, for that client, refreshing every {JUDGED_S} s costs less CPU than querying a"
        " denylist on every read; refuted when it costs more",
        short_lives,
    ),
)
