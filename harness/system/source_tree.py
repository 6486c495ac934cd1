"""A tree of code that programs are started from, and the interpreter that has what it needs. Pure."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Tree:
    """Where servers come from.

    Attributes:
        root: The folder that their package lies in, links resolved.
        python: The interpreter.
        servers: The package that serves (`python -m servers SCHEME`), and seeds accounts by its `accounts`.
    """

    root: Path
    python: str = sys.executable
    servers: str = "servers"

    @property
    def package(self) -> Path:
        """The folder of the package that serves."""
        return self.root.joinpath(*self.servers.split("."))


#: This tree: the checkout, or site-packages.
OURS: Final = Tree(Path(__file__).resolve().parents[2])
