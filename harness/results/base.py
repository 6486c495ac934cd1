"""Types that the parts of a result file share. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Status = Literal["ok", "warning", "invalid"]


Verdict = Literal["faster", "slower", "equivalent", "inconclusive", "not judged"]


#: Low and high end of an interval; None with too few instances.
Interval = tuple[float, float] | None


class Model(BaseModel):
    """Frozen part of the result file; unknown fields are rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")
