"""How a credential ends: by logout, block, demotion, a changed password; and what that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.errors import ConformanceError
from harness.results.claims import ClaimFigure, Outcome
from harness.studies.claims.claim import Claim, decided
from harness.testbed.client import read_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harness.studies.lab import Lab
    from harness.testbed.client import ApiClient

#: The status of a read that got in.
OK: Final = 200
#: Times that a credential is tried once it should be over.
TRIES: Final = 20


def _admitted(thief: ApiClient) -> int:
    """How many of `TRIES` reads with a kept credential get in."""
    return sum(thief.read().status == 200 for _ in range(TRIES))


def _share(name: str, admitted: int) -> ClaimFigure:
    return ClaimFigure(name=name, value=admitted, unit=f"of {TRIES} reads")


def replay(lab: Lab) -> Outcome:
    """Read with a copy of a credential whose holder has logged out; count what one read asks of the store."""
    figures, outlives, asks_nothing = [], set(), set()
    for scheme in lab.authenticating():
        caller = lab.logged_in(scheme.name)
        caller.read()
        before = lab.store_commands()
        caller.read()
        commands = lab.store_commands() - before
        thief = caller.thief()
        caller.log_out()
        admitted = _admitted(thief)
        figures += [
            _share(scheme.name, admitted),
            ClaimFigure(name=f"{scheme.name}, store commands a read", value=commands),
        ]
        outlives |= {scheme.name} if admitted else set()
        asks_nothing |= set() if commands or scheme.database == "every request" else {scheme.name}
    return decided(
        asks_nothing <= outlives,
        f"every scheme that asks nothing on a read ({_names(asks_nothing)}) lets a copy in after logout;"
        " where it is refused, a read costs a store command",
        figures,
        otherwise=f"a copy is refused without asking anything: {_names(asks_nothing - outlives)}",
    )


def block(lab: Lab) -> Outcome:
    """Block an account; read with its credential, and log in again."""
    figures, in_again, goes_on, asks_nothing = [], set(), set(), set()
    for scheme in lab.authenticating():
        username = lab.account()
        caller = lab.logged_in(scheme.name, username)
        lab.admin(scheme.name).change_account(username, disabled=True)
        admitted = _admitted(caller.thief())
        figures.append(_share(scheme.name, admitted))
        goes_on |= {scheme.name} if admitted else set()
        in_again |= {scheme.name} if caller.log_in(username).status == 200 else set()
        asks = "every request" in (scheme.store, scheme.database)
        asks_nothing |= set() if asks else {scheme.name}
    ends = {scheme.name for scheme in lab.authenticating()} - goes_on
    return decided(
        asks_nothing <= goes_on and not in_again,
        f"a blocked account goes on under every scheme that asks nothing on a read ({_names(asks_nothing)});"
        f" what ends it at once is something to ask, a list or another ({_names(ends)}); nobody logs in"
        " again",
        figures,
    )


def demote(lab: Lab) -> Outcome:
    """Take the role from an admin who is logged in, and read what only admins may."""
    return _stale(
        lab, "an admin who no longer is one", _demote, lambda thief: thief.read_admin().status == 200
    )


def _demote(lab: Lab, scheme: str) -> ApiClient:
    username = lab.account()
    boss = lab.admin(scheme)
    boss.change_account(username, role="admin")
    caller = lab.logged_in(scheme, username)
    if caller.read_admin().status != OK:
        raise ConformanceError(f"server {scheme}: an admin was not let in.")
    boss.change_account(username, role="user")
    return caller


def password(lab: Lab) -> Outcome:
    """Change a password, and read with the credential from before."""
    return _stale(lab, "a thief's credential", _change_password, lambda thief: thief.read().status == 200)


def _change_password(lab: Lab, scheme: str) -> ApiClient:
    caller = lab.logged_in(scheme)
    thief = caller.thief()
    caller.change_password("correct horse")
    return thief


def _stale(
    lab: Lab, who: str, change: Callable[[Lab, str], ApiClient], gets_in: Callable[[ApiClient], bool]
) -> Outcome:
    figures, stale = [], []
    for scheme in lab.authenticating():
        thief = change(lab, scheme.name)
        admitted = sum(gets_in(thief) for _ in range(TRIES))
        figures.append(_share(scheme.name, admitted))
        if admitted:
            stale.append(scheme.name)
            if "absolute timeout" not in scheme.waives:  # else a write renews it
                figures.append(
                    ClaimFigure(name=f"{scheme.name}, declared lifetime", value=scheme.lifetime_s, unit="s")
                )
    return decided(
        bool(stale),
        f"{who} still works under {_names(stale)}; under the others it ends at once",
        figures,
        otherwise=f"{who} ends at once under every scheme",
    )


def cutoff(lab: Lab) -> Outcome:
    """Log in, change the password at once, and try the old and the new token, where one second has both."""
    good = wrong = 0
    while good + wrong < TRIES:
        caller = lab.logged_in("token-cutoff")
        thief = caller.thief()
        caller.change_password("correct horse")
        if int(_issued(thief)) == int(_issued(caller)):
            right = (thief.read().status, caller.read().status) == (401, 200)
            good, wrong = good + right, wrong + (not right)
    return decided(
        not wrong,
        "every token from before the change was refused and every one from after it accepted, though one"
        " second had both: the times are kept to the microsecond",
        [
            ClaimFigure(name="pairs of one second, told apart", value=good, unit=f"of {TRIES}"),
            ClaimFigure(name="pairs of one second, mistaken", value=wrong, unit=f"of {TRIES}"),
        ],
    )


def _issued(caller: ApiClient) -> float:
    return float(read_token(caller.token)[1]["iat"])


def _names(schemes: Iterable[str]) -> str:
    return ", ".join(sorted(schemes))


CLAIMS: Final = (
    Claim(
        9,
        "blacklisting is a must-have: block the user, from logging in again too",
        "Kariv",
        "demonstrated",
        "under every scheme an account is blocked; its credential reads on, and then it logs in again",
        "supported when it goes on under all that ask nothing on a read, and nobody logs in again",
        block,
    ),
    Claim(
        14,
        "the admin who no longer is one",
        "ironcode",
        "demonstrated",
        "under every scheme an admin is demoted and then reads what only admins may",
        "supported when under some scheme the role outlives its end",
        demote,
    ),
    Claim(
        22,
        "revocation and replay make JWT stateful",
        "Ribeiro",
        "demonstrated",
        "under every scheme a copy is replayed after logout; the store's commands for a read are counted",
        "supported when no scheme refuses the copy without asking anything",
        replay,
    ),
    Claim(
        24,
        "the thief keeps the old token after a password change",
        "CAO",
        "demonstrated",
        "under every scheme a password is changed and a copy of the old credential replayed",
        "supported when under some scheme the copy still works",
        password,
    ),
    Claim(
        25,
        "a key-value of user and time, checked against iat, ends tokens correctly",
        "Krebs",
        "demonstrated",
        "under token-cutoff a password is changed at once after the login; pairs of one second are tried",
        "supported when all old tokens are refused and all new ones accepted",
        cutoff,
    ),
)
