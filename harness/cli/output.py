"""Where commands print: people's text to a console, JSON to standard output."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from rich.console import Console

from harness.errors import InterruptedRunError


def console(*, as_json: bool = False, quiet: bool = False) -> Console:
    """Return the console for people; with JSON on standard output it is standard error.

    Colours are Rich's: none with `NO_COLOR`, or where it is no terminal.
    """
    return Console(stderr=as_json, quiet=quiet)


def print_text(text: str) -> None:
    """Print a whole document, such as JSON, to standard output at once."""
    sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
    sys.stdout.flush()


@contextlib.contextmanager
def until_stopped() -> Iterator[None]:
    """End quietly by Ctrl-C, which is how a command that serves ends."""
    try:
        yield
    except KeyboardInterrupt:
        raise InterruptedRunError from None
