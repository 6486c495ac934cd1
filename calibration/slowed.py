"""A server that does known extra work: `python -m calibration.slowed --rounds 100 token --port 0 …`.

What comes after the options below goes to `python -m servers`, whose code runs unchanged. Before every check
of a credential an empty loop turns; its CPU time is measured where it runs, in one request of sixteen, so
that how much slower a server was made is known and not hoped for. `--rounds 0` is the same without the work.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import repeat
from pathlib import Path
from statistics import median
from time import thread_time_ns
from typing import Any, Final

from aiohttp import web

from servers import __main__
from servers.credentials.identity import Identity
from servers.http.app_keys import SCHEME
from servers.process import serving

#: One request in so many is timed: reading the thread's clock is a system call.
_TIMED_EVERY: Final = 16

Identify = Callable[[web.Request], Awaitable[Identity]]


class Work:
    """The extra work, and what it took.

    Args:
        rounds: Turns of the loop.
        every: Only one request in so many has them.
        leak: Bytes that each request leaves behind.
    """

    def __init__(self, rounds: int, every: int, leak: int) -> None:
        self._rounds = rounds
        self._every = every
        self._leak = leak
        self._kept: list[bytes] = []
        self._took_ns = array("q")
        self._timed = 0
        self.requests = 0

    def around(self, identify: Identify) -> Identify:
        """The same check of a credential, with the work before it."""

        async def slowed(request: web.Request) -> Identity:
            self.requests += 1
            if self.requests % self._every == 0:
                self._timed += 1
                if self._timed % _TIMED_EVERY:
                    self._turn()
                else:
                    begun_ns = thread_time_ns()
                    self._turn()
                    self._took_ns.append(thread_time_ns() - begun_ns)
            if self._leak:
                self._kept.append(b"x" * self._leak)
            return await identify(request)

        return slowed

    def _turn(self) -> None:
        for _ in repeat(None, self._rounds):
            pass

    def tally(self) -> dict[str, Any]:
        """How many requests there were, and the median CPU time of the work, ns a request, clock included."""
        return {
            "requests": self.requests,
            "work_ns": median(self._took_ns) / self._every if self._took_ns else None,
        }


def main() -> None:
    """Serve as `python -m servers` does, slower."""
    parser = argparse.ArgumentParser(
        prog="python -m calibration.slowed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--rounds", type=int, default=0, help="turns of an empty loop around each check (0)")
    parser.add_argument("--every", type=int, default=1, help="only one request in so many has them (1)")
    parser.add_argument("--leak", type=int, default=0, help="bytes that each request leaves behind (0)")
    parser.add_argument("--tallies", type=Path, help="folder for a JSON file of what the work took")
    options, rest = parser.parse_known_args()
    work = Work(options.rounds, options.every, options.leak)
    module: Any = serving
    create_app = module.create_app

    async def told(_: web.Application) -> AsyncIterator[None]:
        yield
        if options.tallies is not None:
            (options.tallies / f"{os.getpid()}.json").write_text(json.dumps(work.tally()), encoding="utf-8")

    def create_slowed(*arguments: Any) -> web.Application:
        app: web.Application = create_app(*arguments)
        scheme: Any = app[SCHEME]
        scheme.identify = work.around(scheme.identify)
        app.cleanup_ctx.append(told)
        return app

    module.create_app = create_slowed
    sys.argv[1:] = rest
    __main__.main()


if __name__ == "__main__":
    main()
