"""Cases of a result: one scenario under one load with its parameters. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from harness.results.base import with_params
from harness.results.model import Comparison, Distribution, Measurement, Result, Vitals
from harness.suites.arms import FLOOR

#: The parameter by which a step's rows differ from those of its scenario.
_STEP: Final = "step"
_OFFERED: Final = re.compile(r"open, ([0-9.e+]+)/s")
_SEARCHED: Final = re.compile(r"search, p99 under ([0-9.e+-]+) ms")


@dataclass(frozen=True)
class Case:
    """One scenario under one load: the subject of a panel, a table or a group of sentences."""

    result: Result
    scenario: str
    load: str
    params: dict[str, Any]

    @property
    def name(self) -> str:
        """Return the scenario and its parameters, if any: `payload, claims=64`."""
        return with_params(self.scenario, self.params)

    @property
    def title(self) -> str:
        """Return the name and the load model: `saturation (closed, 8 users)`."""
        return f"{self.name} ({self.load})"

    @property
    def is_closed_loop(self) -> bool:
        """Whether users wait for a response before they send again, so that throughput is a result."""
        return self.load.startswith("closed")

    @property
    def offered_rate(self) -> float | None:
        """Return the configured arrivals per second of an open-loop load; None for other loads."""
        match = _OFFERED.match(self.load)
        return float(match[1]) if match else None

    @property
    def searched_limit_ms(self) -> float | None:
        """Return the p99 limit in ms of a search for the highest load; None if the load was set."""
        match = _SEARCHED.match(self.load)
        return float(match[1]) if match else None

    @property
    def step(self) -> str | None:
        """Return the name of the request if this is one step of a scenario; None for a whole scenario."""
        return self.params.get(_STEP)

    def steps(self) -> list[Case]:
        """Return the steps of this scenario as cases, in order; none if it has only one request."""
        return [
            Case(self.result, scenario, load, params)
            for scenario, load, params in self.result.scenarios()
            if (scenario, load) == (self.scenario, self.load)
            and _STEP in params
            and {key: value for key, value in params.items() if key != _STEP} == self.params
        ]

    @property
    def arms(self) -> list[str]:
        """Return the arms measured in this case, in the order of the suite."""
        measured = {row.arm for row in self.result.measurements if self._includes(row)}
        return [arm for arm in self.result.arms() if arm in measured]

    @property
    def primary_metric(self) -> str | None:
        """Return the metric that has verdicts, or None if none has."""
        return next((row.metric for row in self.comparisons() if row.primary), None)

    def find(self, arm: str, metric: str) -> Measurement | None:
        """Return the measurement of one arm, or None if the metric does not apply."""
        rows = self.result.measurements
        return next((r for r in rows if self._includes(r) and (r.arm, r.metric) == (arm, metric)), None)

    def measured(self, metric: str) -> list[Measurement]:
        """Return the measurements of one metric, one per arm, in the order of the suite."""
        return [row for arm in self.arms if (row := self.find(arm, metric)) is not None]

    def comparisons(self, metric: str | None = None) -> list[Comparison]:
        """Return the comparisons of this case; those with the no-auth server, the least relevant, last."""
        rows = [r for r in self.result.comparisons if self._includes(r) and metric in (None, r.metric)]
        return sorted(rows, key=lambda row: FLOOR in (row.base, row.arm))

    def distributions(self) -> list[Distribution]:
        """Return the latency distributions of this case."""
        return [row for row in self.result.distributions if self._includes(row)]

    def vitals(self) -> list[Vitals]:
        """Return memory, descriptors and threads over time of each process that has samples."""
        return [row for row in self.result.vitals if self._includes(row) and row.at_s]

    def _includes(self, row: Measurement | Comparison | Distribution | Vitals) -> bool:
        return (row.scenario, row.load, row.params) == (self.scenario, self.load, self.params)


def cases(result: Result) -> list[Case]:
    """Return the whole scenarios of a run, in the order they ran; `Case.steps` has their steps."""
    with_steps = [Case(result, scenario, load, params) for scenario, load, params in result.scenarios()]
    return [case for case in with_steps if case.step is None]
