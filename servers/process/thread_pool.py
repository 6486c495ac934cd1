"""Blocking work off the event loop, with a bound on how much may wait."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from aiohttp import web

from servers.http.responses import unavailable

T = TypeVar("T")


class WorkerPool:
    """A few threads with a bounded queue; work past the bound is refused rather than made to wait.

    Args:
        threads: Threads that work at the same time.
        queue: Pieces of work, running or waiting, that are accepted at most.
        name: What the threads are called.
    """

    def __init__(self, threads: int, queue: int, name: str) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._free = queue

    async def run(self, work: Callable[..., T], *args: object) -> T:
        """Return `work(*args)`, called in one of the threads.

        Raises:
            web.HTTPServiceUnavailable: As much as may wait is waiting already.
        """
        if self._free == 0:
            raise self.overloaded()
        self._free -= 1
        future = self._executor.submit(work, *args)
        # Counted by the work and not by its waiter: a caller that hangs up frees no thread.
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let running work finish, drop what waits, and end the threads."""
        self._executor.shutdown(cancel_futures=True)

    def _done(self) -> None:
        self._free += 1

    @staticmethod
    def overloaded() -> web.HTTPServiceUnavailable:
        """Return the 503 that tells a caller to come back in a second."""
        return unavailable("overloaded")
