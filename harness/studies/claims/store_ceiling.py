"""What a store can carry out of a read's command, by itself: a program that prints JSON.

`--reads` names a file with a JSON object: `commands`, what reads ask the store, a list of words each, and
`values`, what it holds for that, by key. The program puts the values there, opens a connection for each
command, has one under way on each, and prints how many `commands` were carried out in how many `seconds`, and
`cpu_s`, the store's CPU meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import redis

#: Seconds that a value lives, longer than any read's command keeps it.
_LIFE_S: Final = 3600
_REPLY_BYTES: Final = 65_536
_WARM_UP: Final = 200


def measure(
    path: str, commands: Sequence[Sequence[str]], values: Mapping[str, str], seconds: float
) -> dict[str, float]:
    """Load the store for so many seconds, or to the end of the round that is then under way.

    Raises:
        ValueError: It answered otherwise than at first.
    """
    with redis.Redis(unix_socket_path=path) as client:
        for key, value in values.items():
            client.set(key, value, ex=_LIFE_S)
        requests = [_packed(words) for words in commands]
        connections = [_connected(path) for _ in requests]
        expected = _round(connections, requests)
        for _ in range(_WARM_UP):
            _round(connections, requests)
        done, before = 0, _cpu_s(client)
        begun = now = time.perf_counter()
        while now - begun < seconds:
            if _round(connections, requests) != expected:
                raise ValueError("the store answered otherwise than at first")
            done += len(requests)
            now = time.perf_counter()
        cpu_s = _cpu_s(client) - before
    return {"commands": done, "seconds": now - begun, "cpu_s": cpu_s}


def _round(connections: Sequence[socket.socket], requests: Sequence[bytes]) -> list[bytes]:
    """Every request sent, then every reply read."""
    for connection, request in zip(connections, requests, strict=True):
        connection.sendall(request)
    return [connection.recv(_REPLY_BYTES) for connection in connections]


def _packed(words: Sequence[str]) -> bytes:
    """A command as the store reads it (RESP)."""
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%b\r\n" % (len(one), one) for one in encoded)


def _connected(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(10)
    connection.connect(path)
    return connection


def _cpu_s(client: redis.Redis) -> float:
    cpu = client.info("cpu")
    return float(cpu["used_cpu_user"]) + float(cpu["used_cpu_sys"])


def main() -> None:
    """Measure once, on a CPU of its own where one is named."""
    parser = argparse.ArgumentParser(
        prog="python -m harness.studies.claims.store_ceiling", description=__doc__
    )
    parser.add_argument("--store", required=True, metavar="SOCKET", help="the Unix socket of a store")
    parser.add_argument("--reads", required=True, type=Path, metavar="FILE", help="what is asked, as above")
    parser.add_argument("--seconds", type=float, default=0.7, help="how long (default: %(default)s)")
    parser.add_argument("--cpu", type=int, metavar="N", help="where this program runs (default: anywhere)")
    options = parser.parse_args()
    if options.cpu is not None:
        os.sched_setaffinity(0, [options.cpu])
    asked = json.loads(options.reads.read_text(encoding="utf-8"))
    print(json.dumps(measure(options.store, asked["commands"], asked["values"], options.seconds)))


if __name__ == "__main__":
    main()
