"""Times of the parts of a credential check, each measured separately.

`python -m harness.studies.claims.microbenchmark --store URL` prints JSON. In turn, within one process: an
HMAC-SHA256 over the signed part of a token, the whole verification of that token by PyJWT, and a GET of a
session's record by redis-py over an open connection. Medians of blocks, in µs.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from statistics import median
from typing import Final

import jwt
import uvloop
from redis.asyncio import Redis

#: Calls timed together, and blocks of each part, in turn.
_CALLS: Final = 50
_BLOCKS: Final = 60
_KEY: Final = "micro"


async def measure(store: str) -> dict[str, float]:
    """Return the time of each part in µs, by name: `hmac`, `verify`, `get`."""
    secret = secrets.token_bytes(32)
    now = int(time.time())
    issued = {
        "sub": "load-0",
        "first_name": "Robin",
        "last_name": "Load",
        "email": "load-0@example.com",
        "role": "user",
        "iss": "lab",
        "aud": "lab",
        "iat": now,
        "exp": now + 3600,
        "jti": secrets.token_urlsafe(16),
    }
    token = jwt.encode(issued, secret, algorithm="HS256")
    signed = token.rpartition(".")[0].encode()
    redis = Redis.from_url(store, protocol=2)

    parts: dict[str, Callable[[], object]] = {
        "hmac": lambda: hmac.digest(secret, signed, hashlib.sha256),
        "verify": lambda: jwt.decode(token, secret, algorithms=["HS256"], issuer="lab", audience="lab"),
    }
    times_us: dict[str, list[float]] = {"hmac": [], "verify": [], "get": []}
    await redis.set(_KEY, json.dumps(issued), ex=60)
    for _ in range(_BLOCKS):
        for name, part in parts.items():
            begun_ns = time.perf_counter_ns()
            for _ in range(_CALLS):
                part()
            times_us[name].append(_time_per_call_us(begun_ns))
        begun_ns = time.perf_counter_ns()
        for _ in range(_CALLS):
            await redis.get(_KEY)
        times_us["get"].append(_time_per_call_us(begun_ns))
    await redis.delete(_KEY)
    await redis.aclose()
    return {name: median(blocks) for name, blocks in times_us.items()}


def _time_per_call_us(begun_ns: int) -> float:
    return (time.perf_counter_ns() - begun_ns) / 1e3 / _CALLS


def main() -> None:
    """Measure once, on the event loop that the servers use."""
    parser = argparse.ArgumentParser(
        prog="python -m harness.studies.claims.microbenchmark", description=__doc__
    )
    parser.add_argument(
        "--store", required=True, metavar="URL", help="URL of a Redis or Valkey without a password"
    )
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(measure(options.store))))


if __name__ == "__main__":
    main()
