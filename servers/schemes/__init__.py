"""Authentication schemes, one module each, discovered by listing this folder.

The scheme of `token_denylist.py` is called `token-denylist`. A module defines `ABOUT`, the description and
guarantees of the scheme, and `build(name, settings)`, which creates it.
"""

import importlib
import pkgutil
from typing import Protocol, cast

from servers.credentials.scheme import About, Scheme
from servers.errors import UsageError
from servers.settings import Settings


class SchemeModule(Protocol):
    """Module of a scheme."""

    ABOUT: About

    def build(self, name: str, settings: Settings) -> Scheme:
        """Return the scheme `name`, configured by `settings`."""


def names() -> list[str]:
    """Return the sorted names of all schemes, without importing them."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def load(name: str) -> SchemeModule:
    """Return the module of the scheme `name`, without importing any other.

    Raises:
        UsageError: There is no scheme of that name.
    """
    if name not in names():
        raise UsageError(f"There is no scheme {name!r}; available: {', '.join(names())}.")
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return cast(SchemeModule, module)
