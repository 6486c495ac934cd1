"""The scenarios, one file each.

A file defines `TITLE`, `MODEL` (`open` or `closed`), `STEPS` (the names of its requests) and
`visit(session)`, which makes the requests of one arrival (open loop) or one iteration of a user (closed loop)
by calling the methods of a `Session`. `NEEDS_CREDENTIAL = True` excludes arms without authentication. `SETS`
names the key of a suite's scenario that this scenario requires. With `OWN_LOGINS = True` a user logs in at
each instance, since the credential of one login can be used once only. `ASKS` has the contract's routes that
it uses, besides the login and the restricted read; servers without them are excluded. With `INCIDENT` all
arms run at once, and the harness meanwhile causes an incident of that kind (`harness/measure/incidents/`).
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
    """Contents of a scenario file."""

    name: str
    title: str
    model: str
    steps: tuple[str, ...]
    needs_credential: bool
    sets: str
    own_logins: bool
    incident: str
    asks: tuple[str, ...]
    visit: Callable[[Session], None]


def names() -> list[str]:
    """Return the names of the scenarios, by file."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def load(name: str) -> ScenarioFile:
    """Import one scenario; raises ModuleNotFoundError if there is none of that name."""
    module: Any = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return ScenarioFile(
        name,
        module.TITLE,
        module.MODEL,
        module.STEPS,
        needs_credential=getattr(module, "NEEDS_CREDENTIAL", False),
        sets=getattr(module, "SETS", ""),
        incident=getattr(module, "INCIDENT", ""),
        own_logins=getattr(module, "OWN_LOGINS", False),
        asks=getattr(module, "ASKS", ()),
        visit=module.visit,
    )
