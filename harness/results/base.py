"""Types that the parts of a result file share. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["ok", "warning", "invalid"]
Verdict = Literal["faster", "slower", "equivalent", "inconclusive", "not judged"]
#: Low and high end of an interval; None with too few instances.
Interval = tuple[float, float] | None


def with_params(name: str, params: Mapping[str, Any]) -> str:
    """Return a name with its parameters, if any: `payload, claims=64`."""
    return ", ".join([name, *(f"{key}={value}" for key, value in params.items())])


class Model(BaseModel):
    """Frozen part of the result file; unknown fields are rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class ScenarioModel(Model):
    """Part about one scenario under one load, with these parameters."""

    scenario: str
    load: str
    params: dict[str, Any] = Field(default_factory=dict)

    @property
    def case(self) -> str:
        """Return the scenario with its parameters and its load: `payload, claims=64 (closed, 8 users)`."""
        return f"{with_params(self.scenario, self.params)} ({self.load})"
