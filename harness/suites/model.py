"""Model of a TOML suite, validated and frozen. Pure.

A suite names the arms and the scenarios; everything else has a default, which is defined in this module.
Times are in the unit that their name ends with.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from harness.protocol.plan import ArrivalProcess, LoadModel, lead_ns
from harness.results.base import with_params
from harness.results.environment import StoreLink
from harness.results.metrics import METRICS
from harness.suites.expressions import parse as parse_budget
from harness.suites.external import ExternalServer
from harness.suites.table import Table, checked

#: Default number of requests in the lead-in of a slot, at least.
LEAD_REQUESTS: Final = 10

PasswordCost = Literal["owasp", "bench"]
#: Name of a scheme, or of a scheme at a revision: `cookie`, `cookie@base`.
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*(@[a-z0-9]+)?$")]


class Load(Table):
    """Load model.

    `closed`: `users` connections, each of which sends its next request after an answer: saturates the server.
    `open`: `rate` arrivals per second, independent of the server, over `users` connections. With `p99_ms` an
    open load searches, starting at `rate`, for the highest rate at which the 99th percentile of response time
    stays under this limit.
    """

    model: LoadModel
    users: int = Field(default=8, ge=1, le=1000)
    rate: float = Field(default=0, ge=0)
    arrivals: ArrivalProcess = "constant"
    p99_ms: float | None = Field(default=None, gt=0)

    def _check_keys(self) -> None:
        if self.model == "open" and self.rate <= 0:
            raise ValueError("an open load needs rate, in arrivals per second")
        if self.model == "closed" and self.rate:
            raise ValueError("a closed load has no rate: users send as fast as they are answered")
        if self.model == "closed" and self.p99_ms:
            raise ValueError("a closed load cannot search for a rate: p99_ms belongs to an open one")

    @property
    def label(self) -> str:
        """Return the load as text, as in results and charts."""
        if self.model == "closed":
            return f"closed, {self.users} users"
        if self.p99_ms:
            return f"search, p99 under {self.p99_ms:g} ms, {self.arrivals}"
        return f"open, {self.rate:g}/s {self.arrivals}"


#: Keys of a scenario that distinguish it from others of the same name and load.
PARAMS: Final = (
    *("password_cost", "store_delay_ms", "profile_bytes", "lifetime_s", "sessions", "overlap"),
    *("processes", "store_link", "lead_requests"),
)
#: Those that external servers do not support.
_NOT_OF_EXTERNAL: Final = ("profile_bytes", "lifetime_s", "sessions", "overlap", "processes")


@dataclass(frozen=True)
class Conditions:
    """Requirements of a scenario on servers and store; scenarios with equal requirements share them.

    Attributes:
        password_cost: Argon2 profile.
        profile_bytes: Length of the users' profiles, in bytes; None for minimal profiles.
        lifetime_s: Lifetime of credentials, in seconds; None for the default of each scheme.
        sessions: Number of other sessions; None for none.
        relayed: Whether there is a relay before the store.
        processes: Number of server processes behind each port.
        store_link: How servers reach the store.
    """

    password_cost: PasswordCost
    profile_bytes: int | None
    lifetime_s: int | None
    sessions: int | None
    relayed: bool
    processes: int
    store_link: StoreLink


def _check_budgets(budgets: list[str]) -> None:
    for text in budgets:
        for figure in parse_budget(text).figures():
            if figure.metric not in METRICS:
                raise ValueError(
                    f"{text!r}: expected a metric, one of {', '.join(METRICS)} (got {figure.metric!r})"
                )


class Scenario(Table):
    """One scenario under one load.

    Attributes:
        name: Name of a scenario in loadtests/scenarios.
        load: Load model.
        seconds: Time in slots, lead-ins included, in seconds.
        slot_ms: Recorded part of a slot; default: 45 ms in closed, 95 in open loop, 395 in a search.
        lead_ms: Unrecorded start of a slot, under load, at least.
        lead_requests: Requests in it, at least: those that a server answers after a pause cost more than the
            rest (docs/method.md). A visit of several requests, such as a user session, counts once. Default:
            `LEAD_REQUESTS`.
        primary: Metric with a verdict; default: total_cpu in closed, service_p50 in open loop, capacity in a
            search.
        password_cost: Argon2 profile of the servers; default: the suite's.
        warmup_requests: Discarded requests to each server process; default: the suite's.
        arms: Arms of the suite that take part; default: all.
        store_delay_ms: Delay added to every round trip to the store, by a relay before it
            (`harness/testbed/store/relay.py`).
        profile_bytes: Length of the profiles that sessions and tokens carry; default: minimal.
        lifetime_s: Lifetime of credentials, in seconds; default: that of each scheme.
        sessions: Number of other sessions during the measurement, per arm.
        overlap: Whether the old key stays valid beside the new one, in a key rotation.
        processes: Number of server processes behind the port of each instance; default: 1.
        store_link: How servers reach the embedded store; default: the suite's.
        budgets: Limits that `bench.py check` applies to this scenario (`harness/suites/expressions.py`).
    """

    name: Name
    load: Load
    seconds: float = Field(gt=0, le=24 * 3600)
    slot_ms: float | None = Field(default=None, ge=5, le=60_000)
    lead_ms: float = Field(default=5, ge=0, le=10_000)
    lead_requests: int | None = Field(default=None, ge=0, le=1000)
    primary: str | None = None
    password_cost: PasswordCost | None = None
    warmup_requests: int | None = Field(default=None, ge=0)
    arms: Annotated[list[Name], Field(min_length=1)] | None = None
    store_delay_ms: float | None = Field(default=None, ge=0, le=1000)
    profile_bytes: int | None = Field(default=None, ge=100, le=100_000)
    lifetime_s: int | None = Field(default=None, ge=1, le=18_000)
    sessions: int | None = Field(default=None, ge=1, le=10_000_000)
    overlap: bool | None = None
    processes: int | None = Field(default=None, ge=1, le=64)
    store_link: StoreLink | None = None
    budgets: Annotated[list[str], checked(_check_budgets)] = Field(default_factory=list)

    def _check_keys(self) -> None:
        if self.load.model == "closed" and (self.primary or "").startswith("response_"):
            raise ValueError("a closed load has no schedule, so no response times: use service times")
        if (self.load.p99_ms is not None) != (self.primary_metric == "capacity"):
            raise ValueError("capacity is the primary metric of a load with p99_ms, and of no other")

    @property
    def label(self) -> str:
        """Return name, parameters and load of the scenario, for people."""
        return f"{with_params(self.name, self.params)} ({self.load.label})"

    @property
    def slot_ns(self) -> int:
        """Return the recorded part of a slot in ns."""
        default = 45 if self.load.model == "closed" else 395 if self.load.p99_ms else 95
        return round((self.slot_ms or default) * 1e6)

    @property
    def lead_ns(self) -> int:
        """Return the unrecorded start of a slot in ns, at least."""
        shortest_ns = round(self.lead_ms * 1e6)
        if self.load.model == "closed" or not self.least_lead:
            return shortest_ns
        return lead_ns(shortest_ns, self.least_lead, self.load.rate)

    @property
    def least_lead(self) -> int:
        """Return the number of requests in the unrecorded start of a slot, at least."""
        return LEAD_REQUESTS if self.lead_requests is None else self.lead_requests

    @property
    def slots(self) -> int:
        """Return the number of slots that fit in the time."""
        return max(1, round(self.seconds * 1e9 / (self.slot_ns + self.lead_ns)))

    @property
    def params(self) -> dict[str, Any]:
        """Return the keys, besides its load, that distinguish this scenario from others of the same name."""
        given = {key: value for key in PARAMS if (value := getattr(self, key)) is not None}
        return {key: str(value).lower() if isinstance(value, bool) else value for key, value in given.items()}

    @property
    def primary_metric(self) -> str:
        """Return the metric that has a verdict."""
        if self.primary is None and self.load.p99_ms:
            return "capacity"
        return self.primary or ("total_cpu" if self.load.model == "closed" else "service_p50")


class Servers(Table):
    """Servers to measure instead of the built-in ones.

    Attributes:
        command: `python -m PACKAGE`, with the same arguments and responses as `python -m servers`.
        folder: Working directory of the command, relative to the top of the repository.
        lock: Lock file with hashes, in pip's format, relative to the same directory; empty for the packages
            of this tool's own interpreter.
    """

    command: str = Field(default="python -m servers", pattern=r"^python -m [A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")
    folder: str = "."
    lock: str = "requirements.lock"

    @property
    def package(self) -> str:
        """Return the package of the servers."""
        return self.command.rpartition(" ")[2]


class Suite(Table):
    """Whole suite.

    Attributes:
        name: Name, taken from the file's name.
        title: Sentence for people.
        arms: Schemes to compare, in the order of tables and charts; ratios are later over earlier.
        instances: Number of servers per arm, with one process each unless a scenario sets `processes`.
        warmup_requests: Discarded requests to each server process before it is measured.
        confidence: Confidence level of all intervals.
        margin: Equivalence margin, as a fraction.
        password_cost: Argon2 profile of the servers.
        store_link: How servers reach the embedded store: `tcp`, by the loopback interface and with a
            password, as stores are deployed; `tls`, the same encrypted; `unix`, by a Unix socket.
        stationary: Whether growth of a process makes a long run invalid instead of being a warning.
        compare: Pairs of arms, base first; default: all pairs.
        servers: Servers to measure; default: the built-in ones, for a gate those of the checkout.
        own: External servers, by the name of their arm.
        scenarios: Scenarios in the order in which they are measured.
    """

    name: str
    title: str
    arms: Annotated[list[Name], Field(min_length=1)]
    instances: int = Field(default=8, ge=1, le=64)
    warmup_requests: int = Field(default=1000, ge=0)
    confidence: float = Field(default=0.99, gt=0.5, lt=1)
    margin: float = Field(default=0.03, gt=0, lt=1)
    password_cost: PasswordCost = "bench"  # noqa: S105 - a profile's name
    store_link: StoreLink = "tcp"
    stationary: bool = False
    compare: list[Annotated[list[Name], Field(min_length=2, max_length=2)]] | None = None
    servers: Servers | None = None
    own: dict[Name, ExternalServer] = Field(default_factory=dict)
    scenarios: Annotated[list[Scenario], Field(min_length=1)]

    def warmup(self, scenario: Scenario) -> int:
        """Return the number of discarded requests to each fresh server process before this scenario."""
        return self.warmup_requests if scenario.warmup_requests is None else scenario.warmup_requests

    def conditions(self, scenario: Scenario) -> Conditions:
        """Return the requirements of a scenario on servers and store."""
        return Conditions(
            scenario.password_cost or self.password_cost,
            scenario.profile_bytes,
            scenario.lifetime_s,
            scenario.sessions,
            scenario.store_delay_ms is not None,
            scenario.processes or 1,
            scenario.store_link or self.store_link,
        )

    @property
    def uses_tls(self) -> bool:
        """Whether the servers of any scenario reach the store by TLS."""
        return any(self.conditions(scenario).store_link == "tls" for scenario in self.scenarios)

    @property
    def processes_each(self) -> int:
        """Return the largest number of processes behind a port in any scenario."""
        return max(scenario.processes or 1 for scenario in self.scenarios)

    def arms_of(self, scenarios: Iterable[Scenario]) -> list[str]:
        """Return the arms that any of these scenarios measures, in the suite's order."""
        arms_of = [self.arms if scenario.arms is None else scenario.arms for scenario in scenarios]
        return [arm for arm in self.arms if any(arm in arms for arms in arms_of)]

    @property
    def elsewhere(self) -> dict[str, list[str]]:
        """Return the addresses of each arm that is already running elsewhere."""
        return {name: server.address for name, server in self.own.items() if server.address is not None}

    @property
    def pairs(self) -> list[tuple[str, str]] | None:
        """Return the pairs of arms to compare, base first; None for all pairs."""
        return None if self.compare is None else [(base, arm) for base, arm in self.compare]

    def _check_keys(self) -> None:
        for base, arm in self.compare or []:
            if base == arm or not {base, arm} <= set(self.arms):
                raise ValueError(f"compare: expected two different arms (got {base!r} and {arm!r})")
        for name in self.own:
            if name not in self.arms:
                raise ValueError(f"own: {name} is not one of the arms {', '.join(self.arms)}")
        self._check_scenarios()
        if len(set(self.arms)) != len(self.arms):
            raise ValueError("each arm may be named only once")
        cases = [(scenario.name, scenario.load, scenario.params) for scenario in self.scenarios]
        if any(cases.count(case) > 1 for case in cases):
            raise ValueError(f"each scenario may occur only once under each load and {', '.join(PARAMS)}")

    def _check_scenarios(self) -> None:
        for scenario in self.scenarios:
            keys = [key for key in _NOT_OF_EXTERNAL if key in scenario.params]
            external = [arm for arm in self.arms_of([scenario]) if arm in self.own]
            if keys and external:
                raise ValueError(
                    f"{scenario.name} sets {', '.join(keys)}, which external servers ({', '.join(external)})"
                    " do not support: list only other arms in its arms"
                )
        for arm in (arm for scenario in self.scenarios for arm in scenario.arms or []):
            if arm not in self.arms:
                raise ValueError(f"scenarios: expected one of the arms {', '.join(self.arms)} (got {arm!r})")
        for scenario in self.scenarios:
            arms = self.arms_of([scenario])
            for text in scenario.budgets:
                for figure in parse_budget(text).figures():
                    if figure.arm not in arms:
                        raise ValueError(
                            f"{text!r}: expected one of the arms {', '.join(arms)} (got {figure.arm!r})"
                        )


def by_conditions(suite: Suite) -> dict[Conditions, dict[int, Scenario]]:
    """Return the scenarios that can share servers and store, by their index, in the suite's order."""
    groups: dict[Conditions, dict[int, Scenario]] = {}
    for index, scenario in enumerate(suite.scenarios):
        groups.setdefault(suite.conditions(scenario), {})[index] = scenario
    return groups
