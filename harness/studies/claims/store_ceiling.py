"""Measures the maximum rate of a read's command on a store without servers, and prints JSON.

`--reads` names a file with a JSON object: `url`, that of the store; `commands`, the store commands of reads,
a list of words each; and `values`, the store's values for them, by key. The program stores the values, opens
a connection for each command, keeps one command in flight on each, and prints how many `commands` were run in
how many `seconds`, and `cpu_s`, the CPU time that the store used.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import redis
from redis.connection import parse_url

#: Lifetime of a value in seconds; longer than that set by any read's command.
_LIFETIME_S: Final = 3600
_REPLY_BYTES: Final = 65_536
_WARM_UP: Final = 200


def measure(
    url: str, commands: Sequence[Sequence[str]], values: Mapping[str, str], seconds: float
) -> dict[str, float]:
    """Load the store for this many seconds, and to the end of the last round.

    Raises:
        ValueError: A reply differs from the first one.
    """
    with redis.Redis.from_url(url) as client:
        for key, value in values.items():
            client.set(key, value, ex=_LIFETIME_S)
        requests = [_packed(words) for words in commands]
        connections = [_connected(url) for _ in requests]
        expected = _round(connections, requests)
        for _ in range(_WARM_UP):
            _round(connections, requests)
        done, before = 0, _cpu_s(client)
        begun = now = time.perf_counter()
        while now - begun < seconds:
            if _round(connections, requests) != expected:
                raise ValueError("a reply of the store differs from the first one")
            done += len(requests)
            now = time.perf_counter()
        cpu_s = _cpu_s(client) - before
    return {"commands": done, "seconds": now - begun, "cpu_s": cpu_s}


def _round(connections: Sequence[socket.socket], requests: Sequence[bytes]) -> list[bytes]:
    """Send all requests, then read all replies."""
    for connection, request in zip(connections, requests, strict=True):
        connection.sendall(request)
    return [connection.recv(_REPLY_BYTES) for connection in connections]


def _packed(words: Sequence[str]) -> bytes:
    """Return a command in the store's protocol (RESP)."""
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in encoded)


def _connected(url: str) -> socket.socket:
    """Return a connection to a store by TCP or a Unix socket, authenticated if its URL has a password."""
    options: dict[str, Any] = dict(parse_url(url))  # type: ignore[no-untyped-call]
    if "path" in options:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(options["path"])
    else:
        connection = socket.create_connection((options["host"], options["port"]))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.settimeout(10)
    if password := options.get("password"):
        connection.sendall(_packed(["AUTH", password]))
        if (reply := connection.recv(_REPLY_BYTES)) != b"+OK\r\n":
            raise ValueError(f"the store rejected the password: {reply.decode()}")
    return connection


def _cpu_s(client: redis.Redis) -> float:
    cpu = client.info("cpu")
    return float(cpu["used_cpu_user"]) + float(cpu["used_cpu_sys"])


def main() -> None:
    """Measure once, on the CPU given on the command line, if any."""
    parser = argparse.ArgumentParser(
        prog="python -m harness.studies.claims.store_ceiling", description=__doc__
    )
    parser.add_argument("--reads", required=True, type=Path, metavar="FILE", help="what to send, see above")
    parser.add_argument("--seconds", type=float, default=0.7, help="duration (default: %(default)s)")
    parser.add_argument("--cpu", type=int, metavar="N", help="CPU for this program (default: any)")
    options = parser.parse_args()
    if options.cpu is not None:
        os.sched_setaffinity(0, [options.cpu])
    reads = json.loads(options.reads.read_text(encoding="utf-8"))
    print(json.dumps(measure(reads["url"], reads["commands"], reads["values"], options.seconds)))


if __name__ == "__main__":
    main()
