"""Lists of suites, scenarios and schemes, read without importing servers or Locust."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import SuiteError
from harness.results.metrics import METRICS
from harness.suites.arms import SchemeEntry
from harness.suites.model import Suite
from harness.suites.parse import parse
from harness.system import processes
from harness.system.source_tree import OURS, Tree
from harness.system.suggest import did_you_mean

#: Duration of a scenario, from its logins to its end, over its time in slots; on a slow machine.
OVERHEAD: Final = 1.5
#: Metrics with a ratio that all scenarios measure; latencies (`_p…`) only if the scenario has a single step.
JUDGED: Final = frozenset(name for name, metric in METRICS.items() if metric.scale == "log")


@dataclass(frozen=True)
class ScenarioInfo:
    """Description of a scenario, as printed by `python -m loadtests --list --json`."""

    name: str
    title: str
    model: str
    steps: list[str]
    needs_credential: bool
    #: Key that a suite must set for this scenario; empty for none.
    sets: str
    #: Kind of incident that affects all arms in it; empty for a scenario that is measured in slots.
    incident: str = ""
    #: Routes of the contract that it requests, besides the login and the restricted read.
    asks: Sequence[str] = ()


def scenarios() -> dict[str, ScenarioInfo]:
    """Return all scenarios, by name."""
    rows = json.loads(processes.run_module("loadtests", ["--list", "--json"]))
    return {row["name"]: ScenarioInfo(**row) for row in rows}


def suites() -> dict[str, Path]:
    """Return the paths of the built-in suites, by name."""
    return {path.stem: path for path in sorted((processes.ROOT / "loadtests" / "suites").glob("*.toml"))}


def load_suite(name_or_path: str) -> Suite:
    """Read a built-in suite by its name, or any suite by the path of its TOML file.

    Raises:
        SuiteError: The suite does not exist, is not valid, or names something that does not exist.
    """
    path = suites().get(name_or_path, Path(name_or_path))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(
            f"{name_or_path}: no such suite.{did_you_mean(name_or_path, suites())} Built-in suites:"
            f" {', '.join(suites())}; or give the path of a TOML file."
        ) from error
    suite = parse(text, path.stem, str(path))
    servers = {
        name: server.model_copy(update={"folder": str(path.resolve().parent / server.folder)})
        for name, server in suite.own.items()
    }
    return suite.model_copy(update={"own": servers})


def schemes(tree: Tree = OURS) -> dict[str, SchemeEntry]:
    """Return all schemes of a source tree, by name, as its servers list them."""
    rows = json.loads(processes.run_module(tree.servers, ["--list", "--json"], tree))
    keys = SchemeEntry.__dataclass_fields__
    return {row["name"]: SchemeEntry(**{key: row[key] for key in keys if key in row}) for row in rows}
