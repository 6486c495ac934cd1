"""What a client has to do and to keep: without a cookie jar, and in tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.results.claims import ClaimFigure, Outcome
from harness.studies.claims.claim import Claim, decided

if TYPE_CHECKING:
    from harness.studies.lab import Lab

#: One scheme of each transport, both without a store: they differ in nothing else.
_TRANSPORTS: Final = {"bearer": "token", "cookie": "token-cookie"}


def mobile(lab: Lab) -> Outcome:
    """Log in, read and write with nothing but header lines; count what has to be kept and sent."""
    figures, kept, works = [], {}, True
    for transport, scheme in _TRANSPORTS.items():
        caller = lab.logged_in(scheme)
        works = works and (caller.read().status, caller.write("a@b.c").status) == (200, 200)
        kept[transport] = caller.values_kept
        figures += [
            ClaimFigure(name=f"{transport}: values to keep", value=caller.values_kept),
            ClaimFigure(name=f"{transport}: headers to send with a write", value=len(caller.headers)),
        ]
    return decided(
        works and kept["cookie"] > kept["bearer"],
        f"both work without a cookie jar, but by cookie there are {kept['cookie']} values to keep and to send"
        f" (the cookie, and the CSRF token for writes), by bearer {kept['bearer']}",
        figures,
    )


def tests(lab: Lab) -> Outcome:
    """Count the requests until a test's client is logged in and has written something."""
    figures, needed, works = [], {}, True
    for transport, scheme in _TRANSPORTS.items():
        caller = lab.logged_in(scheme)
        works = works and caller.write("a@b.c").status == 200
        needed[transport] = caller.requests
        figures.append(
            ClaimFigure(name=f"{transport}: requests until one has written", value=needed[transport])
        )
    seen = (
        f"to log in and write takes {needed['cookie']} requests by cookie and {needed['bearer']} by bearer:"
        " neither is more of a special case"
    )
    return decided(works and needed["bearer"] < needed["cookie"], seen, figures, otherwise=seen)


CLAIMS: Final = (
    Claim(
        5,
        "mobile: cookie containers are a nuisance",
        "article",
        "demonstrated",
        "a client without a cookie jar logs in, reads and writes under both transports",
        "supported when a cookie asks more of such a client than a bearer token does",
        mobile,
    ),
    Claim(
        7,
        "login in functional tests is no special case with tokens",
        "article",
        "demonstrated",
        "a test's client logs in and writes under both transports; its requests are counted",
        "supported when that takes fewer requests by bearer than by cookie",
        tests,
    ),
)
