"""What a figure of several results is of: a metric of an arm, or the ratio of two arms, in one case. Pure."""

from __future__ import annotations

from typing import Any

from harness.results.model import Model


class Subject(Model):
    """The case (scenario, load and parameters), the metric, and whose it is."""

    scenario: str
    load: str
    params: dict[str, Any]
    metric: str
    arm: str
    #: The arm that it is a ratio to; None for a metric by itself.
    over: str | None

    @property
    def case(self) -> str:
        """The scenario, its load and parameters: what a panel or a table is about."""
        params = [f"{key}={value}" for key, value in self.params.items()]
        return f"{', '.join([self.scenario, *params])} ({self.load})"

    @property
    def name(self) -> str:
        """The arm, or the pair of arms."""
        return self.arm if self.over is None else f"{self.arm} / {self.over}"
