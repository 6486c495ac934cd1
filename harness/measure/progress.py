"""Progress of a run: one live line on a terminal, plain lines elsewhere, and a file for observers."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from harness.results.progress_file import ProgressFile

#: Seconds between plain lines.
_PLAIN_EVERY_S: Final = 10
#: Seconds between two writes of the file while slots go by, at least.
_WRITE_EVERY_S: Final = 1
_WARMING_UP: Final = "logging in and warming up"
_MEASURED: Final = "all is measured; making tables and charts"


class Reporter:
    """Reporter of what is running, how much time is left, and the recent rate of every arm.

    Call only `event` while requests are being recorded: the other methods write a file.

    Args:
        console: Console to print to; on a terminal a bar is drawn four times a second.
        file: File with the same progress for observers; None for no file.
        clock: Function that returns the time in seconds; tests pass their own.
    """

    def __init__(
        self,
        console: Console,
        file: ProgressFile | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._file = file
        self._clock = clock
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

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._live.stop()
        if self._file is not None and kind is None:
            self._file.write(_MEASURED)

    def log(self, text: str) -> None:
        """Print a permanent line about what is done before and between loads."""
        self.event(text)
        if self._file is not None:
            self._file.write(text)

    def event(self, text: str) -> None:
        """Print a permanent line about what happens under load."""
        self._console.print(text, highlight=False, soft_wrap=not self._console.is_terminal)

    def begin(self, name: str, slots: int, arms: list[str]) -> None:
        """Begin a scenario; `arms` names the arm of every instance."""
        self._name, self._slots, self._arms = name, slots, arms
        self._recent: dict[str, deque[tuple[int, int]]] = defaultdict(lambda: deque(maxlen=20))
        self._started = self._printed = self._written = self._clock()
        for task in self._live.task_ids:
            self._live.remove_task(task)
        self._task = self._live.add_task(name, total=slots, rates=_WARMING_UP)
        if not self._console.is_terminal:
            self.event(f"{name}: {_WARMING_UP}")
        if self._file is not None:
            self._file.write(_WARMING_UP, name, total=slots)

    def slot(self, done: int, instance: int, requests: int, elapsed_ns: int) -> None:
        """Report that a slot is over; called before the next begins."""
        if done == 1:
            self._started = self._printed = self._clock()
        self._recent[self._arms[instance]].append((requests, elapsed_ns))
        self._live.update(self._task, completed=done, rates=self._rates_text())
        now = self._clock()
        left_s = (now - self._started) / done * (self._slots - done)
        if not self._console.is_terminal and now - self._printed >= _PLAIN_EVERY_S:
            self._printed = now
            self.event(f"{self._name}: {done / self._slots:.0%}, {left_s:.0f} s left; {self._rates_text()}")
        if self._file is not None and now - self._written >= _WRITE_EVERY_S:
            self._written = now
            rates = {arm: round(rate, 1) for arm, rate in self._rates().items()}
            self._file.write(
                "measuring",
                self._name,
                done=done,
                total=self._slots,
                left_s=round(left_s, 1) if done > 1 else None,
                rates=rates,
            )

    def _rates_text(self) -> str:
        rates = self._rates()
        return "  ".join(
            f"{arm} {rates[arm]:,.0f}/s" if arm in rates else f"{arm} -" for arm in dict.fromkeys(self._arms)
        )

    def _rates(self) -> dict[str, float]:
        """Return the requests per second of every arm that was measured recently."""
        sums = {arm: map(sum, zip(*rows, strict=True)) for arm, rows in self._recent.items()}
        return {
            arm: requests / elapsed_ns * 1e9 for arm, (requests, elapsed_ns) in sums.items() if elapsed_ns
        }
