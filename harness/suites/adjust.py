"""Changes a suite by options of the command line, so that a variant needs no suite file. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from harness.errors import SuiteError
from harness.suites.expressions import parse
from harness.suites.model import Suite
from harness.suites.parse import unknown, validated


@dataclass(frozen=True)
class SuiteChanges:
    """Options of the command line; None, or no schemes, leaves the suite unchanged.

    Attributes:
        schemes: Arms to measure: arms of the suite, or schemes that it does not name.
        seconds: Time in slots of each scenario, seconds.
        instances: Number of server instances of each arm.
        users: Number of virtual users of each scenario.
    """

    schemes: Sequence[str] = ()
    seconds: float | None = None
    instances: int | None = None
    users: int | None = None

    def applied(self, suite: Suite, source: str, known: Collection[str]) -> Suite:
        """Return the suite with these changes, validated as a whole.

        Args:
            suite: Suite as it was read from its file.
            source: Name of the file, for messages.
            known: Names of all schemes.

        Raises:
            SuiteError: A scheme does not exist, no scenario is left, or a value is not allowed.
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
        changed = validated(data, f"{source}, with the given options")
        # External servers are kept as they are: the folders in them are already resolved.
        servers = {name: server for name, server in suite.own.items() if name in changed.arms}
        return changed.model_copy(update={"own": servers})


def _choose(data: dict[str, Any], arms: list[str], known: Collection[str]) -> None:
    """Reduce a suite to these arms, with the scenarios, comparisons and budgets that they take part in."""
    if missing := [arm for arm in arms if arm not in known]:
        raise SuiteError(unknown("--schemes", "a scheme", missing[0], known))
    data["arms"] = arms
    if data.get("compare") is not None:
        data["compare"] = [pair for pair in data["compare"] if set(pair) <= set(arms)] or None
    for scenario in data["scenarios"]:
        if scenario.get("arms") is not None:
            scenario["arms"] = [arm for arm in scenario["arms"] if arm in arms]
    data["scenarios"] = [scenario for scenario in data["scenarios"] if scenario.get("arms") != []]
    for scenario in data["scenarios"]:
        scenario["budgets"] = [
            budget
            for budget in scenario.get("budgets", [])
            if {figure.arm for figure in parse(budget).figures()} <= set(arms)
        ]
    if not data["scenarios"]:
        raise SuiteError(f"--schemes: no scenario of this suite measures {', '.join(arms)}")
