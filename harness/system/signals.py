"""Handling of Ctrl-C, SIGTERM and a closed terminal: the first ends a run cleanly, the second speeds that up.

An interrupt is an exception, and an exception inside a clean-up would leave the rest of it undone. So the
first signal raises KeyboardInterrupt, the second only makes `is_forced` true, and within `deferred` none
raises at all. From the third on they raise again, in case something swallowed the first.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Final

from harness.errors import InterruptedRunError

#: Signals that end a run with full clean-up.
_STOPS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Count of the signal that raises nothing and only forces the end.
_FORCING: Final = 2


class _State:
    """Signals received so far; a signal concerns the whole process, and so does this state."""

    signals = 0
    deferrals = 0
    pending = False
    terminals: tuple[int, ...] = ()


def install_handlers() -> None:
    """Handle every signal that asks this process to end; called once, by the command line."""
    _State.terminals = tuple(number for number in (1, 2) if os.isatty(number))
    for number in _STOPS:
        # nohup ignores SIGHUP on purpose; shells ignore SIGINT for background jobs, which is not respected.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _on_signal)


def ignore() -> None:
    """Ignore these signals from now on: the process is about to end by itself."""
    for number in _STOPS:
        signal.signal(number, signal.SIG_IGN)


def is_forced() -> bool:
    """Whether a second signal came during the clean-up: kill rather than wait."""
    return _State.signals >= _FORCING or (_State.pending and _State.deferrals > 0)


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Defer signals within the context; a signal that came meanwhile is raised at its end."""
    _State.deferrals += 1
    try:
        yield
    finally:
        _State.deferrals -= 1
        if _State.pending and not _State.deferrals:
            _State.pending = False
            raise KeyboardInterrupt


def _on_signal(number: int, _frame: FrameType | None) -> None:
    if number == signal.SIGHUP:
        _leave_terminal()
    _State.signals += 1
    if _State.signals == _FORCING:
        return
    if _State.deferrals:
        _State.pending = True
        return
    raise KeyboardInterrupt


def _leave_terminal() -> None:
    """Redirect output to /dev/null: writes to a closed terminal fail, and would break the clean-up."""
    null = os.open(os.devnull, os.O_WRONLY)
    for descriptor in _State.terminals:
        os.dup2(null, descriptor)
    os.close(null)


@contextlib.contextmanager
def until_stopped() -> Iterator[None]:
    """End without a message after Ctrl-C, the normal end of a command that serves."""
    try:
        yield
    except KeyboardInterrupt:
        raise InterruptedRunError from None
