"""Experiments in a browser, one per file.

A module has `TITLE`; `SCHEMES`, the servers that it needs, by scheme (with the suffix `session.AGAIN`: a
second server of that scheme); `OPTIONS`, the names of its options (`rounds`: clicks per case, `seed`: seed of
their order); and `run(servers, **options)`, which returns rows.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol, cast


class Experiment(Protocol):
    """A module of this folder."""

    TITLE: str
    SCHEMES: Sequence[str]
    OPTIONS: Sequence[str]

    def run(self, servers: Mapping[str, int], **options: int) -> Awaitable[tuple[str, Sequence[Any]]]:
        """Run it on servers (ports by name); return the browser's version, and rows as dataclasses."""


def names() -> list[str]:
    """Return the names of all experiments."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> Experiment:
    """Return the module of an experiment."""
    return cast(Experiment, importlib.import_module(f"{__name__}.{name}"))
