"""The question to `study advise`: store round trip, load, payload and revocation deadline. Pure."""

from __future__ import annotations

from pydantic import ConfigDict, Field, ValidationError

from harness.errors import SuiteError
from harness.results.base import Model


class AdviceQuestion(Model):
    """Conditions to estimate costs for; defaults are marked in every answer.

    Attributes:
        store_rtt_ms: Store round trip in milliseconds, such as 0.5 within a data centre.
        rate: Restricted reads per second.
        sessions: Users logged in at the same time.
        profile_bytes: Payload of a session or token in bytes; None for a minimal one.
        revoke_within_s: Maximum time in seconds until a blocked account loses access; None for no limit.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    store_rtt_ms: float = Field(default=0.5, ge=0)
    rate: float = Field(default=1000.0, gt=0)
    sessions: int = Field(default=100_000, ge=0)
    profile_bytes: int | None = Field(default=None, ge=1)
    revoke_within_s: float | None = Field(default=None, ge=0)

    @property
    def store_rtt_us(self) -> float:
        """Return the store round trip in µs, the unit of the result file."""
        return self.store_rtt_ms * 1e3

    def refreshes(self, every_s: float) -> float:
        """Return the refreshes per second for this token lifetime if all sessions stay active.

        A session needs one refresh per lifetime, but at most one per read.
        """
        return min(self.rate, self.sessions / every_s)


def of(**values: float | None) -> AdviceQuestion:
    """Return a question from option values, None for the default.

    Raises:
        SuiteError: A value is invalid; the message names its option.
    """
    given = {key: value for key, value in values.items() if value is not None}
    try:
        return AdviceQuestion.model_validate(given)
    except ValidationError as error:
        fault = error.errors()[0]
        name = "--" + str(fault["loc"][0]).removesuffix("_ms").removesuffix("_s").replace("_", "-")
        raise SuiteError(f"{name}: {fault['msg']} (got {fault['input']})") from error
