"""Claims about revocation: by logout, block, demotion or a changed password, and what it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.errors import ConformanceError
from harness.results.claims import Outcome
from harness.studies.claims.claim import Claim, decided, figure
from harness.testbed.client import read_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harness.studies.lab import Lab
    from harness.testbed.client import ApiClient, Response

#: Reads with a credential that should be revoked.
TRIES: Final = 20
_OF_READS: Final = f"of {TRIES} reads"


def _admitted(read: Callable[[], Response]) -> int:
    """Return how many of `TRIES` reads with a kept credential are accepted."""
    return sum(read().status == 200 for _ in range(TRIES))


def replay(lab: Lab) -> Outcome:
    """Read with a copy of a credential after its logout; count the store commands of a read."""
    figures, outlives, no_lookup = [], set(), set()
    for scheme in lab.authenticating():
        caller = lab.logged_in(scheme.name)
        caller.read()
        before = lab.store_commands()
        caller.read()
        commands = lab.store_commands() - before
        thief = caller.thief()
        caller.log_out()
        admitted = _admitted(thief.read)
        figures += [
            figure(scheme.name, admitted, _OF_READS),
            figure(f"{scheme.name}, store commands per read", commands),
        ]
        outlives |= {scheme.name} if admitted else set()
        no_lookup |= set() if commands or scheme.database == "every request" else {scheme.name}
    return decided(
        no_lookup <= outlives,
        f"every scheme without a lookup on reads ({_names(no_lookup)}) accepts a copy after logout; schemes"
        " that refuse it need a store command per read",
        figures,
        otherwise=f"a copy is refused without a lookup: {_names(no_lookup - outlives)}",
    )


def block(lab: Lab) -> Outcome:
    """Block an account; read with its credential, and log in again."""
    schemes = lab.authenticating()
    admitted, logged_in = {}, False
    for scheme in schemes:
        username = lab.account()
        caller = lab.logged_in(scheme.name, username)
        lab.admin(scheme.name).change_account(username, disabled=True)
        admitted[scheme.name] = _admitted(caller.thief().read)
        logged_in |= caller.log_in(username).status == 200
    revoked = {name for name, reads in admitted.items() if not reads}
    no_lookup = {scheme.name for scheme in schemes if "every request" not in (scheme.store, scheme.database)}
    return decided(
        not no_lookup & revoked and not logged_in,
        f"a blocked account keeps access under every scheme without a lookup on reads ({_names(no_lookup)});"
        f" schemes with a lookup, in a list or elsewhere, end it immediately ({_names(revoked)}); a blocked"
        " account cannot log in again",
        [figure(name, reads, _OF_READS) for name, reads in admitted.items()],
    )


def demote(lab: Lab) -> Outcome:
    """Remove the role of a logged-in admin, and read what only admins may read."""
    return _stale(lab, "the credential of a demoted admin", _demote)


def _demote(lab: Lab, scheme: str) -> Callable[[], Response]:
    username = lab.account()
    admin = lab.admin(scheme)
    admin.change_account(username, role="admin")
    caller = lab.logged_in(scheme, username)
    if caller.read_admin().status != 200:
        raise ConformanceError(f"server {scheme}: an admin's read was refused.")
    admin.change_account(username, role="user")
    return caller.read_admin


def password(lab: Lab) -> Outcome:
    """Change a password, and read with the credential from before."""
    return _stale(lab, "a stolen credential", lambda lab, scheme: _change_password(lab, scheme)[0].read)


def _change_password(lab: Lab, scheme: str) -> tuple[ApiClient, ApiClient]:
    """Return a client with the credential from before the change, and one with that from after it."""
    caller = lab.logged_in(scheme)
    thief = caller.thief()
    caller.change_password("correct horse")
    return thief, caller


def _stale(lab: Lab, what: str, change: Callable[[Lab, str], Callable[[], Response]]) -> Outcome:
    """Count accepted reads after a change, under every scheme.

    Args:
        lab: Lab with the servers.
        what: Name of the credential.
        change: Function that makes the change on a scheme's server, and returns a read with that credential.
    """
    figures, stale = [], []
    for scheme in lab.authenticating():
        admitted = _admitted(change(lab, scheme.name))
        figures.append(figure(scheme.name, admitted, _OF_READS))
        if admitted:
            stale.append(scheme.name)
            if "absolute timeout" not in scheme.waives:  # otherwise a write renews it
                figures.append(figure(f"{scheme.name}, declared lifetime", scheme.lifetime_s, "s"))
    return decided(
        bool(stale),
        f"{what} still works under {_names(stale)}; under the other schemes it is refused immediately",
        figures,
        otherwise=f"{what} is refused immediately under every scheme",
    )


def cutoff(lab: Lab) -> Outcome:
    """Change the password right after a login, and try old and new tokens issued in the same second."""
    good = wrong = 0
    while good + wrong < TRIES:
        thief, caller = _change_password(lab, "token-cutoff")
        if _issued_second(thief) == _issued_second(caller):
            is_right = (thief.read().status, caller.read().status) == (401, 200)
            good, wrong = good + is_right, wrong + (not is_right)
    return decided(
        not wrong,
        "every token from before the change was refused and every token from after it accepted, even if"
        " issued in the same second: the times are kept to the microsecond",
        [
            figure("pairs of the same second, judged right", good, f"of {TRIES}"),
            figure("pairs of the same second, judged wrong", wrong, f"of {TRIES}"),
        ],
    )


def _issued_second(caller: ApiClient) -> int:
    return int(read_token(caller.token)[1]["iat"])


def _names(schemes: Iterable[str]) -> str:
    return ", ".join(sorted(schemes))


CLAIMS: Final = (
    Claim(
        9,
        "blacklisting is a must-have: block the user, from logging in again too",
        "Kariv",
        "demonstrated",
        "under every scheme an account is blocked; its credential is used for reads, then for a new login",
        "supported when access continues under all schemes without a lookup on reads, and no login succeeds",
        block,
    ),
    Claim(
        14,
        "the admin who no longer is one",
        "ironcode",
        "demonstrated",
        "under every scheme an admin is demoted and then reads what only admins may read",
        "supported when the role still works after its removal under at least one scheme",
        demote,
    ),
    Claim(
        22,
        "revocation and replay make JWT stateful",
        "Ribeiro",
        "demonstrated",
        "under every scheme a copy is replayed after logout; the store commands of a read are counted",
        "supported when no scheme refuses the copy without a lookup",
        replay,
    ),
    Claim(
        24,
        "the thief keeps the old token after a password change",
        "CAO",
        "demonstrated",
        "under every scheme a password is changed and a copy of the old credential is replayed",
        "supported when the copy still works under at least one scheme",
        password,
    ),
    Claim(
        25,
        "a key-value of user and time, checked against iat, ends tokens correctly",
        "Krebs",
        "demonstrated",
        "under token-cutoff a password is changed right after the login; old and new tokens issued in the"
        " same second are tried",
        "supported when all old tokens are refused and all new ones accepted",
        cutoff,
    ),
)
