"""What a result says of an incident. Pure."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from harness.results.base import Model


class IncidentEvent(Model):
    """Something that was done in an incident, in seconds after its load began."""

    at_s: float
    what: str


class StaleAccess(Model):
    """For how long what an account held still worked after it had been ended.

    `seconds` run from the answer to whoever ended it to the account's first refused read; `at_least` says
    that none was refused to the end. `reads` counts those that were sent in between and answered as before,
    `readmitted` those that were let in again after one had been refused.
    """

    what: str
    seconds: float
    at_least: bool
    reads: int
    readmitted: int = 0


class RevocationCost(Model):
    """What one revocation costs while nothing else goes on."""

    server_cpu_us: float
    store_cpu_us: float
    store_ops: int


class TimeBins(Model):
    """How many requests ended with each outcome, and the slowest of them, in each stretch of `width_s`."""

    width_s: float
    outcomes: dict[str, list[int]]
    slowest_ms: list[float]


class Incident(Model):
    """How one arm lived through an incident.

    `outcomes` counts `ok` (a read), `login`, and every kind of failure; `not sent` are arrivals at which all
    people of the arm still waited. Refusals of accounts that were ended on purpose (`401 revoked`) are no
    failures. `failed_for_s` runs from the first failure to the last; `well_after_s`
    from the moment at which all could be well again until nothing failed any more, None where that is not
    asked or was not reached.
    """

    scenario: str
    load: str
    params: dict[str, Any] = Field(default_factory=dict)
    kind: str
    arm: str
    seconds: float
    events: list[IncidentEvent]
    requests: int
    outcomes: dict[str, int]
    failed: int
    not_sent: int
    failed_for_s: float
    well_after_s: float | None
    logins: int
    #: The most within any one second.
    peak_logins_per_s: int
    slowest_ms: float
    #: How long a credential lives that nothing ends.
    credential_lives_s: int = 0
    #: Of the accounts that were ended on purpose.
    stale: list[StaleAccess] = Field(default_factory=list)
    price: RevocationCost | None = None
    bins: TimeBins

    @property
    def share_failed(self) -> float:
        """Failures and arrivals not sent, as a fraction of all that was to be sent."""
        return (self.failed + self.not_sent) / max(self.requests + self.not_sent, 1)
