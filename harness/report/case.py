"""A Result cut into cases: one scenario under one load with its parameters. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from harness.result import Comparison, Distribution, Measurement, Result, Vitals

#: The arm that authenticates nobody: the cost that every arm has.
FLOOR: Final = "anonymous"


@dataclass(frozen=True)
class Case:
    """One scenario under one load: what a panel, a table or a group of sentences is about."""

    result: Result
    scenario: str
    load: str
    params: dict[str, Any]

    @property
    def name(self) -> str:
        """The scenario and its parameters, if any: `payload, claims=64`."""
        return ", ".join([self.scenario, *(f"{key}={value}" for key, value in self.params.items())])

    @property
    def title(self) -> str:
        """The name and the load model: `saturation (closed, 8 users)`."""
        return f"{self.name} ({self.load})"

    @property
    def is_closed_loop(self) -> bool:
        """True where users wait for an answer before they send again, so that throughput is a finding."""
        return self.load.startswith("closed")

    @property
    def arms(self) -> list[str]:
        """The arms measured here, in the order of the suite."""
        here = {row.arm for row in self.result.measurements if self._holds(row)}
        return [arm for arm in self.result.arms() if arm in here]

    @property
    def primary_metric(self) -> str | None:
        """The metric that verdicts are about here, or None where nothing was judged."""
        return next((row.metric for row in self.comparisons() if row.primary), None)

    def find(self, arm: str, metric: str) -> Measurement | None:
        """The measurement of one arm, or None where the metric does not apply."""
        rows = self.result.measurements
        return next((r for r in rows if self._holds(r) and (r.arm, r.metric) == (arm, metric)), None)

    def measured(self, metric: str) -> list[Measurement]:
        """The measurements of one metric, an arm each, in the order of the suite."""
        return [row for arm in self.arms if (row := self.find(arm, metric)) is not None]

    def comparisons(self, metric: str | None = None) -> list[Comparison]:
        """The comparisons made here; pairs with the anonymous floor come last, as what readers ask least."""
        rows = [r for r in self.result.comparisons if self._holds(r) and metric in (None, r.metric)]
        return sorted(rows, key=lambda row: FLOOR in (row.base, row.arm))

    def distributions(self) -> list[Distribution]:
        """The latency distributions recorded here."""
        return [row for row in self.result.distributions if self._holds(row)]

    def vitals(self) -> list[Vitals]:
        """What every process held over time here; nothing of one that was never looked at."""
        return [row for row in self.result.vitals if self._holds(row) and row.at_s]

    def _holds(self, row: Measurement | Comparison | Distribution | Vitals) -> bool:
        return (row.scenario, row.load, row.params) == (self.scenario, self.load, self.params)


def cases(result: Result) -> list[Case]:
    """All cases of a run, in the order they ran."""
    return [Case(result, scenario, load, params) for scenario, load, params in result.scenarios()]
