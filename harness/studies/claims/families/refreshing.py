"""Claims about refresh tokens: how they work, the rights of a refreshed token, and short lifetimes."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from harness.errors import ConformanceError
from harness.results.claims import ClaimFigure, Outcome
from harness.studies.claims.claim import SUITE, Claim, decided, figure, judged
from harness.studies.claims.readings import METRIC, calculated, interval, rows
from harness.testbed.client import ADMIN, ApiClient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.results.model import Result
    from harness.studies.lab import Lab

SCHEME: Final = "token-refresh"
#: Repetitions of each demonstration, and clients that refresh concurrently in one.
TRIALS: Final = 10
AT_ONCE: Final = 8
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


def rights(lab: Lab) -> Outcome:
    """Grant and remove a role; read as an admin with the old token and with the refreshed one."""
    admin = lab.admin(SCHEME)
    stale = fresh = 0
    for _ in range(TRIALS):
        username = lab.account()
        caller = lab.logged_in(SCHEME, username)
        for role, allowed in (("admin", 200), ("user", 403)):
            admin.change_account(username, role=role)
            stale += caller.read_admin().status == allowed
            caller.refresh()
            fresh += caller.read_admin().status == allowed
    lifetime_s = lab.schemes[SCHEME].lifetime_s
    return decided(
        (stale, fresh) == (0, 2 * TRIALS),
        f"a token keeps the rights that it was issued with, for {lifetime_s} s at most; the refreshed one has"
        " the current rights, whether granted or removed",
        [
            figure("old token with the current rights", stale, f"of {2 * TRIALS}"),
            figure("refreshed token with the current rights", fresh, f"of {2 * TRIALS}"),
            figure("declared lifetime of a token", lifetime_s, "s"),
        ],
    )


def rotation(lab: Lab) -> Outcome:
    """Refresh from several clients concurrently, use the successor, and replay a spent token."""
    forked = logged_out = replayed = outlived = 0
    for _ in range(TRIALS):
        caller = lab.logged_in(SCHEME)
        spent = caller.thief()
        clients = [caller.thief() for _ in range(AT_ONCE)]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            statuses = list(threads.map(lambda client: client.refresh().status, clients))
        forked += len({client.refresh_token for client in clients}) > 1
        logged_out += statuses.count(401) + (clients[0].refresh().status != 200)
        replayed += spent.refresh().status == 200
        outlived += clients[0].refresh().status == 200
    return decided(
        not (forked or logged_out or replayed or outlived),
        f"{AT_ONCE} concurrent refreshes got one successor and logged no client out; a spent token with a"
        " used successor is refused, which revokes the refresh tokens of thief and victim alike",
        [
            figure("more than one successor", forked, f"of {TRIALS}"),
            figure("logged out by concurrent refreshes", logged_out, f"of {TRIALS * AT_ONCE}"),
            figure("replays of a spent token accepted", replayed, f"of {TRIALS}"),
            figure("refresh tokens that outlived a replay", outlived, f"of {TRIALS}"),
        ],
    )


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
    admins = [lab.logged_in(SCHEME, ADMIN, AUTH_LIFETIME_S=str(lifetime_s)) for lifetime_s in LIVED_S]
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

    value_of = partial(calculated, by_arm=by_arm, result=result)

    def added(lifetime_s: float, reads: float, source: str) -> ClaimFigure:
        name = f"refreshing adds to a read, lifetime {lifetime_s:,} s ({source})"
        value = value_of(name, f"{SCHEME}.{METRIC} / {reads}", unit="us")
        return value.model_copy(update={"group": "refresh cost", "x": lifetime_s})

    def stale(lifetime_s: int, stale_s: float, source: str) -> ClaimFigure:
        name = f"stale access, lifetime {lifetime_s:,} s ({source})"
        return ClaimFigure(name=name, value=stale_s, unit="s", group="stale access", x=lifetime_s)

    share = value_of(
        f"refreshing every {JUDGED_S} s / querying a denylist on every read",
        f"{SCHEME}.{METRIC} / {JUDGED_S * READS_PER_S} / {list_cost}",
    )
    low, high = interval(share)
    return judged(
        [
            value_of("CPU of a refresh", f"{SCHEME}.{METRIC}", unit="us"),
            value_of("a denylist adds to a read", list_cost, unit="us"),
            share,
            value_of(
                "lifetime at which refreshing costs as much as a denylist",
                f"{SCHEME}.{METRIC} / {READS_PER_S} / {list_cost}",
                unit="s",
            ),
            *(added(row.lifetime_s, row.reads_per_refresh, "measured") for row in measured),
            *(added(lifetime_s, lifetime_s * READS_PER_S, "modelled") for lifetime_s in MODELLED_S),
            *(stale(row.lifetime_s, row.stale_s, "measured") for row in measured),
            *(stale(lifetime_s, lifetime_s, "at most") for lifetime_s in MODELLED_S),
        ],
        supported=high < 1 and low > 0,
        refuted=low > 1,
        if_supported=f"for a user who reads once a second, refreshing every {JUDGED_S} s costs"
        f" {100 * share.value:.0f} % of what a denylist costs, and leaves up to {JUDGED_S} s of stale access",
        if_refuted=f"refreshing every {JUDGED_S} s costs more than querying a denylist on every read",
        otherwise="neither refreshing nor a denylist costs significantly less",
    )


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
    Claim(
        15,
        "a refreshed token carries the new rights",
        "adobot",
        "demonstrated",
        "an account gets a role and loses it; the old token and the refreshed one are tried each time",
        "supported when every refreshed token has the current rights, and no old one has",
        rights,
    ),
    Claim(
        16,
        "how do refresh tokens work? (one successor, no false logout, replay noticed)",
        "ironcode",
        "demonstrated",
        "eight clients refresh with one token concurrently, one refreshes again, and the spent token is"
        " replayed",
        "supported when there is one successor, no client is logged out, and the replay revokes the refresh"
        " tokens",
        rotation,
    ),
)
