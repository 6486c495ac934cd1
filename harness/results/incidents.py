"""Incidents in a result. Pure."""

from __future__ import annotations

from pydantic import Field

from harness.results.base import Model, ScenarioModel


class IncidentEvent(Model):
    """Event of an incident, in seconds after the start of its load."""

    at_s: float
    what: str


class StaleAccess(Model):
    """Time for which a credential still worked after its revocation.

    `seconds` run from the answer to the revocation to the account's first refused read; `at_least` is true if
    no read was refused until the end. `reads` counts the reads in between that were answered as before,
    `readmitted` the reads that were accepted again after one had been refused.
    """

    what: str
    seconds: float
    at_least: bool
    reads: int
    readmitted: int = 0


class RevocationCost(Model):
    """Cost of one revocation without other load."""

    server_cpu_us: float
    store_cpu_us: float
    store_ops: int


class TimeBins(Model):
    """Number of requests by outcome, and the slowest of them, in each interval of `width_s` seconds."""

    width_s: float
    outcomes: dict[str, list[int]]
    slowest_ms: list[float]


class Incident(ScenarioModel):
    """Measurements of one arm during an incident.

    `outcomes` counts `ok` (a read), `login`, and every kind of failure; `not_sent` counts arrivals for which
    all users of the arm were still waiting. Refusals of accounts that were revoked on purpose (`401 revoked`)
    are no failures. `failed_for_s` runs from the first failure to the last; `well_after_s` from the moment at
    which recovery became possible until no request failed, None if it does not apply or was not reached.
    """

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
    #: Largest number within one second.
    peak_logins_per_s: int
    slowest_ms: float
    #: Lifetime of a credential that is not revoked.
    credential_lives_s: int = 0
    #: Accounts that were revoked on purpose.
    stale: list[StaleAccess] = Field(default_factory=list)
    price: RevocationCost | None = None
    bins: TimeBins

    @property
    def share_failed(self) -> float:
        """Return failures and arrivals not sent, as a fraction of all arrivals."""
        return (self.failed + self.not_sent) / max(self.requests + self.not_sent, 1)
