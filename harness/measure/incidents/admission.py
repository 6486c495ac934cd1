"""Which incidents a suite may ask for, and under which conditions. Refused before anything is started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.errors import SuiteError
from harness.measure.incidents import kinds
from harness.measure.incidents.kind import Kind
from harness.suites.arms import Scheme
from harness.suites.model import Scenario, Suite

#: Keys of a scenario that say how slots are cut and judged, and so mean nothing where there are none.
_OF_SLOTS = ("slot_ms", "primary", "budgets")


def check(suite: Suite, source: str, incidents: Mapping[str, str], schemes: Mapping[str, Scheme]) -> None:
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
            for fault in _faults(scenario, None if name is None else kinds.find(name))
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


def _faults(scenario: Scenario, kind: Kind | None) -> Iterator[str]:
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
        if redis_url and scenario.name in incidents and kinds.find(incidents[scenario.name]).needs_own_store:
            raise SuiteError(
                f"{scenario.name} kills the store: it is done to this tool's own alone. Leave out --redis-url"
                " (or REDIS_URL)."
            )


def refuse(suite: Suite, source: str, incidents: Mapping[str, str]) -> None:
    """Refuse every incident, where verdicts are asked for.

    Raises:
        SuiteError: There is one.
    """
    if found := [scenario.name for scenario in suite.scenarios if scenario.name in incidents]:
        raise SuiteError(
            f"{source}: {', '.join(dict.fromkeys(found))}: incidents are described, not judged, so there is"
            " nothing to hold to a limit. Measure them with `bench.py run`."
        )
