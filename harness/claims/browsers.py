"""What needs a real browser, and is still to come."""

from __future__ import annotations

from typing import Final

from harness.lab.claim import Claim

_PENDING: Final = "needs a real browser, which this program does not drive yet"

CLAIMS: Final = (
    Claim(
        3,
        "cookies and CORS don't play well; tokens work to any server on any domain",
        "article",
        "demonstrated",
        "cross-origin calls in a real browser: which work, and how many preflights each costs",
        "supported when calls fail by cookie that work by bearer",
        pending=_PENDING,
    ),
    Claim(
        6,
        "no need to protect against CSRF with tokens",
        "article",
        "demonstrated",
        "a forged cross-site POST in a real browser: each transport, with and without SameSite and proof",
        "supported when no forgery succeeds against bearer",
        pending=_PENDING,
    ),
    Claim(
        23,
        "web storage leaves you open to XSS",
        "Kolba",
        "demonstrated",
        "an injected script in a real browser: can it steal, can it act, by where the credential is kept",
        "supported when it can carry off what is in web storage, and not what is in an HttpOnly cookie",
        pending=_PENDING,
    ),
)
