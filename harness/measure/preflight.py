"""Validation before a run: suites, loads and incidents that cannot be measured are refused."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from harness.errors import SuiteError
from harness.load.remote import parse_bind
from harness.measure.incidents.kind import IncidentKind, find_kind
from harness.measure.options import Options
from harness.results.model import Check
from harness.suites.arms import SchemeEntry
from harness.suites.catalog import JUDGED, OVERHEAD, ScenarioInfo
from harness.suites.external import host_and_port, is_loopback
from harness.suites.model import Scenario, Suite
from harness.suites.parse import check_names
from harness.system.cpus import place, usable_cpus
from harness.testbed.store.private import supports_tls


def check_workers(suite: Suite, options: Options, incidents: Collection[str]) -> None:
    """Refuse scenarios that workers cannot share, and servers that they cannot reach.

    Args:
        suite: Suite to be measured.
        options: Options of the command line, which expect workers.
        incidents: Names of the scenarios that are incidents.

    Raises:
        SuiteError: The message names the scenario or server.
    """
    count = options.expect_workers
    if options.processes > 1:
        raise SuiteError(
            "--processes: load processes run on this machine; with --expect-workers there are none."
        )
    for index, scenario in enumerate(suite.scenarios):
        users = scenario.load.users
        if users % count:
            raise SuiteError(
                "--expect-workers: expected a divisor of the users of every scenario, since Locust spreads"
                f" them evenly: scenarios[{index}], {scenario.name}, has {users} (got {count})"
            )
        if count > 1 and scenario.load.p99_ms:
            raise SuiteError("--expect-workers: a search for capacity (p99_ms) needs a single load process.")
        if scenario.name in incidents:
            raise SuiteError("--expect-workers: an incident needs a load process on this machine.")
    if not is_loopback(parse_bind(options.workers_bind).host):
        _check_reach(suite)


def _check_reach(suite: Suite) -> None:
    """Refuse servers at loopback addresses, which lead a worker to its own machine."""
    for name, server in suite.own.items():
        if server.command is not None:
            raise SuiteError(
                f"--workers-bind: own.{name} listens on 127.0.0.1, where workers on other machines cannot"
                " reach it. Start it manually at an address of this machine, and set that as `address`."
            )
        for address in server.address or ():
            if is_loopback(host_and_port(address)[0]):
                raise SuiteError(
                    f"--workers-bind: own.{name}.address: {address} is a loopback address, which leads a"
                    " worker to its own machine. Use an address that all machines can reach."
                )


@dataclass(frozen=True)
class SuiteValidator:
    """Validator of a suite against the existing scenarios; `source` is its name or path, for messages."""

    source: str
    scenarios: dict[str, ScenarioInfo]

    @property
    def needs_credential(self) -> set[str]:
        """Return the scenarios that leave out arms without authentication."""
        return {name for name, info in self.scenarios.items() if info.needs_credential}

    @property
    def incidents(self) -> dict[str, str]:
        """Return the kind of incident of each scenario that is an incident."""
        return {name: info.incident for name, info in self.scenarios.items() if info.incident}

    def judged(self) -> dict[str, frozenset[str]]:
        """Return the metrics that may decide the verdict of each scenario."""
        whole = frozenset(metric for metric in JUDGED if "_p" not in metric)
        return {
            name: JUDGED if len(info.steps) == 1 or info.incident else whole
            for name, info in self.scenarios.items()
        }

    def check_gated(self, suite: Suite) -> None:
        """Refuse what a gate cannot judge: incidents, and servers that are not from a repository.

        Raises:
            SuiteError: The message names them.
        """
        if names := [scenario.name for scenario in suite.scenarios if scenario.name in self.incidents]:
            raise SuiteError(
                f"{self.source}: {', '.join(dict.fromkeys(names))}: incidents have no verdict, so there is"
                " nothing to compare with a limit. Measure them with `bench.py run`."
            )
        if suite.own:
            raise SuiteError(
                f"{self.source}: own: {', '.join(suite.own)}: a gate compares revisions of servers in a"
                " repository ([servers]). Measure these with `bench.py run`."
            )

    def asked(self, suite: Suite) -> dict[str, set[str]]:
        """Return the routes that each arm's scenarios request besides login and read."""
        routes: dict[str, set[str]] = {arm: set() for arm in suite.arms}
        for scenario in suite.scenarios:
            for arm in suite.arms_of([scenario]):
                if scenario.name in self.scenarios:
                    routes[arm].update(self.scenarios[scenario.name].asks)
        return routes

    def fitted(self, suite: Suite) -> tuple[Suite, list[Check]]:
        """Return the suite without external servers in scenarios that need routes they lack, and checks.

        Raises:
            SuiteError: No arm of a scenario has its routes.
        """
        scenarios, checks = [], []
        for index, scenario in enumerate(suite.scenarios):
            required = self.scenarios[scenario.name].asks if scenario.name in self.scenarios else ()
            arms = suite.arms_of([scenario])
            lacking = {
                arm: routes
                for arm in arms
                if arm in suite.own
                and (routes := [route for route in required if not suite.own[arm].dialect.has(route)])
            }
            if len(lacking) == len(arms):
                raise SuiteError(
                    f"{self.source}: scenarios[{index}]: {scenario.name} needs {', '.join(required)},"
                    " which no server has"
                )
            for arm, routes in lacking.items():
                missing = f"without {arm}, which does not have {', '.join(routes)}."
                detail = f"{scenario.name} is measured {missing}"
                checks.append(Check(check="left out", status="warning", detail=detail))
            remaining = {"arms": [arm for arm in arms if arm not in lacking]} if lacking else {}
            scenarios.append(scenario.model_copy(update=remaining))
        return suite.model_copy(update={"scenarios": scenarios}), checks

    def check(self, suite: Suite, schemes: Mapping[str, SchemeEntry]) -> None:
        """Refuse unknown names, metrics that cannot be judged, and scenarios that outlast a credential.

        Raises:
            SuiteError: The message names the key and the valid values.
        """
        check_names(suite, self.source, schemes=schemes, judged=self.judged())
        self.check_incidents(suite, schemes)
        for index, scenario in enumerate(suite.scenarios):
            key = self.scenarios[scenario.name].sets
            if key and key not in scenario.params:
                raise SuiteError(
                    f"{self.source}: scenarios[{index}]: expected {key}, which {scenario.name} varies"
                )
            if key == "lifetime_s":  # its credentials are meant to expire
                continue
            for arm in suite.arms_of([scenario]):
                lifetime_s = scenario.lifetime_s or schemes[arm].lifetime_s
                if lifetime_s and scenario.seconds * OVERHEAD > lifetime_s:
                    raise SuiteError(
                        f"{self.source}: scenarios[{index}].seconds: expected at most"
                        f" {lifetime_s / OVERHEAD:.0f}, since a credential of {arm} is valid for"
                        f" {lifetime_s} s and the load logs in once (got {scenario.seconds:g})"
                    )

    def check_incidents(self, suite: Suite, schemes: Mapping[str, SchemeEntry]) -> None:
        """Refuse incidents that cannot be run.

        Raises:
            SuiteError: The message names the file, the key and the expected value.
        """
        faults = []
        for index, scenario in enumerate(suite.scenarios):
            name, arms = self.incidents.get(scenario.name), suite.arms_of([scenario])
            kind = None if name is None else find_kind(name)
            where = f"{self.source}: scenarios[{index}]"
            faults += [f"{where}.{fault}" for fault in _incident_faults(scenario, kind)]
            if kind is not None and (external := [arm for arm in arms if arm in suite.own]):
                faults.append(
                    f"{where}.arms: expected servers of this tool, since {scenario.name} changes or disrupts"
                    f" them (got {', '.join(external)})"
                )
            if kind is not None and all(schemes[arm].transport == "none" for arm in arms):
                faults.append(
                    f"{self.source}: arms: expected a scheme that issues credentials, for {scenario.name}"
                )
        if faults:
            raise SuiteError("\n".join(faults))


def check_processes(suite: Suite, processes: int, incidents: Collection[str]) -> None:
    """Refuse more load processes than there are CPUs or users for."""
    users = min(scenario.load.users for scenario in suite.scenarios)
    if not 1 <= processes <= users:
        raise SuiteError(
            f"--processes: expected 1 to {users}, the fewest users of a scenario (got {processes})"
        )
    if processes > 1 and any(scenario.load.p99_ms for scenario in suite.scenarios):
        raise SuiteError("--processes: a search for capacity (p99_ms) needs a single load process.")
    if processes > 1 and any(scenario.name in incidents for scenario in suite.scenarios):
        raise SuiteError("--processes: an incident needs a single load process.")
    try:
        place(usable_cpus(), processes, suite.processes_each)
    except ValueError as error:
        raise SuiteError(f"--processes: {error}.") from error


#: Keys of a scenario about slots and verdicts, neither of which an incident has.
_OF_SLOTS = ("slot_ms", "primary", "budgets")


def _incident_faults(scenario: Scenario, kind: IncidentKind | None) -> Iterator[str]:
    if kind is None or not kind.takes_overlap:
        if scenario.overlap is not None:
            yield "overlap: expected in a key rotation only"
    elif scenario.overlap is None:
        yield "overlap: expected true or false: whether the old key stays valid beside the new key"
    if kind is None:
        return
    if scenario.load.model != "open" or scenario.load.p99_ms:
        yield f"load: expected an open load with a fixed rate, since {scenario.name} is an incident"
    if kind.spare_accounts > scenario.load.users:
        yield f"load.users: expected {kind.spare_accounts} or more"
    for key in _OF_SLOTS:
        if key in scenario.model_fields_set:
            yield f"{key}: an incident has no slots and no verdict"


def without_missing_tls(suite: Suite, source: str) -> tuple[Suite, list[Check]]:
    """Return the suite without scenarios that need a store with TLS, if none is installed, and checks.

    Args:
        suite: Suite to be measured.
        source: Its name or path, for messages.

    Raises:
        SuiteError: Nothing is left.
    """
    if not suite.uses_tls or supports_tls():
        return suite, []
    remaining = [one for one in suite.scenarios if suite.conditions(one).store_link != "tls"]
    install = "no Valkey or Redis server with TLS is installed (apt install redis-server)"
    if not remaining:
        raise SuiteError(f'{source}: every scenario has store_link = "tls", and {install}.')
    checks = [
        Check(check="left out", status="warning", detail=f"{scenario.label} is not measured: {install}.")
        for scenario in suite.scenarios
        if scenario not in remaining
    ]
    return suite.model_copy(update={"scenarios": remaining}), checks


def check_store(suite: Suite, incidents: Mapping[str, str], redis_url: str | None) -> None:
    """Refuse what needs a store of this run's own, if the user named another.

    Raises:
        SuiteError: An incident would kill it, or the suite sets the link to it.
    """
    if redis_url and ("store_link" in suite.model_fields_set or any(s.store_link for s in suite.scenarios)):
        raise SuiteError("store_link needs the embedded store: leave out --redis-url (or REDIS_URL).")
    for scenario in suite.scenarios:
        if redis_url and scenario.name in incidents and find_kind(incidents[scenario.name]).needs_own_store:
            raise SuiteError(
                f"{scenario.name} kills the store, which is allowed only for the embedded store. Omit"
                " --redis-url (or REDIS_URL)."
            )
