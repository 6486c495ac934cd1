"""Deadlines for operations, with one timer for all of them.

`asyncio.timeout` arms a timer per operation, which adds some microseconds to a store command, and it cannot
distinguish a store that hangs from a process that was paused.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

#: Seconds between two checks for overdue operations.
TICK_S: Final = 0.25

T = TypeVar("T")


class Deadlines:
    """Timeout for operations, which are cancelled when they take too long.

    An operation is cancelled at the second check that finds it overdue: between the two, a process that was
    paused (by the machine, or by a long computation) reads the responses that arrived in the meantime.

    Args:
        limit_s: Timeout of an operation in seconds; it is cancelled at most two `TICK_S` later.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._begun: dict[asyncio.Task[Any], float] = {}
        self._late: set[asyncio.Task[Any]] = set()
        self._overdue: set[asyncio.Task[Any]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def bound(self, operation: Awaitable[T]) -> T:
        """Return the result of `operation`; a task may have one bounded operation at a time.

        Raises:
            TimeoutError: The operation took too long and was cancelled.
        """
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._begun[task] = loop.time()
        if self._timer is None:
            self._timer = loop.call_later(TICK_S, self._look, loop)
        try:
            return await operation
        except asyncio.CancelledError:
            if task in self._overdue and task.uncancel() == 0:
                raise TimeoutError from None
            raise  # cancelled by another caller
        finally:
            del self._begun[task]
            self._late.discard(task)
            self._overdue.discard(task)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        latest = loop.time() - self._limit_s
        for task, begun in self._begun.items():
            if begun > latest:
                continue
            if task not in self._late:
                self._late.add(task)
            elif task not in self._overdue:
                self._overdue.add(task)
                task.cancel()
        # No timer while the server is idle.
        self._timer = loop.call_later(TICK_S, self._look, loop) if self._begun else None
