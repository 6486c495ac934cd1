"""Output of commands: text to a console, JSON to standard output."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Self

from rich.console import Console


@dataclass(frozen=True)
class Output:
    """Output of a command: text to a console, and JSON to standard output if it was requested.

    Attributes:
        console: Console for text.
        as_json: Whether JSON was requested.
    """

    console: Console
    as_json: bool = False

    @classmethod
    def of(cls, *, as_json: bool = False, quiet: bool = False) -> Self:
        """Return the output with these options; with JSON on standard output, text goes to standard error.

        Rich prints no colours with `NO_COLOR` or without a terminal.
        """
        return cls(Console(stderr=as_json, quiet=quiet), as_json)

    def log(self, text: str) -> None:
        """Print a line to the console as it is: no colours, no markup, and only the terminal wraps it."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def json(self, text: str) -> None:
        """Print a document to standard output if JSON was requested."""
        if self.as_json:
            sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
            sys.stdout.flush()
