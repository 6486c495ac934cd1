"""What a user sees while it measures: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

#: Seconds between plain lines.
_PLAIN_EVERY_S: Final = 10


class Reporter:
    """Tells what is running, how much time is left, and the rate of every arm so far.

    Args:
        console: Where to; on a terminal a bar is drawn four times a second.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TimeRemainingColumn(),
            TextColumn("{task.fields[rates]}"),
            console=console,
            refresh_per_second=4,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        """A line that stays."""
        self._console.print(text, highlight=False, soft_wrap=not self._console.is_terminal)

    def begin(self, name: str, slots: int, arms: list[str]) -> None:
        """A scenario begins; `arms` names the arm of every instance."""
        self._name, self._slots, self._arms = name, slots, arms
        self._recent: dict[str, deque[tuple[int, int]]] = defaultdict(lambda: deque(maxlen=20))
        self._started = self._said = time.monotonic()
        if self._task is not None:
            self._live.remove_task(self._task)
        self._task = self._live.add_task(name, total=slots, rates="logging in and warming up")
        if not self._console.is_terminal:
            self.say(f"{name}: logging in and warming up")

    def slot(self, done: int, instance: int, requests: int, elapsed_ns: int) -> None:
        """One slot is over."""
        if done == 1:
            self._started = self._said = time.monotonic()
        self._recent[self._arms[instance]].append((requests, elapsed_ns))
        if self._task is not None:
            self._live.update(self._task, completed=done, rates=self._rates())
        now = time.monotonic()
        if not self._console.is_terminal and now - self._said >= _PLAIN_EVERY_S:
            self._said = now
            left = (now - self._started) / done * (self._slots - done)
            self.say(f"{self._name}: {done / self._slots:.0%}, {left:.0f} s left; {self._rates()}")

    def _rates(self) -> str:
        parts = []
        for arm in dict.fromkeys(self._arms):
            requests = sum(row[0] for row in self._recent[arm])
            elapsed = sum(row[1] for row in self._recent[arm])
            parts.append(f"{arm} {requests / elapsed * 1e9:,.0f}/s" if elapsed else f"{arm} -")
        return "  ".join(parts)
