"""The command line itself: its order, its help, what it makes of mistakes, and how it ends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from typer import rich_utils
from typer.testing import CliRunner

from harness.cli import app as cli
from harness.cli import options
from tests.sandbox import ROOT

LEAVES = [
    *([name] for names in cli.PANELS.values() for name in names),
    *([group, name] for group, (_, names) in cli.GROUPS.items() for name in names),
]
#: Each flag that a pipeline passes by action.yml or docs/ci/gitlab.yml.
OF_PIPELINES = (
    "--against",
    "--baseline",
    "--tolerance",
    "--on-inconclusive",
    "--limit",
    "--repo",
    "--results",
)


def help_of(words: list[str], columns: int = 100, flag: str = "--help") -> str:
    """Return the help of a command at a width, without colours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rich_utils, "MAX_WIDTH", columns)
        done = CliRunner().invoke(cli.app, [*words, flag], env={"NO_COLOR": "1", "TERM": "dumb"})
    assert done.exit_code == 0, done.output
    return done.output


def bench(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run bench.py as a user does."""
    return subprocess.run(
        [sys.executable, str(ROOT / "bench.py"), *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"TERM": "dumb"} | environment,
        timeout=60,
        check=False,
    )


def test_the_entry_point_is_short() -> None:
    """All else is in harness/cli/."""
    assert len((ROOT / "bench.py").read_text().splitlines()) <= 30


def test_every_command_is_a_file_and_every_file_a_command() -> None:
    """The folders and the table of app.py name the same."""
    top = ROOT / "harness" / "cli"
    files = {
        str(path.relative_to(top).with_suffix("")) for path in top.rglob("*.py") if path.stem != "__init__"
    }
    assert files - {"app", "options"} == {"/".join(words) for words in LEAVES}


def test_commands_are_listed_in_the_order_of_their_use() -> None:
    """Ten main commands in three panels, then the groups."""
    text = help_of([])
    names = [name for panel in cli.PANELS.values() for name in panel]
    assert len(names) == 10
    listed = re.findall(r"^│ (\w+) ", text, re.MULTILINE)
    assert listed == [*names, *cli.GROUPS]
    assert [panel for panel in (*cli.PANELS, "More") if f"─ {panel} ─" in text] == [*cli.PANELS, "More"]


@pytest.mark.parametrize("words", [[], *([group] for group in cli.GROUPS), *LEAVES], ids=" ".join)
def test_help_is_for_people(words: list[str]) -> None:
    """By -h as well; no type beside a flag; paragraphs wrap at the width that there is, narrow or wide."""
    assert help_of(words, flag="-h") == help_of(words)
    for columns in (60, 100, 200):
        text = help_of(words, columns)
        assert "<bool>" not in text
        assert max(map(len, text.splitlines())) <= columns
        prose = [line.strip() for line in text.partition("╭")[0].splitlines()[2:]]
        for line, following in pairwise(prose):
            if line and following and not line.startswith("Usage:"):
                assert len(line) + 1 + len(following.split()[0]) > columns - 2, (line, following)


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_options_that_repeat_say_so_in_one_wording(words: list[str]) -> None:
    """A list of values is either one option, repeated, or names with commas."""
    group = typer.main.get_command(cli.app)
    for word in words:
        group = group.commands[word]  # type: ignore[attr-defined]
    for param in group.params:
        repeats = getattr(param, "multiple", False)
        assert repeats == (options.REPEAT in (getattr(param, "help", "") or "")), param.name


def test_pipelines_may_set_options_by_environment(tmp_path: Path) -> None:
    """Those that a job sets for every step; help names the variables, and they are read."""
    text = help_of(["check"], 200)
    assert all(options.envvar(name) in text for name in OF_PIPELINES)
    done = bench("check", CVT_BASELINE=str(tmp_path / "none.json"))
    assert (done.returncode, "none.json" in done.stderr) == (13, True), done.stderr


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["runn"], "'run'"),
        (["verify", "sever"], "'server'"),
        (["run", "qick"], "'quick'"),
        (["serve", "cokie"], "'cookie'"),
        (["run", "--schemes", "cookie,tokn", "--dry-run"], "'token'"),
        (["check", "--againts", "HEAD"], "--against"),
        (["report", "--format", "jnuit"], "'junit'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_slip_is_met_with_what_was_meant(arguments: list[str], meant: str) -> None:
    """Commands, suites, schemes, options, formats: exit code 2, and the name that is closest."""
    done = bench(*arguments)
    assert done.returncode == 2, done.stderr
    assert re.search(rf"[Dd]id you mean:? {meant}|[Pp]ossible options: {meant}", done.stderr), done.stderr


@pytest.mark.parametrize(
    ("words", "code"), [(["--help"], 0), (["run", "--help"], 0), (["list", "schemes"], 3)], ids=str
)
def test_a_reader_that_has_seen_enough_is_no_error(words: list[str], code: int) -> None:
    """As in `bench.py --help | head -1`: nothing is printed; a command that it cuts short is not 0."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "bench.py"), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"TERM": "dumb", "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(60) == code


def test_another_pipe_that_breaks_is_an_error() -> None:
    """Only the reader of standard output may go without a word."""
    program = (
        "import sys; from harness.cli import app\n"
        "def broken(**_):\n    raise BrokenPipeError(32, 'Broken pipe')\n"
        "sys.exit(app._guarded(app._ending_quietly(broken)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert "Broken pipe" in done.stderr


def test_colours_are_for_terminals_that_want_them() -> None:
    """NO_COLOR has the last word (no-color.org)."""
    assert "\x1b[" in bench("--help", FORCE_COLOR="1", TERM="xterm").stdout
    assert "\x1b[3" not in bench("--help", FORCE_COLOR="1", TERM="xterm", NO_COLOR="1").stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(shell: str) -> None:
    """By Typer's own scripts: what they ask is answered with the commands."""
    asked = {
        "bash": {"COMP_WORDS": "bench.py ver", "COMP_CWORD": "1"},
        "zsh": {"_TYPER_COMPLETE_ARGS": "bench.py ver"},
        "fish": {"_TYPER_COMPLETE_ARGS": "bench.py ver", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    done = bench(_BENCH_PY_COMPLETE=f"complete_{shell}", **asked)
    assert "verify" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A folder of results with two runs."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        text = (ROOT / "tests" / "harness" / "data" / "result.json").read_text()
        (tmp_path / name / "result.json").write_text(text)
    return tmp_path


def test_quiet_prints_errors_only(stored: Path) -> None:
    """And JSON where it is asked for."""
    done = bench("compare", "one", "two", "--results", str(stored), "--quiet", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "schema_version" in json.loads(done.stdout)
    done = bench("compare", "one", "three", "--results", str(stored), "--quiet")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: three: no such result")


def test_a_run_needs_no_file_of_its_own() -> None:
    """Arms, time, processes and users by options: of the suite, added to it, or refused with it."""
    plan = ("run", "quick", "--dry-run")
    done = bench(
        *plan, "--schemes", "token-denylist,cookie", "--seconds", "3", "--instances", "2", "--users", "4"
    )
    assert done.returncode == 0, done.stderr
    assert "servers: token-denylist, cookie, 2 instances of each" in done.stdout
    assert "closed, 4 users" in done.stdout
    assert "60 time slices of 45 ms" in done.stdout
    assert "anonymous" not in done.stdout
    refused = bench(*plan, "--seconds", "-1")
    assert refused.returncode == 2
    assert "--seconds" in refused.stderr
