"""Claims about the work of clients: without a cookie jar, and in tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harness.results.claims import Outcome
from harness.studies.claims.claim import Claim, decided, figure

if TYPE_CHECKING:
    from harness.studies.lab import Lab

#: A scheme for each transport; both work without a store and differ in nothing else.
_TRANSPORTS: Final = {"bearer": "token", "cookie": "token-cookie"}


def mobile(lab: Lab) -> Outcome:
    """Log in, read and write with header lines alone; count the values to keep and to send."""
    figures, kept, works = [], {}, True
    for transport, scheme in _TRANSPORTS.items():
        caller = lab.logged_in(scheme)
        works = works and (caller.read().status, caller.write("a@b.c").status) == (200, 200)
        kept[transport] = caller.values_kept
        figures += [
            figure(f"{transport}: values to keep", caller.values_kept),
            figure(f"{transport}: headers to send with a write", len(caller.headers)),
        ]
    return decided(
        works and kept["cookie"] > kept["bearer"],
        f"both work without a cookie jar, but a cookie client keeps and sends {kept['cookie']} values (the"
        f" cookie, and the CSRF token for writes), a bearer client {kept['bearer']}",
        figures,
    )


def tests(lab: Lab) -> Outcome:
    """Count the requests that a test's client needs to log in and write."""
    figures, needed, works = [], {}, True
    for transport, scheme in _TRANSPORTS.items():
        caller = lab.logged_in(scheme)
        works = works and caller.write("a@b.c").status == 200
        needed[transport] = caller.requests
        figures.append(figure(f"{transport}: requests to log in and write", caller.requests))
    text = (
        f"logging in and writing takes {needed['cookie']} requests with a cookie and {needed['bearer']} with"
        " a bearer token: neither is more of a special case"
    )
    return decided(works and needed["bearer"] < needed["cookie"], text, figures, otherwise=text)


CLAIMS: Final = (
    Claim(
        5,
        "mobile: cookie containers are a nuisance",
        "article",
        "demonstrated",
        "a client without a cookie jar logs in, reads and writes under both transports",
        "supported when a cookie requires more of such a client than a bearer token",
        mobile,
    ),
    Claim(
        7,
        "login in functional tests is no special case with tokens",
        "article",
        "demonstrated",
        "a test's client logs in and writes under both transports; its requests are counted",
        "supported when that takes fewer requests with a bearer token than with a cookie",
        tests,
    ),
)
