"""Source tree that programs are started from, with an interpreter that has its dependencies. Pure."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Tree:
    """Source tree of servers.

    Attributes:
        root: Folder that contains the servers' package, links resolved.
        python: Interpreter that runs them.
        servers: Package of the servers (`python -m servers SCHEME`); its module `accounts` seeds accounts.
    """

    root: Path
    python: str = sys.executable
    servers: str = "servers"

    @property
    def package(self) -> Path:
        """Return the folder of the servers' package."""
        return self.root.joinpath(*self.servers.split("."))


#: Tree of this tool: the checkout, or site-packages.
OURS: Final = Tree(Path(__file__).resolve().parents[2])
