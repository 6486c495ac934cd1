"""What there is to choose from: suites, scenarios and schemes, found without importing servers or Locust."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import SuiteError
from harness.measure.incidents import admission
from harness.results.model import METRICS, Check
from harness.suites.arms import Scheme
from harness.suites.model import Suite, check_names, parse
from harness.system import processes
from harness.system.source_tree import OURS, Tree

LOOPS: Final = ("uvloop", "asyncio")
_SUITES: Final = processes.ROOT / "loadtests" / "suites"
#: What a scenario takes from its logins to its end, over the time in slots; on a slow machine.
_OVERHEAD: Final = 1.5
#: Metrics that have a ratio, and that every scenario measures; latencies (`_p…`) where it has one step only.
_JUDGED: Final = frozenset(name for name, metric in METRICS.items() if metric.scale == "log")


@dataclass(frozen=True)
class ScenarioInfo:
    """What `python -m loadtests --list --json` says of a scenario."""

    name: str
    title: str
    model: str
    steps: list[str]
    needs_credential: bool
    #: Key of a suite's scenario without which it makes no sense.
    sets: str
    #: The kind of incident that all arms live through in it; empty where time is dealt in slots.
    incident: str = ""
    #: Routes of the contract that it asks for, besides the login and the restricted read.
    asks: Sequence[str] = ()


def scenarios() -> dict[str, ScenarioInfo]:
    """The scenarios there are, by name."""
    rows = json.loads(processes.ask("loadtests", ["--list", "--json"]))
    return {row["name"]: ScenarioInfo(**row) for row in rows}


def suites() -> dict[str, Path]:
    """The suites that come with this tool, by name."""
    return {path.stem: path for path in sorted(_SUITES.glob("*.toml"))}


def load_suite(name_or_path: str) -> Suite:
    """Read a suite by the name of one that comes with this tool, or by the path of a TOML file.

    Raises:
        SuiteError: There is none, it says something that cannot be, or names what does not exist.
    """
    path = suites().get(name_or_path, Path(name_or_path))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(
            f"{name_or_path}: no such suite. There are {', '.join(suites())}; or give a TOML file's path."
        ) from error
    suite = parse(text, path.stem, str(path))
    placed = {
        name: server.model_copy(update={"folder": str(path.resolve().parent / server.folder)})
        for name, server in suite.own.items()
    }
    return suite.model_copy(update={"own": placed})


@dataclass(frozen=True)
class Known:
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
        whole = frozenset(metric for metric in _JUDGED if "_p" not in metric)
        return {
            name: _JUDGED if len(about.steps) == 1 or about.incident else whole
            for name, about in self.scenarios.items()
        }

    def check_gated(self, suite: Suite) -> None:
        """Refuse what a gate cannot judge: scenarios that have no verdict, servers that come from no tree.

        Raises:
            SuiteError: Names them.
        """
        admission.refuse(suite, self.source, self.incidents)
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

    def check(self, suite: Suite, schemes: Mapping[str, Scheme]) -> None:
        """Refuse a suite that names what does not exist or cannot be judged, or outlasts a credential.

        Raises:
            SuiteError: Names the key, and what there is.
        """
        check_names(suite, self.source, schemes=schemes, judged=self.judged())
        admission.check(suite, self.source, self.incidents, schemes)
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
                if lifetime_s and scenario.seconds * _OVERHEAD > lifetime_s:
                    raise SuiteError(
                        f"{self.source}: scenarios[{index}].seconds: expected at most"
                        f" {lifetime_s / _OVERHEAD:.0f}, since a credential of {arm} lives {lifetime_s} s and"
                        f" the load logs in once (got {scenario.seconds:g})"
                    )


def _left_out(scenario: str, arm: str, routes: Sequence[str]) -> Check:
    detail = f"{scenario} is measured without {arm}, which does not have {', '.join(routes)}."
    return Check(check="left out", status="warning", detail=detail)


def check_loop(loop: str) -> None:
    """Refuse an event loop that servers do not have.

    Raises:
        SuiteError: Names those there are.
    """
    if loop not in LOOPS:
        raise SuiteError(f"--loop: expected one of {', '.join(LOOPS)} (got {loop!r})")


def schemes(tree: Tree = OURS) -> dict[str, Scheme]:
    """The schemes there are, by name, as a tree's servers list them."""
    rows = json.loads(processes.ask(tree.servers, ["--list", "--json"], tree))
    keys = Scheme.__dataclass_fields__
    return {row["name"]: Scheme(**{key: row[key] for key in keys if key in row}) for row in rows}
