"""The scenarios, one file each.

A file defines `TITLE` and `MODEL` (`open` or `closed`). The requests of one arrival (open loop) or of one
iteration of a user (closed loop) are one restricted read; other scenarios define `visit(session)`, which
makes them by calling the methods of a `Session`, and `STEPS`, their names. `NEEDS_CREDENTIAL = True` excludes
arms without authentication. `SETS` names the key of a suite's scenario that this scenario requires. With
`OWN_LOGINS = True` a user logs in at each instance, since the credential of one login can be used once only.
`ASKS` has the contract's routes that it uses, besides the login and the restricted read; servers without them
are excluded. With `INCIDENT` all arms run at once, and the harness meanwhile causes an incident of that kind
(`harness/measure/incidents/`).
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadtests.session import Session


@dataclass(frozen=True, kw_only=True)
class ScenarioFile:
    """Contents of a scenario file: its name, and what it defines in the names of these fields in capitals."""

    name: str
    title: str
    model: str
    steps: tuple[str, ...] = ("read",)
    needs_credential: bool = False
    sets: str = ""
    own_logins: bool = False
    incident: str = ""
    asks: tuple[str, ...] = ()
    visit: Callable[["Session"], None]


def names() -> list[str]:
    """Return the names of the scenarios, by file."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def load(name: str) -> ScenarioFile:
    """Return a scenario.

    Raises:
        ModuleNotFoundError: There is no scenario of that name.
        AttributeError: The file lacks one of its definitions.
    """
    module: Any = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    if hasattr(module, "visit") != hasattr(module, "STEPS"):
        raise AttributeError(f"{module.__name__} needs both visit and STEPS, or neither")
    keys = (field.name for field in fields(ScenarioFile))
    defined: dict[str, Any] = {key: value for key in keys if (value := getattr(module, key.upper(), None))}
    return ScenarioFile(name=name, visit=getattr(module, "visit", _read), **defined)


def _read(session: "Session") -> None:
    session.read()
