"""The import rules of docs/architecture.md, read from the source, and seen at work in a process."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from loadtests.distributed.version import SHARED
from tests.imports import ROOT, files, imported, imports, module_name, reached, roots, tree

OURS = ("bench", "browserlab", "calibration", "harness", "loadtests", "servers")
#: The packages of harness/, from the bottom up: each imports what lies below it, never beside or above.
LAYERS = (
    {"errors"},
    {"system", "protocol"},
    {"results"},
    {"suites"},
    {"analysis"},
    {"testbed"},
    {"load"},
    {"doctor"},
    {"measure"},
    {"report"},
    {"gate", "studies"},
    {"cli"},
)
#: What reads files only and what measures know nothing of each other, though one lies below the other.
APART = {("report", lower) for lower in ("testbed", "load", "doctor", "measure")}
#: Folders of pure modules; so is each module whose docstring has the sentence "Pure.".
PURE = ("harness/protocol", "harness/analysis", "harness/report/content", "harness/report/exports")
#: All that the harness imports of the servers: what both must read alike.
OF_SERVERS = ("servers.contract", "servers.stores.urls")
#: Modules that do something to the world, or take long to import.
IMPURE = {"asyncio", "subprocess", "socket", "redis", "aiohttp", "matplotlib", "locust", "gevent", "psutil"}
#: Calls that open, read or write a file.
OPENS = {"open", "read_text", "write_text", "read_bytes", "write_bytes"}


def packages(path: Path) -> set[tuple[str, str]]:
    """Return what a file of harness/ imports from there, as pairs of its package and the other."""
    here = _package(module_name(path))
    there = {_package(name) for name in imports(path) if name.startswith("harness.")}
    return {(here, package) for package in there - {here} if package}


def _package(module: str) -> str:
    """Return the package of harness/ that a module is in, empty for that of `harness` itself."""
    return [*module.split("."), ""][1]


def is_pure(path: Path) -> bool:
    """Whether a module is in a pure folder, or its docstring has the sentence "Pure."."""
    if str(path).startswith(tuple(f"{folder}/" for folder in PURE)):
        return True
    docstring = ast.get_docstring(tree(path)) or ""
    return re.search(r"\bPure[.:]", docstring) is not None


def test_imports_are_found_in_all_their_forms() -> None:
    """The reader of imports itself: plain, from, of a module, relative, inside a function."""
    text = (
        "import os.path, redis as r\n"
        "from harness.testbed import rig\nfrom harness import __version__\n"
        "from .stats.estimate import mean\n"
        "from .stats import verdict\n"
        "def f():\n    from servers.contract import X\n"
    )
    assert set(imported(ast.parse(text), Path("harness/analysis/measurements.py"))) == {
        "os.path",
        "redis",
        "harness.testbed.rig",
        "harness",
        "harness.analysis.stats.estimate",
        "harness.analysis.stats.verdict",
        "servers.contract",
    }


def test_imports_for_types_are_told_from_those_that_are_run() -> None:
    """The former load nothing."""
    text = (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import redis\nelse:\n    import json\n"
        "if True:\n    import socket\n"
    )
    assert set(imported(ast.parse(text), Path("harness/x.py"), for_types=False)) == {
        "typing",
        "json",
        "socket",
    }


def offenders(paths: Iterable[Path], offence: Callable[[Path], object]) -> dict[str, object]:
    """Return the files that break a rule, and by what."""
    return {str(path): found for path in paths if (found := offence(path))}


def breaks(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the imports between packages that go beside or up, or join what must not know each other."""
    level = {package: level for level, layer in enumerate(LAYERS) for package in layer}
    return {(here, there) for here, there in pairs if level[there] >= level[here]} | (pairs & APART)


def test_imports_go_down_the_layers() -> None:
    """Every package of harness/ has a place in `LAYERS`, and imports only from below it."""
    assert offenders(files("harness"), lambda path: breaks(packages(path))) == {}


def test_an_upward_import_is_found() -> None:
    """One put into a file of a lower package, one into its neighbour, and one across the two columns."""
    for file, text, found in (
        ("harness/system/x.py", "from harness.cli import app", {("system", "cli")}),
        ("harness/gate/x.py", "def f():\n    from harness.studies.lab import Lab", {("gate", "studies")}),
        ("harness/report/x.py", "from harness.testbed import rig", {("report", "testbed")}),
        ("harness/measure/x.py", "import harness.testbed.rig", set()),
    ):
        here = _package(module_name(Path(file)))
        there = {_package(name) for name in imported(ast.parse(text), Path(file))}
        assert breaks({(here, package) for package in there}) == found


def test_the_top_of_the_harness_is_its_packages() -> None:
    """Nothing lies beside them but the version and the errors."""
    top = {path.parts[1].removesuffix(".py") for path in files("harness")}
    assert top == {"__init__"} | set().union(*LAYERS)


def test_packages_are_empty() -> None:
    """So that importing a module imports no other of its package; harness itself has the version."""
    below = [path for path in files("harness") if path.name == "__init__.py" and len(path.parts) > 2]
    assert offenders(below, lambda path: (ROOT / path).read_text(encoding="utf-8")) == {}


PURE_FILES = [path for path in [*files("harness"), *files("loadtests"), *files("servers")] if is_pure(path)]


def test_pure_files_are_found() -> None:
    """By their folder, or by a sentence; a file that is "Pure but for" something is not."""
    names = {str(path) for path in PURE_FILES}
    assert {"harness/protocol/plan.py", "harness/gate/judge.py", "servers/contract.py"} <= names
    assert "loadtests/distributed/clock.py" in names
    assert "harness/doctor/console.py" not in names


def test_pure_modules_reach_nothing_impure() -> None:
    """Neither a pure module nor any module of ours that it imports talks to the world."""

    def impure(path: Path) -> dict[str, object]:
        return offenders(reached(path), lambda file: roots(file) & IMPURE)

    assert offenders(PURE_FILES, impure) == {}


def test_pure_modules_open_no_file() -> None:
    """They are given text and numbers."""

    def opening(path: Path) -> set[str]:
        return OPENS & {
            node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
        }

    assert offenders(PURE_FILES, opening) == {}


def test_the_harness_imports_neither_servers_nor_load() -> None:
    """Importing Locust patches the whole process; servers and load run as processes of their own.

    aiohttp is what the servers are made with; of the harness only the viewer, which measures nothing, serves.
    """
    forbidden = {"locust", "gevent", "geventhttpclient", "calibration", "loadtests", "bench"}
    forbidden |= {"browserlab", "playwright"}

    def wrong(path: Path) -> set[str]:
        viewer = path.is_relative_to("harness/report/viewer")
        of_servers = {name for name in imports(path) if name.split(".")[0] == "servers"}
        tools = roots(path) & (forbidden if viewer else forbidden | {"aiohttp"})
        return (of_servers - set(OF_SERVERS)) | tools

    assert offenders(files("harness"), wrong) == {}


@pytest.mark.parametrize("name", OF_SERVERS)
def test_what_the_harness_shares_with_servers_is_one_file(name: str) -> None:
    """So that no other code of theirs is in the process that measures."""
    reaching = reached(Path(*name.split(".")).with_suffix(".py"))
    code = {path for path in reaching if path.name != "__init__.py"}
    assert code == {Path(*name.split(".")).with_suffix(".py")}


def test_only_its_command_knows_the_viewer() -> None:
    """So that aiohttp is never in a process that measures."""
    knowing = {
        path
        for path in files("harness")
        if any(name.startswith("harness.report.viewer") for name in imports(path))
        and not path.is_relative_to("harness/report/viewer")
    }
    assert knowing == {Path("harness/cli/view.py")}


def of_others(path: Path) -> set[str]:
    """Return what a file imports of ours, but for its own top-level package."""
    others = set(OURS) - {path.parts[0]}
    return {name for name in imports(path) if name.split(".")[0] in others}


def test_the_browser_lab_shares_only_the_contract() -> None:
    """It is told by its command line where the servers are, and answers in JSON."""
    assert offenders(files("browserlab"), lambda path: of_others(path) - {"servers.contract"}) == {}


def test_servers_know_nothing_of_who_measures() -> None:
    """No import of the instrument, nor of its tools."""
    tools = {"calibration", "harness", "loadtests", "bench", "browserlab", "locust", "gevent", "playwright"}
    assert offenders(files("servers"), lambda path: roots(path) & tools) == {}


def test_known_truths_know_nothing_of_who_measures() -> None:
    """Otherwise they might agree with the instrument's own mistakes."""
    tools = {"harness", "loadtests", "bench", "locust", "gevent"}
    assert offenders(files("calibration"), lambda path: roots(path) & tools) == {}


def test_load_shares_only_the_contract_and_the_plan() -> None:
    """Of ours: the contract with the servers, the plan and the recording with the harness, itself."""
    allowed = {module_name(Path(shared)) for shared in SHARED}
    assert offenders(files("loadtests"), lambda path: of_others(path) - allowed) == {}


def test_what_makes_a_load_is_in_its_version() -> None:
    """Of workers that share a load none may run other code: the digest covers all of ours that it imports."""
    of_load = {path for file in files("loadtests") for path in reached(file)}
    assert {str(path) for path in of_load if path.parts[0] != "loadtests"} == set(SHARED)


def test_only_charts_import_matplotlib() -> None:
    """It takes half a second to import, and most commands draw nothing."""
    others = [path for path in files("harness") if not path.is_relative_to("harness/report/charts")]
    assert offenders([Path("bench.py"), *others], lambda path: roots(path) & {"matplotlib"}) == {}


SCHEMES = [path for path in files("servers/schemes") if path.name != "__init__.py"]


def test_no_file_names_a_scheme() -> None:
    """Schemes are found by listing their folder: another needs no other edit. None imports another."""
    schemes = {module_name(scheme) for scheme in SCHEMES}
    assert offenders(files("servers"), lambda path: imports(path) & schemes) == {}


def loaded_after(*command: str) -> set[str]:
    """The top-level packages that a Python process has loaded by its end."""
    watched = (
        "import atexit, json, sys\n"
        "atexit.register(lambda: print(json.dumps(sorted({n.split('.')[0] for n in sys.modules})),"
        " file=sys.stderr))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", watched + "\n".join(command)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


HEAVY = {
    *("matplotlib", "scipy", "numpy", "aiohttp", "locust", "gevent", "playwright"),
    *("browserlab", "loadtests", "servers"),
}


def test_the_watch_sees_what_is_loaded() -> None:
    """Otherwise the tests below would hold of anything."""
    assert {"json", "typer", "bench"} <= loaded_after("import bench")
    assert "scipy" in loaded_after("import harness.analysis.stats.estimate")


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    """Help and usage errors come at once."""
    assert not loaded_after("import bench") & HEAVY


def test_help_loads_few_modules() -> None:
    """It came in 0.15 s with some 330 modules, half of them Python's own; a heavy one brings hundreds."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", str(ROOT / "bench.py"), "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if "|" in line}
    assert "typer" in loaded
    assert len(loaded) < 450
    assert not {name.partition(".")[0] for name in loaded} & (HEAVY | {"pydantic", "psutil", "redis"})


def test_listing_loads_nothing_heavy(tmp_path: Path) -> None:
    """Suites and runs are listed without SciPy, matplotlib or anything that serves or loads."""
    assert not HEAVY & loaded_after(
        f"sys.argv = ['bench.py', 'list', '--results', {str(tmp_path)!r}]",
        "import runpy",
        "runpy.run_path('bench.py', run_name='__main__')",
    )
