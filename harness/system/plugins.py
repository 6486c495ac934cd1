"""Folders in which each file is one extension: a chart, an export, a family of claims, a kind of incident."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType


def names(package: str) -> list[str]:
    """Return the names of a package's modules, sorted; subpackages, such as `parts`, are not among them."""
    path = importlib.import_module(package).__path__
    return sorted(module.name for module in pkgutil.iter_modules(path) if not module.ispkg)


def modules(package: str) -> dict[str, ModuleType]:
    """Import every module of a package; return them by name, in the order of their names."""
    return {name: importlib.import_module(f"{package}.{name}") for name in names(package)}
