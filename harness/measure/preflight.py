"""What is refused before anything is started: suites, loads and incidents that cannot be measured."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import SuiteError
from harness.load.remote import Address
from harness.measure.incidents.kind import IncidentKind, find_kind
from harness.measure.options import Options
from harness.results.model import Check
from harness.suites.arms import SchemeEntry
from harness.suites.catalog import JUDGED, OVERHEAD, ScenarioInfo
from harness.suites.external import host_and_port, is_loopback
from harness.suites.model import Scenario, Suite
from harness.suites.parse import check_names
from harness.system.cpus import place, usable_cpus


def check_workers(suite: Suite, options: Options, incidents: Collection[str]) -> None:
    """Refuse what workers cannot share, or cannot reach.

    Args:
        suite: What is to be measured.
        options: Of the command line; they expect workers.
        incidents: The scenarios that all arms live through at once.

    Raises:
        SuiteError: Names it.
    """
    count = options.expect_workers
    if options.processes > 1:
        raise SuiteError(
            "--processes: load processes are of this machine; with --expect-workers there are none."
        )
    for index, scenario in enumerate(suite.scenarios):
        users = scenario.load.users
        if users % count:
            raise SuiteError(
                f"--expect-workers: expected a divisor of the users of every scenario, since Locust deals"
                f" them evenly: scenarios[{index}], {scenario.name}, has {users} (got {count})"
            )
        if count > 1 and scenario.load.p99_ms:
            raise SuiteError("--expect-workers: a search for capacity (p99_ms) is made by one load process.")
        if scenario.name in incidents:
            raise SuiteError("--expect-workers: an incident is driven by one load process of the run's own.")
    if not Address.parse(options.workers_bind).is_loopback:
        _check_reach(suite)


def _check_reach(suite: Suite) -> None:
    """Servers that listen on a loopback are those of a worker's own machine to the worker."""
    for name, server in suite.own.items():
        if server.command is not None:
            raise SuiteError(
                f"--workers-bind: own.{name} listens on 127.0.0.1, where workers on other machines do not"
                " reach it. Start it by hand at an address of this machine, and name that in address."
            )
        for address in server.address or ():
            if is_loopback(host_and_port(address)[0]):
                raise SuiteError(
                    f"--workers-bind: own.{name}.address: to a worker on another machine {address} is that"
                    " machine. Name it by an address that all reach."
                )


@dataclass(frozen=True)
class SuiteValidator:
    """The scenarios there are, for a suite of this source (its name or path, for messages)."""

    source: str
    scenarios: dict[str, ScenarioInfo]

    @property
    def needs_credential(self) -> set[str]:
        """The scenarios that leave out arms which authenticate nobody."""
        return {name for name, about in self.scenarios.items() if about.needs_credential}

    @property
    def incidents(self) -> dict[str, str]:
        """The kind of incident of each scenario that is one."""
        return {name: about.incident for name, about in self.scenarios.items() if about.incident}

    def judged(self) -> dict[str, frozenset[str]]:
        """The metrics that each scenario may be judged by."""
        whole = frozenset(metric for metric in JUDGED if "_p" not in metric)
        return {
            name: JUDGED if len(about.steps) == 1 or about.incident else whole
            for name, about in self.scenarios.items()
        }

    def check_gated(self, suite: Suite) -> None:
        """Refuse what a gate cannot judge: scenarios that have no verdict, servers that come from no tree.

        Raises:
            SuiteError: Names them.
        """
        refuse_incidents(suite, self.source, self.incidents)
        if suite.own:
            raise SuiteError(
                f"{self.source}: own: {', '.join(suite.own)}: a gate knows servers by the tree that they come"
                " from ([servers]). Measure these with `bench.py run`."
            )

    def asked(self, suite: Suite) -> dict[str, set[str]]:
        """By arm, the routes that its scenarios ask for besides the login and the read."""
        asked: dict[str, set[str]] = {arm: set() for arm in suite.arms}
        for scenario in suite.scenarios:
            for arm in suite.arms_of([scenario]):
                if scenario.name in self.scenarios:
                    asked[arm].update(self.scenarios[scenario.name].asks)
        return asked

    def fitted(self, suite: Suite) -> tuple[Suite, list[Check]]:
        """The suite without what its own servers do not have, and a check for each scenario it changed.

        Raises:
            SuiteError: A scenario would be left with no arm.
        """
        scenarios, checks = [], []
        for index, scenario in enumerate(suite.scenarios):
            asks = self.scenarios[scenario.name].asks if scenario.name in self.scenarios else ()
            arms = suite.arms_of([scenario])
            lacking = {
                arm: routes
                for arm in arms
                if arm in suite.own
                and (routes := [route for route in asks if not suite.own[arm].dialect.has(route)])
            }
            if len(lacking) == len(arms):
                raise SuiteError(
                    f"{self.source}: scenarios[{index}]: {scenario.name} asks for {', '.join(asks)},"
                    " which no arm has"
                )
            checks += [_left_out(scenario.name, arm, routes) for arm, routes in lacking.items()]
            if lacking:
                left = [arm for arm in arms if arm not in lacking]
                scenario = scenario.model_copy(update={"arms": left})  # noqa: PLW2901
            scenarios.append(scenario)
        return suite.model_copy(update={"scenarios": scenarios}), checks

    def check(self, suite: Suite, schemes: Mapping[str, SchemeEntry]) -> None:
        """Refuse a suite that names what does not exist or cannot be judged, or outlasts a credential.

        Raises:
            SuiteError: Names the key, and what there is.
        """
        check_names(suite, self.source, schemes=schemes, judged=self.judged())
        check_incidents(suite, self.source, self.incidents, schemes)
        for index, scenario in enumerate(suite.scenarios):
            key = self.scenarios[scenario.name].sets
            if key and key not in scenario.params:
                raise SuiteError(
                    f"{self.source}: scenarios[{index}]: expected {key}, which {scenario.name} is about"
                )
            if key == "lifetime_s":  # what it is about is that they expire
                continue
            for arm in suite.arms_of([scenario]):
                lifetime_s = scenario.lifetime_s or schemes[arm].lifetime_s
                if lifetime_s and scenario.seconds * OVERHEAD > lifetime_s:
                    raise SuiteError(
                        f"{self.source}: scenarios[{index}].seconds: expected at most"
                        f" {lifetime_s / OVERHEAD:.0f}, since a credential of {arm} lives {lifetime_s} s and"
                        f" the load logs in once (got {scenario.seconds:g})"
                    )


def _left_out(scenario: str, arm: str, routes: Sequence[str]) -> Check:
    detail = f"{scenario} is measured without {arm}, which does not have {', '.join(routes)}."
    return Check(check="left out", status="warning", detail=detail)


def check_processes(suite: Suite, processes: int, incidents: Collection[str]) -> None:
    """Refuse more load processes than there are CPUs or users for."""
    users = min(scenario.load.users for scenario in suite.scenarios)
    if not 1 <= processes <= users:
        raise SuiteError(
            f"--processes: expected 1 to {users}, the fewest users of a scenario (got {processes})"
        )
    if processes > 1 and any(scenario.load.p99_ms for scenario in suite.scenarios):
        raise SuiteError("--processes: a search for capacity (p99_ms) is made by one load process.")
    if processes > 1 and any(scenario.name in incidents for scenario in suite.scenarios):
        raise SuiteError("--processes: an incident is driven by one load process.")
    try:
        place(usable_cpus(), processes, suite.processes_each)
    except ValueError as error:
        raise SuiteError(f"--processes: {error}.") from error


#: Keys of a scenario that say how slots are cut and judged, and so mean nothing where there are none.
_OF_SLOTS = ("slot_ms", "primary", "budgets")


def check_incidents(
    suite: Suite, source: str, incidents: Mapping[str, str], schemes: Mapping[str, SchemeEntry]
) -> None:
    """Refuse what cannot be lived through.

    Args:
        suite: The suite.
        source: The file, for messages.
        incidents: The kind of incident of each scenario that is one.
        schemes: The schemes there are.

    Raises:
        SuiteError: Names the file, the key and what was expected.
    """
    faults = []
    for index, scenario in enumerate(suite.scenarios):
        name = incidents.get(scenario.name)
        faults += [
            f"{source}: scenarios[{index}].{fault}"
            for fault in _incident_faults(scenario, None if name is None else find_kind(name))
        ]
        if name is not None and (own := [arm for arm in suite.arms_of([scenario]) if arm in suite.own]):
            faults.append(
                f"{source}: scenarios[{index}].arms: expected arms of this tool's own, since {scenario.name}"
                f" makes something happen to them (got {', '.join(own)})"
            )
        if name is not None and all(schemes[arm].transport == "none" for arm in suite.arms_of([scenario])):
            faults.append(f"{source}: arms: expected one that issues credentials, for {scenario.name}")
    if faults:
        raise SuiteError("\n".join(faults))


def _incident_faults(scenario: Scenario, kind: IncidentKind | None) -> Iterator[str]:
    if kind is None or not kind.takes_overlap:
        if scenario.overlap is not None:
            yield "overlap: expected in a key rotation only"
    elif scenario.overlap is None:
        yield "overlap: expected true or false: whether the old key stays beside the new one"
    if kind is None:
        return
    if scenario.load.model != "open" or scenario.load.p99_ms:
        yield f"load: expected an open one at a set rate, since {scenario.name} is an incident"
    if kind.spare_accounts > scenario.load.users:
        yield f"load.users: expected {kind.spare_accounts} or more"
    for key in _OF_SLOTS:
        if key in scenario.model_fields_set:
            yield f"{key}: an incident has no slots and is described, not judged"


def check_store(suite: Suite, incidents: Mapping[str, str], redis_url: str | None) -> None:
    """Refuse to kill a store that is not this tool's own.

    Raises:
        SuiteError: There is one, and an incident would.
    """
    for scenario in suite.scenarios:
        if redis_url and scenario.name in incidents and find_kind(incidents[scenario.name]).needs_own_store:
            raise SuiteError(
                f"{scenario.name} kills the store: it is done to this tool's own alone. Leave out --redis-url"
                " (or REDIS_URL)."
            )


def refuse_incidents(suite: Suite, source: str, incidents: Mapping[str, str]) -> None:
    """Refuse every incident, where verdicts are asked for.

    Raises:
        SuiteError: There is one.
    """
    if found := [scenario.name for scenario in suite.scenarios if scenario.name in incidents]:
        raise SuiteError(
            f"{source}: {', '.join(dict.fromkeys(found))}: incidents are described, not judged, so there is"
            " nothing to hold to a limit. Measure them with `bench.py run`."
        )
