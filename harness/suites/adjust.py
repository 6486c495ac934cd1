"""What the command line changes of a suite, so that a run needs no file of its own. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from harness.errors import SuiteError
from harness.suites.expressions import parse
from harness.suites.model import Suite
from harness.suites.parse import faults, unknown


@dataclass(frozen=True)
class SuiteChanges:
    """Options of the command line; one that is None, or no schemes, leaves the suite as it is.

    Attributes:
        schemes: The arms to measure: arms of the suite, or schemes that it does not name.
        seconds: Time in slots of each scenario.
        instances: Server processes of each arm.
        users: Virtual users of each scenario.
    """

    schemes: Sequence[str] = ()
    seconds: float | None = None
    instances: int | None = None
    users: int | None = None

    def applied(self, suite: Suite, source: str, known: Collection[str]) -> Suite:
        """Return the suite with these changes, validated as a whole.

        Args:
            suite: The suite as its file has it.
            source: The file, for messages.
            known: The schemes there are.

        Raises:
            SuiteError: A scheme does not exist, no scenario is left, or the suite allows no such value.
        """
        if not (self.schemes or self.seconds or self.instances or self.users):
            return suite
        data = suite.model_dump(exclude_unset=True, exclude={"own"}) | {"name": suite.name}
        if self.instances is not None:
            data["instances"] = self.instances
        for scenario in data["scenarios"]:
            if self.seconds is not None:
                scenario["seconds"] = float(self.seconds)
            if self.users is not None:
                scenario["load"]["users"] = self.users
        if self.schemes:
            _choose(data, list(dict.fromkeys(self.schemes)), [*suite.arms, *known])
        try:
            changed = Suite.model_validate(data)
        except ValidationError as error:
            raise SuiteError("\n".join(faults(error, f"{source}, as the options change it"))) from error
        # External servers stay as they were read: their folders have been resolved since.
        own = {name: server for name, server in suite.own.items() if name in changed.arms}
        return changed.model_copy(update={"own": own})


def _choose(data: dict[str, Any], arms: list[str], known: Collection[str]) -> None:
    """Leave these arms in a suite, and what there is to measure and to compare of them."""
    if wrong := [arm for arm in arms if arm not in known]:
        raise SuiteError(unknown("--schemes", "a scheme", wrong[0], known))
    data["arms"] = arms
    if data.get("compare") is not None:
        data["compare"] = [pair for pair in data["compare"] if set(pair) <= set(arms)] or None
    for scenario in data["scenarios"]:
        if scenario.get("arms") is not None:
            scenario["arms"] = [arm for arm in scenario["arms"] if arm in arms]
    data["scenarios"] = [scenario for scenario in data["scenarios"] if scenario.get("arms") != []]
    for scenario in data["scenarios"]:
        scenario["budgets"] = [
            budget for budget in scenario.get("budgets", []) if _arms_of(budget) <= set(arms)
        ]
    if not data["scenarios"]:
        raise SuiteError(f"--schemes: no scenario of this suite measures {', '.join(arms)}")


def _arms_of(budget: str) -> set[str]:
    return {figure.arm for figure in parse(budget).figures()}
