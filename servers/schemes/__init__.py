"""The schemes: one file each, found by listing this folder. `token_denylist.py` is called `token-denylist`.

A file offers `ABOUT`, what it is and promises, and `build(name, settings)`, which makes it.
"""

import importlib
import pkgutil
from typing import Protocol, cast

from servers.credentials.scheme import About, Scheme
from servers.errors import UsageError
from servers.settings import Settings


class SchemeModule(Protocol):
    """What a file in this folder offers."""

    ABOUT: About

    def build(self, name: str, settings: Settings) -> Scheme:
        """Return the scheme, called `name`, as `settings` would have it."""


def names() -> list[str]:
    """Return the names of all schemes, sorted; imports none."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def load(name: str) -> SchemeModule:
    """Return the scheme called `name`; imports no other.

    Raises:
        UsageError: There is none of that name.
    """
    if name not in names():
        raise UsageError(f"There is no scheme {name!r}; there are: {', '.join(names())}.")
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return cast(SchemeModule, module)
