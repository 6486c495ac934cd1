"""What the parts of a result file share. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Status = Literal["ok", "warning", "invalid"]


Verdict = Literal["faster", "slower", "equivalent", "inconclusive", "not judged"]


#: Low and high end of an interval; None where too few instances make one.
Interval = tuple[float, float] | None


class Model(BaseModel):
    """A frozen part of the result file; unknown fields are kept out."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")
