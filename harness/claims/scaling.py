"""What needs several server processes on one store: not yet run."""

from __future__ import annotations

from typing import Final

from harness.lab.claim import Claim

_PENDING: Final = "needs several server processes loaded at once on one store, which no suite here does yet"

CLAIMS: Final = (
    Claim(
        2,
        "stateless: there is no session store, so the server side scales",
        "article",
        "measured",
        "store operations a request, memory of a live session, throughput with 1, 2, … server processes",
        "supported when sessions are the first to stop gaining from another process",
        pending=_PENDING,
    ),
    Claim(
        18,
        "then every node has to look the session up",
        "reply",
        "measured",
        "1, 2, … server processes on one store: where it is saturated, and whose CPU it is",
        "supported when the store is the limit before the servers are",
        pending=_PENDING,
    ),
)
