"""A Result cut into cases: one scenario under one load with its parameters. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from harness.results.model import Comparison, Distribution, Measurement, Result, Vitals
from harness.suites.arms import FLOOR

#: The parameter by which a step's rows differ from those of its scenario.
_STEP: Final = "step"
_OFFERED: Final = re.compile(r"open, ([0-9.e+]+)/s")
_SEARCHED: Final = re.compile(r"search, p99 under ([0-9.e+-]+) ms")


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
    def offered_rate(self) -> float | None:
        """Arrivals per second where the load is an open loop, which sets them; None elsewhere."""
        found = _OFFERED.match(self.load)
        return float(found[1]) if found else None

    @property
    def searched_limit_ms(self) -> float | None:
        """The limit of p99 under which the load was searched for; None where it was set."""
        found = _SEARCHED.match(self.load)
        return float(found[1]) if found else None

    @property
    def step(self) -> str | None:
        """The name of the request where this is one step of a scenario; None for a whole scenario."""
        return self.params.get(_STEP)

    def steps(self) -> list[Case]:
        """The steps of this scenario, each a case of its own, in the order taken; none where there is one."""
        return [
            Case(self.result, scenario, load, params)
            for scenario, load, params in self.result.scenarios()
            if (scenario, load) == (self.scenario, self.load)
            and _STEP in params
            and {key: value for key, value in params.items() if key != _STEP} == self.params
        ]

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
    """The whole scenarios of a run, in the order they ran; `Case.steps` has their steps."""
    every = [Case(result, scenario, load, params) for scenario, load, params in result.scenarios()]
    return [case for case in every if case.step is None]
