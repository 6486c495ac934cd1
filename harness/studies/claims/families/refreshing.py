"""Refresh tokens: how they work, and what a refreshed token says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from harness.results.claims import ClaimFigure, Outcome
from harness.studies.claims.claim import Claim, decided

if TYPE_CHECKING:
    from harness.studies.lab import Lab

SCHEME: Final = "token-refresh"
#: Times that each trial is made, and clients that refresh at the same time in one.
TRIALS: Final = 10
AT_ONCE: Final = 8


def rights(lab: Lab) -> Outcome:
    """Give an account a role and take it; read as an admin with the old token and with the refreshed one."""
    boss = lab.admin(SCHEME)
    stale = fresh = 0
    for _ in range(TRIALS):
        username = lab.account()
        caller = lab.logged_in(SCHEME, username)
        for role, allowed in (("admin", 200), ("user", 403)):
            boss.change_account(username, role=role)
            stale += caller.read_admin().status == allowed
            caller.refresh()
            fresh += caller.read_admin().status == allowed
    lifetime_s = lab.schemes[SCHEME].lifetime_s
    return decided(
        (stale, fresh) == (0, 2 * TRIALS),
        f"a token keeps the rights that it was issued with, for {lifetime_s} s at most; the refreshed one has"
        " those of now, given or taken",
        [
            ClaimFigure(name="old token with the rights of now", value=stale, unit=f"of {2 * TRIALS}"),
            ClaimFigure(name="refreshed token with the rights of now", value=fresh, unit=f"of {2 * TRIALS}"),
            ClaimFigure(name="declared lifetime of a token", value=lifetime_s, unit="s"),
        ],
    )


def rotation(lab: Lab) -> Outcome:
    """Refresh from many clients at once, go on with the successor, and replay a spent one."""
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
        f"{AT_ONCE} refreshes at once got one successor and logged nobody out; a spent token whose successor"
        " was used is refused, and ends the refresh tokens of thief and victim alike",
        [
            ClaimFigure(name="more successors than one", value=forked, unit=f"of {TRIALS}"),
            ClaimFigure(
                name="logged out by refreshing at once", value=logged_out, unit=f"of {TRIALS * AT_ONCE}"
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
        "an account is given a role, and loses it; the old token and the refreshed one are tried each time",
        "supported when every refreshed token has the rights of now, and no old one has",
        rights,
    ),
    Claim(
        16,
        "how do refresh tokens work? (one successor, no false logout, replay noticed)",
        "ironcode",
        "demonstrated",
        "eight clients refresh with one token at once, one goes on, and the spent token is replayed",
        "supported when there is one successor, nobody is logged out, and the replay ends its refresh tokens",
        rotation,
    ),
)
