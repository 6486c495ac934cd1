"""Base of the tables of a suite, and the form of checks that pydantic has no constraint for. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator


class Table(BaseModel):
    """Frozen table of a suite; unknown keys are rejected."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def _check_keys(self) -> None:
        """Raise ValueError if valid keys contradict each other."""

    @model_validator(mode="after")
    def _keys_are_consistent(self) -> Self:
        self._check_keys()
        return self


def checked(check: Callable[[Any], object]) -> AfterValidator:
    """Return the validator of a key that accepts its value unless `check` raises ValueError."""

    def validate(value: Any) -> Any:
        check(value)
        return value

    return AfterValidator(validate)
