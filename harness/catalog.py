"""What there is to choose from: suites, scenarios and schemes, found without importing servers or Locust."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness import processes
from harness.arms import Scheme
from harness.errors import SuiteError
from harness.result import METRICS
from harness.suite import Suite, check_names, parse

_SUITES: Final = processes.ROOT / "loadtests" / "suites"
#: Metrics that have a ratio, and that every scenario measures; latencies (`_p…`) where it has one step only.
_JUDGED: Final = {name for name, metric in METRICS.items() if metric.scale == "log"}


@dataclass(frozen=True)
class ScenarioInfo:
    """What `python -m loadtests --list --json` says of a scenario."""

    name: str
    title: str
    model: str
    steps: list[str]
    needs_credential: bool


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
    return parse(text, path.stem, str(path))


def check(suite: Suite, source: str, schemes: dict[str, Scheme], scenarios: dict[str, ScenarioInfo]) -> None:
    """Refuse a suite that names schemes or scenarios that do not exist, or metrics that cannot be judged.

    Raises:
        SuiteError: Names the key, and what there is.
    """
    judged = {
        name: _JUDGED if len(about.steps) == 1 else {metric for metric in _JUDGED if "_p" not in metric}
        for name, about in scenarios.items()
    }
    check_names(suite, source, schemes=schemes, judged=judged)


def schemes() -> dict[str, Scheme]:
    """The schemes there are, by name, as the servers list them."""
    rows = json.loads(processes.ask("servers", ["--list", "--json"]))
    keys = Scheme.__dataclass_fields__
    return {row["name"]: Scheme(**{key: row[key] for key in keys}) for row in rows}
