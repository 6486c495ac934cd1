"""Thread pool for blocking work off the event loop, with a bounded queue."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from servers.http.responses import unavailable

T = TypeVar("T")


class WorkerPool:
    """Thread pool with a bounded queue, which rejects further work instead of letting it wait.

    Args:
        threads: Number of threads.
        queue: Maximum number of tasks that run or wait.
        name: Name of the threads.
    """

    def __init__(self, threads: int, queue: int, name: str) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._free = queue

    async def run(self, work: Callable[..., T], *args: object) -> T:
        """Return `work(*args)`, called in one of the threads.

        Raises:
            web.HTTPServiceUnavailable: The queue is full.
        """
        if self._free == 0:
            raise unavailable("overloaded")  # asks clients to retry after a second
        self._free -= 1
        future = self._executor.submit(work, *args)
        # Counted by the task and not by its waiter: a caller that disconnects frees no thread.
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._done))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Wait for running tasks, cancel waiting ones, and stop the threads."""
        self._executor.shutdown(cancel_futures=True)

    def _done(self) -> None:
        self._free += 1
