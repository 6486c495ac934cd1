"""What there is to choose from: suites, scenarios and schemes, found without importing servers or Locust."""

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

_SUITES: Final = processes.ROOT / "loadtests" / "suites"
#: What a scenario takes from its logins to its end, over the time in slots; on a slow machine.
OVERHEAD: Final = 1.5
#: Metrics that have a ratio, and that every scenario measures; latencies (`_p…`) where it has one step only.
JUDGED: Final = frozenset(name for name, metric in METRICS.items() if metric.scale == "log")


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
    rows = json.loads(processes.run_module("loadtests", ["--list", "--json"]))
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
            f"{name_or_path}: no such suite.{did_you_mean(name_or_path, suites())} There are"
            f" {', '.join(suites())}; or give a TOML file's path."
        ) from error
    suite = parse(text, path.stem, str(path))
    placed = {
        name: server.model_copy(update={"folder": str(path.resolve().parent / server.folder)})
        for name, server in suite.own.items()
    }
    return suite.model_copy(update={"own": placed})


def schemes(tree: Tree = OURS) -> dict[str, SchemeEntry]:
    """The schemes there are, by name, as a tree's servers list them."""
    rows = json.loads(processes.run_module(tree.servers, ["--list", "--json"], tree))
    keys = SchemeEntry.__dataclass_fields__
    return {row["name"]: SchemeEntry(**{key: row[key] for key in keys if key in row}) for row in rows}
