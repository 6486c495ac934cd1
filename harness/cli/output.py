"""Output of commands: text to a console, JSON to standard output."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from rich.console import Console

from harness.errors import InterruptedRunError


def console(*, as_json: bool = False, quiet: bool = False) -> Console:
    """Return the console for text; with JSON on standard output, it writes to standard error.

    Rich prints no colours with `NO_COLOR` or without a terminal.
    """
    return Console(stderr=as_json, quiet=quiet)


def print_text(text: str) -> None:
    """Print a document, such as JSON, to standard output."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
    sys.stdout.flush()


@contextlib.contextmanager
def until_stopped() -> Iterator[None]:
    """End without a message after Ctrl-C, the normal end of a command that serves."""
    try:
        yield
    except KeyboardInterrupt:
        raise InterruptedRunError from None
