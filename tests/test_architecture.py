"""The import rules of docs/architecture.md, read from the source, and seen at work in a process."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests.distributed.version import SHARED

ROOT = Path(__file__).parents[1]
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


def files(folder: str) -> list[Path]:
    """The Python files below a folder, by their path from the root."""
    found = sorted(path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.py"))
    assert found, folder
    return found


def module_name(path: Path) -> str:
    """A file's name as an import has it."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_module(name: str) -> bool:
    """Whether a dotted name is a module or package of this tree."""
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def imports(path: Path, *, for_types: bool = True) -> set[str]:
    """Every module that a file imports, at any depth of its code, relative imports resolved.

    `from package import name` counts as `package.name` where that is a module of ours.

    Args:
        path: Of the file, from the root.
        for_types: Whether those count that only a type checker makes.
    """
    tree: ast.AST = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return set(_imports(tree if for_types else _AsRun().visit(tree), path))


class _AsRun(ast.NodeTransformer):
    """A module without what stands below `if TYPE_CHECKING`."""

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        is_for_types = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return node.orelse if is_for_types else self.generic_visit(node)


def _imports(tree: ast.AST, path: Path) -> Iterator[str]:
    package = module_name(path).split(".") if path.name == "__init__.py" else list(path.parts[:-1])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield whole if is_module(whole) else base


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
    docstring = ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf-8"))) or ""
    return re.search(r"\bPure[.:]", docstring) is not None


def roots(path: Path) -> set[str]:
    """The top-level packages that a file imports."""
    return {name.split(".")[0] for name in imports(path)}


def reached(path: Path) -> set[Path]:
    """A file, and all files of ours that importing it imports."""
    seen: set[Path] = set()
    todo = [path]
    while todo:
        here = todo.pop()
        if here in seen:
            continue
        seen.add(here)
        for name in imports(here, for_types=False):
            for part in _with_parents(name):
                module = Path(*part.split("."))
                todo += [
                    file
                    for file in (module.with_suffix(".py"), module / "__init__.py")
                    if (ROOT / file).exists()
                ]
    return seen


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def test_imports_are_found_in_all_their_forms() -> None:
    """The reader of imports itself: plain, from, of a module, relative, inside a function."""
    text = (
        "import os.path, redis as r\n"
        "from harness.testbed import rig\nfrom harness import __version__\n"
        "from .stats.estimate import mean\n"
        "from .stats import verdict\n"
        "def f():\n    from servers.contract import X\n"
    )
    assert set(_imports(ast.parse(text), Path("harness/analysis/measurements.py"))) == {
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
    assert set(_imports(_AsRun().visit(ast.parse(text)), Path("harness/x.py"))) == {
        "typing",
        "json",
        "socket",
    }


def breaks(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the imports between packages that go beside or up, or join what must not know each other."""
    level = {package: level for level, layer in enumerate(LAYERS) for package in layer}
    return {(here, there) for here, there in pairs if level[there] >= level[here]} | (pairs & APART)


@pytest.mark.parametrize("path", files("harness"), ids=str)
def test_imports_go_down_the_layers(path: Path) -> None:
    """Every package of harness/ has a place in `LAYERS`, and imports only from below it."""
    assert breaks(packages(path)) == set()


def test_an_upward_import_is_found() -> None:
    """One put into a file of a lower package, one into its neighbour, and one across the two columns."""
    for file, text, found in (
        ("harness/system/x.py", "from harness.cli import app", {("system", "cli")}),
        ("harness/gate/x.py", "def f():\n    from harness.studies.lab import Lab", {("gate", "studies")}),
        ("harness/report/x.py", "from harness.testbed import rig", {("report", "testbed")}),
        ("harness/measure/x.py", "import harness.testbed.rig", set()),
    ):
        here = _package(module_name(Path(file)))
        there = {_package(name) for name in _imports(ast.parse(text), Path(file))}
        assert breaks({(here, package) for package in there}) == found


def test_the_top_of_the_harness_is_its_packages() -> None:
    """Nothing lies beside them but the version and the errors."""
    top = {path.parts[1].removesuffix(".py") for path in files("harness")}
    assert top == {"__init__"} | set().union(*LAYERS)


@pytest.mark.parametrize("path", [path for path in files("harness") if path.name == "__init__.py"], ids=str)
def test_packages_are_empty(path: Path) -> None:
    """So that importing a module imports no other of its package; harness itself has the version."""
    assert path.parent == Path("harness") or not (ROOT / path).read_text(encoding="utf-8")


PURE_FILES = [path for path in [*files("harness"), *files("loadtests"), *files("servers")] if is_pure(path)]


def test_pure_files_are_found() -> None:
    """By their folder, or by a sentence; a file that is "Pure but for" something is not."""
    names = {str(path) for path in PURE_FILES}
    assert {"harness/protocol/plan.py", "harness/gate/judge.py", "servers/contract.py"} <= names
    assert "loadtests/distributed/clock.py" in names
    assert "harness/doctor/console.py" not in names


@pytest.mark.parametrize("path", PURE_FILES, ids=str)
def test_pure_modules_reach_nothing_impure(path: Path) -> None:
    """Neither a pure module nor any module of ours that it imports talks to the world."""
    reaching = {str(file): roots(file) & IMPURE for file in reached(path)}
    assert {file: names for file, names in reaching.items() if names} == {}


@pytest.mark.parametrize("path", PURE_FILES, ids=str)
def test_pure_modules_open_no_file(path: Path) -> None:
    """They are given text and numbers."""
    called = {
        node.func.id if isinstance(node.func, ast.Name) else node.func.attr
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    }
    assert not called & OPENS


@pytest.mark.parametrize("path", files("harness"), ids=str)
def test_the_harness_imports_neither_servers_nor_load(path: Path) -> None:
    """Importing Locust patches the whole process; servers and load run as processes of their own.

    aiohttp is what the servers are made with; of the harness only the viewer, which measures nothing, serves.
    """
    forbidden = {"locust", "gevent", "geventhttpclient", "calibration", "loadtests", "bench"}
    forbidden |= {"browserlab", "playwright"}
    viewer = path.is_relative_to("harness/report/viewer")
    assert not roots(path) & (forbidden if viewer else forbidden | {"aiohttp"})
    assert {name for name in imports(path) if name.split(".")[0] == "servers"} <= set(OF_SERVERS)


@pytest.mark.parametrize("name", OF_SERVERS)
def test_what_the_harness_shares_with_servers_is_one_file(name: str) -> None:
    """So that no other code of theirs is in the process that measures."""
    reaching = reached(Path(*name.split(".")).with_suffix(".py"))
    code = {path for path in reaching if path.name != "__init__.py"}
    assert code == {Path(*name.split(".")).with_suffix(".py")}


@pytest.mark.parametrize(
    "path", [path for path in files("harness") if not path.is_relative_to("harness/report/viewer")], ids=str
)
def test_only_its_command_knows_the_viewer(path: Path) -> None:
    """So that aiohttp is never in a process that measures."""
    of_viewer = {name for name in imports(path) if name.startswith("harness.report.viewer")}
    assert not of_viewer or path == Path("harness/cli/view.py")


@pytest.mark.parametrize("path", files("browserlab"), ids=str)
def test_the_browser_lab_shares_only_the_contract(path: Path) -> None:
    """It is told by its command line where the servers are, and answers in JSON."""
    ours = {name for name in imports(path) if name.split(".")[0] in OURS}
    assert {name for name in ours if name.split(".")[0] != "browserlab"} <= {"servers.contract"}


@pytest.mark.parametrize("path", files("servers"), ids=str)
def test_servers_know_nothing_of_who_measures(path: Path) -> None:
    """No import of the instrument, nor of its tools."""
    assert not roots(path) & {
        "calibration",
        "harness",
        "loadtests",
        "bench",
        "browserlab",
        "locust",
        "gevent",
        "playwright",
    }


@pytest.mark.parametrize("path", files("calibration"), ids=str)
def test_known_truths_know_nothing_of_who_measures(path: Path) -> None:
    """Otherwise they might agree with the instrument's own mistakes."""
    assert not roots(path) & {"harness", "loadtests", "bench", "locust", "gevent"}


@pytest.mark.parametrize("path", files("loadtests"), ids=str)
def test_load_shares_only_the_contract_and_the_plan(path: Path) -> None:
    """Of ours: the contract with the servers, the plan and the recording with the harness, itself."""
    ours = {name for name in imports(path) if name.split(".")[0] in OURS}
    allowed = {module_name(Path(shared)) for shared in SHARED}
    assert {name for name in ours if name.split(".")[0] != "loadtests"} <= allowed


def test_what_makes_a_load_is_in_its_version() -> None:
    """Of workers that share a load none may run other code: the digest covers all of ours that it imports."""
    of_load = {path for file in files("loadtests") for path in reached(file)}
    assert {str(path) for path in of_load if path.parts[0] != "loadtests"} == set(SHARED)


@pytest.mark.parametrize("path", [Path("bench.py"), *files("harness")], ids=str)
def test_only_charts_import_matplotlib(path: Path) -> None:
    """It takes half a second to import, and most commands draw nothing."""
    assert "matplotlib" not in roots(path) or path.is_relative_to("harness/report/charts")


SCHEMES = [path for path in files("servers/schemes") if path.name != "__init__.py"]


@pytest.mark.parametrize("path", SCHEMES, ids=str)
def test_a_scheme_imports_no_other_scheme(path: Path) -> None:
    """A scheme is one file; what two share has a name of its own beside them."""
    assert not {name for name in imports(path) if name.startswith("servers.schemes")}


@pytest.mark.parametrize("path", files("servers"), ids=str)
def test_no_file_names_a_scheme(path: Path) -> None:
    """Schemes are found by listing their folder, so that another needs no other edit."""
    assert not imports(path) & {module_name(scheme) for scheme in SCHEMES}


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
