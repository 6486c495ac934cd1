"""Claims about refresh tokens: how they work, and which rights a refreshed token has."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from harness.results.claims import ClaimFigure, Outcome
from harness.studies.claims.claim import Claim, decided

if TYPE_CHECKING:
    from harness.studies.lab import Lab

SCHEME: Final = "token-refresh"
#: Repetitions of each experiment, and clients that refresh concurrently in one.
TRIALS: Final = 10
AT_ONCE: Final = 8


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
            ClaimFigure(name="old token with the current rights", value=stale, unit=f"of {2 * TRIALS}"),
            ClaimFigure(name="refreshed token with the current rights", value=fresh, unit=f"of {2 * TRIALS}"),
            ClaimFigure(name="declared lifetime of a token", value=lifetime_s, unit="s"),
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
            ClaimFigure(name="more than one successor", value=forked, unit=f"of {TRIALS}"),
            ClaimFigure(
                name="logged out by concurrent refreshes", value=logged_out, unit=f"of {TRIALS * AT_ONCE}"
            ),
            ClaimFigure(name="replays of a spent token accepted", value=replayed, unit=f"of {TRIALS}"),
            ClaimFigure(name="refresh tokens that outlived a replay", value=outlived, unit=f"of {TRIALS}"),
        ],
    )


CLAIMS: Final = (
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
