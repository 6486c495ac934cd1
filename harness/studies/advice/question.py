"""What somebody asks: how far the store is, how much they serve, how fast a revocation must bite. Pure."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import SuiteError


class AdviceQuestion(BaseModel):
    """What is asked; the defaults are stated with every answer.

    Attributes:
        store_rtt_ms: Round trip to the store, such as half a millisecond within a data centre.
        rate: Restricted reads a second.
        sessions: People who are logged in at one time.
        profile_bytes: Length of the profile that a session or token carries; None for one as short as they
            come.
        revoke_within_s: How soon the credentials of a blocked account must have ended; None for no demand.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    store_rtt_ms: float = Field(default=0.5, ge=0)
    rate: float = Field(default=1000.0, gt=0)
    sessions: int = Field(default=100_000, ge=0)
    profile_bytes: int | None = Field(default=None, ge=1)
    revoke_within_s: float | None = Field(default=None, ge=0)

    @property
    def store_rtt_us(self) -> float:
        """The round trip in the unit of the result file."""
        return self.store_rtt_ms * 1e3

    def refreshes(self, every_s: float) -> float:
        """Refreshes a second where a token lives so long and everybody goes on reading.

        One a session and life, but none without a read: who reads more seldom refreshes with every read.
        """
        return min(self.rate, self.sessions / every_s)


def of(**asked: float | None) -> AdviceQuestion:
    """A question, None for what nobody said.

    Raises:
        SuiteError: Says which figure cannot be, and why.
    """
    try:
        return AdviceQuestion.model_validate(
            {key: value for key, value in asked.items() if value is not None}
        )
    except ValidationError as error:
        fault = error.errors()[0]
        name = "--" + str(fault["loc"][0]).removesuffix("_ms").removesuffix("_s").replace("_", "-")
        raise SuiteError(f"{name}: {fault['msg']} (got {fault['input']})") from error
