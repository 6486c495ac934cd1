"""What there is to name on the command line, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from harness.results import archive
from harness.studies.claims import families
from harness.suites import catalog
from harness.system import processes

#: What is told where nothing is named.
USUAL: Final = ("suites", "runs")


def tell(some: Sequence[str], results: Path, *, print_json: bool) -> None:
    """Print the lists of these names (of `USUAL` where there are none): a JSON object of them, or lines.

    Args:
        some: Keys of `_ROWS`.
        results: Folder of the runs.
        print_json: Whether for programs.

    Raises:
        EnvironmentFailedError: Servers or scenarios could not be asked.
    """
    names = tuple(some) or USUAL
    if print_json:
        print(json.dumps({name: _ROWS[name](results) for name in names}))
        return
    for name in names:
        if len(names) > 1:
            print(f"{name}:")
        for line in _LINES[name](results):
            print(f"  {line}" if len(names) > 1 else line)


def _suites(_: Path) -> dict[str, str]:
    return {name: catalog.load_suite(name).title for name in catalog.suites()}


def _schemes(_: Path) -> list[dict[str, Any]]:
    return [asdict(scheme) for scheme in catalog.schemes().values()]


def _scenarios(_: Path) -> list[dict[str, Any]]:
    return [asdict(scenario) for scenario in catalog.scenarios().values()]


def _claims(_: Path) -> list[dict[str, Any]]:
    keys = ("number", "says", "by", "kind", "experiment", "rule")
    return [{key: getattr(claim, key) for key in keys} for claim in families.find([])]


def _runs(results: Path) -> list[dict[str, Any]]:
    return [{"folder": str(folder), **about} for folder, about in archive.runs(results)]


def _run_lines(results: Path) -> list[str]:
    told = [
        f"{row['folder']}  {row['suite']}, {row['started_at']}, exit code {row['exit_code']}"
        for row in _runs(results)
    ]
    return told or [f"none in {results} yet: bench.py run quick"]


_ROWS: Final[Mapping[str, Callable[[Path], Any]]] = {
    "suites": _suites,
    "schemes": _schemes,
    "scenarios": _scenarios,
    "claims": _claims,
    "runs": _runs,
}
_LINES: Final[Mapping[str, Callable[[Path], list[str]]]] = {
    "suites": lambda folder: [f"{name:<12} {title}" for name, title in _suites(folder).items()],
    "schemes": lambda _: processes.ask("servers", ["--list"]).splitlines(),
    "scenarios": lambda _: processes.ask("loadtests", ["--list"]).splitlines(),
    "claims": lambda _: [f"{one.number:>2}  {one.says} ({one.by})" for one in families.find([])],
    "runs": _run_lines,
}
