"""What a TOML suite may say, validated and frozen. Pure: text in, `Suite` out.

A suite names the arms and the scenarios; everything else has a default that a reader of the suite can see
here. Times are in the unit that their name says.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from harness.results.metrics import METRICS
from harness.suites.expressions import parse as parse_budget
from harness.suites.external import ExternalServer

PasswordCost = Literal["owasp", "bench"]
#: A scheme, or a scheme at a revision: `cookie`, `cookie@base`.
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*(@[a-z0-9]+)?$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Load(_Frozen):
    """How requests arrive.

    `closed`: `users` connections, each sending again when answered: saturates the server. `open`: `rate`
    arrivals a second whatever the server does, carried by `users` connections. With `p99_ms` an open load
    searches, from `rate` on, the highest rate at which the 99th percentile of response time stays under that.
    """

    model: Literal["closed", "open"]
    users: int = Field(default=8, ge=1, le=1000)
    rate: float = Field(default=0, ge=0)
    arrivals: Literal["constant", "poisson"] = "constant"
    p99_ms: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _rate_belongs_to_open(self) -> Self:
        if self.model == "open" and self.rate <= 0:
            raise ValueError("an open load needs rate, in arrivals per second")
        if self.model == "closed" and self.rate:
            raise ValueError("a closed load has no rate: users send as fast as they are answered")
        if self.model == "closed" and self.p99_ms:
            raise ValueError("a closed load cannot search for a rate: p99_ms belongs to an open one")
        return self

    @property
    def label(self) -> str:
        """The load in words, as results and charts name it."""
        if self.model == "closed":
            return f"closed, {self.users} users"
        if self.p99_ms:
            return f"search, p99 under {self.p99_ms:g} ms, {self.arrivals}"
        return f"open, {self.rate:g}/s {self.arrivals}"


#: Keys of a scenario that set it apart from others of the same name and load.
PARAMS: Final = (
    *("password_cost", "store_delay_ms", "profile_bytes", "lifetime_s", "sessions", "overlap"),
    "processes",
)


@dataclass(frozen=True)
class Conditions:
    """What servers and store must be like for a scenario; those that want the same share them.

    Attributes:
        password_cost: argon2 profile.
        profile_bytes: Length of the users' profiles; None where they are as short as they come.
        lifetime_s: Seconds that credentials live; None where they live as long as each scheme has it.
        sessions: Others who are logged in, if any.
        relayed: Whether a relay stands before the store.
        processes: How many serve behind each port.
    """

    password_cost: PasswordCost
    profile_bytes: int | None
    lifetime_s: int | None
    sessions: int | None
    relayed: bool
    processes: int


class Scenario(_Frozen):
    """One scenario under one load.

    Attributes:
        name: A scenario of loadtests/scenarios.
        load: How requests arrive.
        seconds: Time spent in slots, lead-ins included.
        slot_ms: Recorded part of a slot; 45 ms in closed, 95 in open loop, 395 in a search where not said.
        lead_ms: Start of a slot that is sent but not recorded.
        primary: The one metric that is judged; total_cpu in closed, service_p50 in open loop where not said.
            A search is judged by what it finds, the capacity.
        password_cost: argon2 profile of the servers, where it is not the suite's.
        warmup_requests: Discarded requests to each server process, where it is not the suite's number.
        arms: Which of the suite's arms take part; all where not said.
        store_delay_ms: Put on every round trip to the store, by a relay before it
            (`harness/testbed/store/relay.py`).
        profile_bytes: Length of the profiles that sessions and tokens carry; short where not said.
        lifetime_s: Seconds that credentials live, where it is not as long as each scheme has it.
        sessions: Others who are logged in while this is measured, an arm each so many.
        overlap: Of a key rotation: whether the old key stays beside the new one.
        processes: How many serve behind the port of each instance; one where not said.
        budgets: Limits that `bench.py check` holds this scenario to (`harness/suites/expressions.py`).
    """

    name: Name
    load: Load
    seconds: float = Field(gt=0, le=24 * 3600)
    slot_ms: float | None = Field(default=None, ge=5, le=60_000)
    lead_ms: float = Field(default=5, ge=0, le=10_000)
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
    budgets: list[str] = Field(default_factory=list)

    @field_validator("budgets")
    @classmethod
    def _budgets_can_be_read(cls, budgets: list[str]) -> list[str]:
        for text in budgets:
            for figure in parse_budget(text).figures():
                if figure.metric not in METRICS:
                    raise ValueError(
                        f"{text!r}: expected a metric, one of {', '.join(METRICS)} (got {figure.metric!r})"
                    )
        return budgets

    @model_validator(mode="after")
    def _response_belongs_to_open(self) -> Self:
        if self.load.model == "closed" and (self.primary or "").startswith("response_"):
            raise ValueError("a closed load has no schedule, so no response times: judge service times")
        if (self.load.p99_ms is not None) != (self.primary_metric == "capacity"):
            raise ValueError("capacity is what a load with p99_ms is judged by, and no other")
        return self

    @property
    def label(self) -> str:
        """The scenario, what sets it apart, and its load, as people read it."""
        return f"{', '.join([self.name, *(f'{k}={v}' for k, v in self.params.items())])} ({self.load.label})"

    @property
    def slot_ns(self) -> int:
        """Recorded part of a slot in ns."""
        default = 45 if self.load.model == "closed" else 395 if self.load.p99_ms else 95
        return round((self.slot_ms or default) * 1e6)

    @property
    def lead_ns(self) -> int:
        """Unrecorded start of a slot in ns."""
        return round(self.lead_ms * 1e6)

    @property
    def slots(self) -> int:
        """How many slots fit in the time."""
        return max(1, round(self.seconds * 1e9 / (self.slot_ns + self.lead_ns)))

    @property
    def params(self) -> dict[str, Any]:
        """What sets this scenario apart from others of the same name, besides its load."""
        told = {key: value for key in PARAMS if (value := getattr(self, key)) is not None}
        return {key: str(value).lower() if isinstance(value, bool) else value for key, value in told.items()}

    @property
    def primary_metric(self) -> str:
        """The metric that is judged."""
        if self.primary is None and self.load.p99_ms:
            return "capacity"
        return self.primary or ("total_cpu" if self.load.model == "closed" else "service_p50")


class Servers(_Frozen):
    """Which servers are measured, where they are not the ones that come with this tool.

    Attributes:
        command: `python -m PACKAGE`; it takes the arguments, and gives the answers, of `python -m servers`.
        folder: Where it is started, from the top of the repository.
        lock: What it needs, as pip reads it with hashes, from the same place; empty for nothing besides what
            this tool's own interpreter has.
    """

    command: str = Field(default="python -m servers", pattern=r"^python -m [A-Za-z_]\w*(\.[A-Za-z_]\w*)*$")
    folder: str = "."
    lock: str = "requirements.lock"

    @property
    def package(self) -> str:
        """The package that serves."""
        return self.command.rpartition(" ")[2]


class Suite(_Frozen):
    """A whole suite.

    Attributes:
        name: Taken from the file's name.
        title: One sentence for people.
        arms: Schemes to weigh, in the order of tables and charts; ratios are later over earlier.
        instances: Servers per arm, of one process each where a scenario says nothing else.
        warmup_requests: Discarded requests to each of their processes before it is measured.
        confidence: Of every interval.
        margin: Two arms within this fraction of each other are called equivalent.
        password_cost: argon2 profile of the servers.
        stationary: A process that grows makes a long run invalid instead of being a warning: for soaks.
        compare: Pairs of arms, base first; every pair where not said.
        servers: Whose servers; where not said this tool's own, for a gate the checkout's.
        own: Servers of somebody else's, by the name of their arm.
        scenarios: What is measured, in order.
    """

    name: str
    title: str
    arms: Annotated[list[Name], Field(min_length=1)]
    instances: int = Field(default=8, ge=1, le=64)
    warmup_requests: int = Field(default=1000, ge=0)
    confidence: float = Field(default=0.99, gt=0.5, lt=1)
    margin: float = Field(default=0.03, gt=0, lt=1)
    password_cost: PasswordCost = "bench"  # noqa: S105 - a profile's name
    stationary: bool = False
    compare: list[Annotated[list[Name], Field(min_length=2, max_length=2)]] | None = None
    servers: Servers | None = None
    own: dict[Name, ExternalServer] = Field(default_factory=dict)
    scenarios: Annotated[list[Scenario], Field(min_length=1)]

    def warmup(self, scenario: Scenario) -> int:
        """Discarded requests to each fresh server process before this scenario is measured."""
        return self.warmup_requests if scenario.warmup_requests is None else scenario.warmup_requests

    def conditions(self, scenario: Scenario) -> Conditions:
        """What servers and store must be like for a scenario."""
        return Conditions(
            scenario.password_cost or self.password_cost,
            scenario.profile_bytes,
            scenario.lifetime_s,
            scenario.sessions,
            scenario.store_delay_ms is not None,
            scenario.processes or 1,
        )

    @property
    def processes_each(self) -> int:
        """The most processes that any scenario wants behind a port."""
        return max(scenario.processes or 1 for scenario in self.scenarios)

    def arms_of(self, scenarios: Iterable[Scenario]) -> list[str]:
        """The arms that any of these scenarios measures, in the suite's order."""
        named = [self.arms if scenario.arms is None else scenario.arms for scenario in scenarios]
        return [arm for arm in self.arms if any(arm in some for some in named)]

    @property
    def elsewhere(self) -> dict[str, list[str]]:
        """The addresses of each arm that runs already."""
        return {name: server.address for name, server in self.own.items() if server.address is not None}

    @property
    def pairs(self) -> list[tuple[str, str]] | None:
        """The pairs of arms to compare, base first; None for every one."""
        return None if self.compare is None else [(base, arm) for base, arm in self.compare]

    @model_validator(mode="after")
    def _compares_what_there_is(self) -> Self:
        for base, arm in self.compare or []:
            if base == arm or not {base, arm} <= set(self.arms):
                raise ValueError(f"compare: expected two different arms (got {base!r} and {arm!r})")
        return self

    @model_validator(mode="after")
    def _own_servers_are_arms(self) -> Self:
        for name in self.own:
            if name not in self.arms:
                raise ValueError(f"own: {name} is described, but not one of the arms {', '.join(self.arms)}")
        return self

    @model_validator(mode="after")
    def _own_servers_are_as_they_are(self) -> Self:
        """What only this tool's own servers can be told."""
        for scenario in self.scenarios:
            kept = ("profile_bytes", "lifetime_s", "sessions", "overlap", "processes")
            told = [key for key in kept if key in scenario.params]
            own = [arm for arm in self.arms_of([scenario]) if arm in self.own]
            if told and own:
                raise ValueError(
                    f"{scenario.name} sets {', '.join(told)}, which {', '.join(own)} cannot be told:"
                    " name the others in its arms"
                )
        return self

    @model_validator(mode="after")
    def _scenarios_name_arms(self) -> Self:
        for arm in (arm for scenario in self.scenarios for arm in scenario.arms or []):
            if arm not in self.arms:
                raise ValueError(f"scenarios: expected one of the arms {', '.join(self.arms)} (got {arm!r})")
        return self

    @model_validator(mode="after")
    def _budgets_name_arms(self) -> Self:
        budgets = ((text, self.arms_of([one])) for one in self.scenarios for text in one.budgets)
        for text, arms in budgets:
            for figure in parse_budget(text).figures():
                if figure.arm not in arms:
                    raise ValueError(
                        f"{text!r}: expected one of the arms {', '.join(arms)} (got {figure.arm!r})"
                    )
        return self

    @model_validator(mode="after")
    def _no_duplicates(self) -> Self:
        if len(set(self.arms)) != len(self.arms):
            raise ValueError("every arm may be named once")
        cases = [(scenario.name, scenario.load, scenario.params) for scenario in self.scenarios]
        if any(cases.count(case) > 1 for case in cases):
            raise ValueError(f"every scenario may be measured once under each load and {', '.join(PARAMS)}")
        return self


def by_conditions(suite: Suite) -> dict[Conditions, dict[int, Scenario]]:
    """The scenarios that the same servers and store can serve, by their index, in the suite's order."""
    groups: dict[Conditions, dict[int, Scenario]] = {}
    for index, scenario in enumerate(suite.scenarios):
        groups.setdefault(suite.conditions(scenario), {})[index] = scenario
    return groups
