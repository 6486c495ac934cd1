"""Refresh tokens: how they work, and what a refreshed token says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from harness.lab.caller import read_token
from harness.lab.claim import Claim, Figure, Outcome, decided

if TYPE_CHECKING:
    from harness.lab.lab import Lab

SCHEME: Final = "token-refresh"
#: Times that each trial is made, and clients that refresh at the same time in one.
TRIALS: Final = 10
AT_ONCE: Final = 8


def rights(lab: Lab) -> Outcome:
    """Change what a token says; read what the old token and the refreshed one say."""
    old = new = 0
    for number in range(TRIALS):
        email = f"new-{number}@example.com"
        caller = lab.logged_in(SCHEME)
        caller.write(email)
        old += read_token(caller.token)[1]["email"] == email
        caller.refresh()
        new += read_token(caller.token)[1]["email"] == email
    lifetime_s = lab.schemes[SCHEME].lifetime_s
    return decided(
        (old, new) == (0, TRIALS),
        f"a token goes on saying what was so when it was issued, for {lifetime_s} s at most; the refreshed"
        " one says what is so",
        [
            Figure(name="old token up to date", value=old, unit=f"of {TRIALS}"),
            Figure(name="refreshed token up to date", value=new, unit=f"of {TRIALS}"),
            Figure(name="stale for at most", value=lifetime_s, unit="s"),
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
        " was used is refused, and ends the login for thief and victim alike",
        [
            Figure(name="more successors than one", value=forked, unit=f"of {TRIALS}"),
            Figure(name="logged out by refreshing at once", value=logged_out, unit=f"of {TRIALS * AT_ONCE}"),
            Figure(name="replays of a spent token accepted", value=replayed, unit=f"of {TRIALS}"),
            Figure(name="logins that outlived a replay", value=outlived, unit=f"of {TRIALS}"),
        ],
    )


CLAIMS: Final = (
    Claim(
        15,
        "a refreshed token carries the new rights",
        "adobot",
        "demonstrated",
        "what an account's token says is changed; the old token and the refreshed one are read",
        "supported when every refreshed token says what is so, and no old one does",
        rights,
    ),
    Claim(
        16,
        "how do refresh tokens work? (one successor, no false logout, replay noticed)",
        "ironcode",
        "demonstrated",
        "eight clients refresh with one token at once, one goes on, and the spent token is replayed",
        "supported when there is one successor, nobody is logged out, and the replay ends the login",
        rotation,
    ),
)
