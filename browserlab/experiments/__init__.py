"""What is tried in a browser, one file an experiment.

A module has `TITLE`; `SCHEMES`, the servers that it needs, by their schemes (with `stage.AGAIN` behind it: a
second one of that scheme); `OPTIONS`, what else it is told (`rounds`: how
often each case is tried, `seed`: of their order); and `run(servers, **options)`, which answers rows.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol, cast


class Experiment(Protocol):
    """One file here."""

    TITLE: str
    SCHEMES: Sequence[str]
    OPTIONS: Sequence[str]

    def run(self, servers: Mapping[str, int], **options: int) -> Awaitable[tuple[str, Sequence[Any]]]:
        """Make it on servers, by name their port; the browser's version, and rows that are dataclasses."""


def names() -> list[str]:
    """The experiments there are."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__))


def load(name: str) -> Experiment:
    """One of them."""
    return cast(Experiment, importlib.import_module(f"{__name__}.{name}"))
