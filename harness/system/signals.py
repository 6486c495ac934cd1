"""Ctrl-C, SIGTERM and a closed terminal: the first ends a run through every clean-up, the next only hurries.

An interrupt is an exception, and an exception inside a clean-up would leave the rest of it undone. So the
first signal raises KeyboardInterrupt, the second only makes `hurried` true, and within `held` none raises
at all. From the third on they raise again, in case something swallowed the first.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Final

#: Signals that end a run in good order.
_STOPS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: The one signal after which nothing is raised.
_HURRY: Final = 2


class _State:
    """What this process has been told; a signal belongs to the whole process, and so does this."""

    signals = 0
    held = 0
    owed = False
    terminals: tuple[int, ...] = ()


def install_handlers() -> None:
    """Take care of every signal that asks this process to end; called once, by the command line."""
    _State.terminals = tuple(number for number in (1, 2) if os.isatty(number))
    for number in _STOPS:
        # nohup ignores SIGHUP on purpose; shells ignore SIGINT for background jobs, which nobody means.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _on_signal)


def ignore() -> None:
    """From here on nothing is left to be stopped: the process is about to end by itself."""
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)


def is_forced() -> bool:
    """Whether somebody asked again while clean-up was under way: kill rather than wait."""
    return _State.signals >= _HURRY or (_State.owed and _State.held > 0)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Let no signal break into what is done here; one that came meanwhile is raised at the end."""
    _State.held += 1
    try:
        yield
    finally:
        _State.held -= 1
        if _State.owed and not _State.held:
            _State.owed = False
            raise KeyboardInterrupt


def _on_signal(number: int, _frame: FrameType | None) -> None:
    if number == signal.SIGHUP:
        _leave_terminal()
    _State.signals += 1
    if _State.signals == _HURRY:
        return
    if _State.held:
        _State.owed = True
        return
    raise KeyboardInterrupt


def _leave_terminal() -> None:
    """Writing to a terminal that is gone fails, and would break clean-up: write to nowhere instead."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in _State.terminals:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
