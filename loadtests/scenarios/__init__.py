"""The scenarios, one file each: `TITLE`, `MODEL` (`open` or `closed`), and `visit(session)`.

A new scenario is one new file here. `visit` makes the requests of one arrival (open loop) or one turn of a
user (closed loop), by calling the methods of a `Session`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadtests.session import Session


@dataclass(frozen=True)
class ScenarioFile:
    """What a scenario's file offers."""

    name: str
    title: str
    model: str
    visit: Callable[[Session], None]


def names() -> list[str]:
    """The scenarios there are, by file."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def load(name: str) -> ScenarioFile:
    """Import one scenario; ModuleNotFoundError where there is none of that name."""
    module: Any = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return ScenarioFile(name, module.TITLE, module.MODEL, module.visit)
