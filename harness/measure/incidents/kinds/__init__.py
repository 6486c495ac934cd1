"""The kinds of incidents, one file each: a module here that has `KIND`."""

from __future__ import annotations

import importlib
import pkgutil

from harness.measure.incidents.kind import Kind


def find(name: str) -> Kind:
    """The kind of that name, as a scenario's `INCIDENT` has it.

    Raises:
        KeyError: There is none.
    """
    return every()[name]


def every() -> dict[str, Kind]:
    """Every kind in this folder, by name."""
    modules = (importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    return {module.KIND.name: module.KIND for module in modules}
