"""Server with known extra work: `python -m calibration.slowed --rounds 100 token --port 0 …`.

The arguments after the options below are passed to `python -m servers`; its code is unchanged. An empty loop
runs before every credential check. Its CPU time is measured in the server, in one request of sixteen, so
that the slowdown is known. `--rounds 0` is the same without the work.
"""

from __future__ import annotations

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

from calibration import parser
from servers import __main__
from servers.credentials.identity import Identity
from servers.http.app_keys import SCHEME
from servers.process import serving

#: Number of requests per timed request: reading the thread's clock is a system call.
_TIMED_EVERY: Final = 16

Identify = Callable[[web.Request], Awaitable[Identity]]


class Work:
    """The extra work and its measured CPU time.

    Args:
        rounds: Iterations of the loop.
        every: Number of requests per request with work.
        leak: Bytes that each request leaks.
    """

    def __init__(self, rounds: int, every: int, leak: int) -> None:
        self._rounds = rounds
        self._every = every
        self._leak = leak
        self._leaked: list[bytes] = []
        self._times_ns = array("q")
        self._timed = 0
        self.requests = 0

    def around(self, identify: Identify) -> Identify:
        """Return the credential check with the work before it."""

        async def slowed(request: web.Request) -> Identity:
            self.requests += 1
            if self.requests % self._every == 0:
                self._timed += 1
                if self._timed % _TIMED_EVERY:
                    self._work()
                else:
                    begun_ns = thread_time_ns()
                    self._work()
                    self._times_ns.append(thread_time_ns() - begun_ns)
            if self._leak:
                self._leaked.append(b"x" * self._leak)
            return await identify(request)

        return slowed

    def _work(self) -> None:
        for _ in repeat(None, self._rounds):
            pass

    def tally(self) -> dict[str, Any]:
        """Return the number of requests and the median CPU time of the work per request, ns."""
        return {
            "requests": self.requests,
            "work_ns": median(self._times_ns) / self._every if self._times_ns else None,
        }


def main() -> None:
    """Serve like `python -m servers`, with the extra work."""
    arguments = parser("slowed", __doc__, allow_abbrev=False)
    arguments.add_argument("--rounds", type=int, default=0, help="iterations of an empty loop per check (0)")
    arguments.add_argument("--every", type=int, default=1, help="one request in EVERY has the work (1)")
    arguments.add_argument("--leak", type=int, default=0, help="bytes that each request leaks (0)")
    arguments.add_argument("--tallies", type=Path, help="folder for a JSON file with the time of the work")
    options, rest = arguments.parse_known_args()
    work = Work(options.rounds, options.every, options.leak)
    module: Any = serving
    create_app = module.create_app

    async def write_tally(_: web.Application) -> AsyncIterator[None]:
        yield
        if options.tallies is not None:
            (options.tallies / f"{os.getpid()}.json").write_text(json.dumps(work.tally()), encoding="utf-8")

    def create_slowed(*arguments: Any) -> web.Application:
        app: web.Application = create_app(*arguments)
        scheme: Any = app[SCHEME]
        scheme.identify = work.around(scheme.identify)
        app.cleanup_ctx.append(write_tally)
        return app

    module.create_app = create_slowed
    sys.argv[1:] = rest
    __main__.main()


if __name__ == "__main__":
    main()
