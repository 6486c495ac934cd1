"""The action, the workflow and the GitLab job: valid by their own schemas, safe, and their steps run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import scratch
from tests.sandbox import ROOT, Sandbox

ACTION, GITHUB, GITLAB = ROOT / "action.yml", ROOT / "docs/ci/github.yml", ROOT / "docs/ci/gitlab.yml"
#: What the environment of a test may have and a runner sets itself, or has not.
_NOT_A_RUNNERS = {"PATH", "HOME", "VIRTUAL_ENV", "PYTHONPATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"}
SCHEMAS = {ACTION: "vendor.github-actions", GITHUB: "vendor.github-workflows", GITLAB: "vendor.gitlab-ci"}


def steps() -> dict[str, dict[str, Any]]:
    """The action's steps, by name."""
    return {step["name"]: step for step in yaml.safe_load(ACTION.read_text())["runs"]["steps"]}


def passes(*command: str) -> None:
    """A checker has no complaint."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", SCHEMAS, ids=lambda file: file.name)
def test_each_file_fits_the_schema_of_its_kind(file: Path) -> None:
    """As SchemaStore publishes it."""
    passes(sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[file], str(file))


@pytest.mark.parametrize("file", [ACTION, GITHUB], ids=lambda file: file.name)
def test_a_security_linter_has_nothing_to_say(file: Path) -> None:
    """Zizmor, which knows what has gone wrong in actions and workflows."""
    zizmor = Path(sys.executable).parent / "zizmor"
    passes(str(zizmor), "--offline", "--no-config", "--min-severity", "medium", str(file))


@pytest.mark.parametrize("file", [ACTION, GITHUB], ids=lambda file: file.name)
def test_no_input_is_pasted_into_a_shell(file: Path) -> None:
    """Expressions are for `env`, where a shell does not read them as commands."""
    text = file.read_text()
    scripts = [step["run"] for step in _all_steps(yaml.safe_load(text)) if "run" in step]
    assert not [script for script in scripts if "${{" in script]
    assert not re.search(r"^\s*pull_request_target", text, re.MULTILINE)


def test_the_workflow_has_no_more_rights_than_it_needs() -> None:
    """It reads, keeps no credentials, and names other actions by commit."""
    workflow = yaml.safe_load(GITHUB.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    used = [step["uses"] for step in _all_steps(workflow) if "uses" in step]
    assert all(re.fullmatch(r"\./|[\w-]+/[\w-]+@[0-9a-f]{40}", one) for one in used)
    [checkout] = [
        step for step in _all_steps(workflow) if step.get("uses", "").startswith("actions/checkout")
    ]
    assert checkout["with"] == {"fetch-depth": 0, "persist-credentials": False}


def _all_steps(document: dict[str, Any]) -> list[dict[str, Any]]:
    jobs = document.get("jobs", {"one": document.get("runs", {})})
    return [step for job in jobs.values() for step in job.get("steps", [])]


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """In the place of the environment: an interpreter that writes down how it was called, and says 10."""
    place = tmp_path / "place" / "bin"
    place.mkdir(parents=True)
    python = place / "python"
    python.write_text(
        f"#!{sys.executable}\nimport json, sys\n"
        f'json.dump(sys.argv[1:], open("{tmp_path}/called.json", "w"))\n'
        'sys.exit(10 if "check" in sys.argv else 0)\n'
    )
    python.chmod(0o755)
    return place.parent


def play(name: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a step's script as a runner does."""
    step = steps()[name]
    assert set(environment) <= set(step["env"]), "the step would not have these"
    empty = dict.fromkeys(step["env"], "")
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],  # noqa: S607 - as they do
        cwd=folder,
        env={"PATH": os.environ["PATH"], "GITHUB_OUTPUT": str(folder / "output")} | empty | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_environment_is_made_from_the_lock(tool: Path, tmp_path: Path) -> None:
    """With hashes, and nothing else."""
    done = play("Install", tmp_path, TOOL=str(ROOT), PLACE=str(tool))
    assert done.returncode == 0, done.stderr
    called = json.loads((tmp_path / "called.json").read_text())
    assert "--require-hashes" in called
    assert called[-1] == str(ROOT / "requirements.lock")


def test_a_check_ends_with_the_tools_exit_code(tool: Path, tmp_path: Path) -> None:
    """And tells it to later steps."""
    given = {"AGAINST": "origin/main", "SUITE": "gate", "TOLERANCE": "0.05", "ON_INCONCLUSIVE": "fail"}
    more = {"RESULTS": "out", "SKIP_UNCHANGED": "true"}
    done = play("Check", tmp_path, TOOL=str(ROOT), PLACE=str(tool), **given, **more)
    assert done.returncode == 10, done.stderr
    assert (tmp_path / "output").read_text() == "exit-code=10\n"
    called = json.loads((tmp_path / "called.json").read_text())
    assert called[:2] == [str(ROOT / "bench.py"), "check"]
    assert {"--against=origin/main", "--skip-unchanged"} <= set(called)
    assert called[-2:] == ["--", "gate"]


@pytest.mark.parametrize("hostile", ["$(touch pwned)", "`touch pwned`", "; touch pwned", "--help", "a b'\"*"])
def test_what_a_stranger_names_is_never_a_command(tool: Path, tmp_path: Path, hostile: str) -> None:
    """It reaches the tool as one argument, as it is."""
    names = ("AGAINST", "BASELINE", "SUITE", "TOLERANCE", "ON_INCONCLUSIVE", "RESULTS")
    play("Check", tmp_path, TOOL=str(ROOT), PLACE=str(tool), **dict.fromkeys(names, hostile))
    assert not (tmp_path / "pwned").exists()
    called = json.loads((tmp_path / "called.json").read_text())
    assert {f"--against={hostile}", f"--baseline={hostile}", hostile} <= set(called)
    assert called[-2:] == ["--", hostile]


class Runner:
    """Runs the action's steps as a runner does: its environment, its files, its folders.

    Args:
        folder: Of the runner; its files for outputs and summaries are made there.
        checkout: The repository that the workflow checked out.
        inputs: Of the action, those that the workflow gives.
    """

    def __init__(self, folder: Path, checkout: Path, **inputs: str) -> None:
        self._checkout = checkout
        self._folder = folder
        self._files = {name: folder / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in self._files.values():
            file.write_text("")
        defaults = {
            name: about["default"] for name, about in yaml.safe_load(ACTION.read_text())["inputs"].items()
        }
        assert inputs.keys() <= defaults.keys()
        self._values = {
            "github.action_path": str(ROOT),
            "runner.temp": str(folder),
            **{f"inputs.{name}": value for name, value in (defaults | inputs).items()},
        }

    def told(self, name: str) -> str:
        """What steps wrote to the file that this variable names."""
        return self._files[name].read_text()

    def step(self, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a step."""
        step = steps()[name]
        assert step["shell"] == "bash"
        own = {key: self._filled(value) for key, value in step["env"].items()}
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],  # noqa: S607 - as they do
            cwd=self._checkout / self._filled(step.get("working-directory", ".")),
            env={
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "HOME": str(self._folder),
                **{key: str(file) for key, file in self._files.items()},
                **environment,
                **own,
            },
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def _filled(self, text: str) -> str:
        """With every expression replaced by its value; one that is not known here fails."""
        return re.sub(r"\$\{\{ (.+?) \}\}", lambda found: self._values[found[1]], text)


@pytest.mark.slow
@pytest.mark.timeout(1300)
def test_the_steps_run_as_they_are(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The environment is really made, and the gate really asked: a line in README, then a slower scheme."""
    place = tmp_path_factory.mktemp("runner")
    top = scratch.repository(place / "checkout")
    (top / "README.md").write_text("Hello again\n")
    scratch.commit(top, "Say hello again")
    runner = Runner(place, top, against="HEAD~1", suite=scratch.suite(place), tolerance="0.5")
    clean = {key: value for key, value in sandbox.environment().items() if key not in _NOT_A_RUNNERS}
    installed = runner.step("Install", **clean)
    assert installed.returncode == 0, installed.stderr
    assert (place / "cookies-vs-tokens" / "bin" / "python").exists()
    done = runner.step("Check", **clean)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing to measure" in done.stdout
    assert runner.told("GITHUB_OUTPUT") == "exit-code=0\n"
    assert runner.told("GITHUB_STEP_SUMMARY") == ""
    scratch.slow_down(top / "servers" / "token_scheme.py")
    scratch.commit(top, "Check twice")
    again = runner.step("Install", **clean)
    assert again.returncode == 0, again.stderr
    done = runner.step("Check", **clean)
    # A machine that was busy with something else makes the measurement invalid, which is told alike.
    heading = {10: "## Regression against", 12: "## Invalid"}
    assert done.returncode in heading, done.stdout + done.stderr
    assert runner.told("GITHUB_OUTPUT") == f"exit-code=0\nexit-code={done.returncode}\n"
    assert runner.told("GITHUB_STEP_SUMMARY").startswith(heading[done.returncode])
    written = {file.name for file in (top / "auth-performance").iterdir()}
    assert {"result.json", "check.md", "junit.xml", "bencher.json", "openmetrics.txt"} <= written


def test_the_gitlab_job_asks_what_check_can_answer() -> None:
    """Its options are those of the command."""
    [script] = yaml.safe_load(GITLAB.read_text())["auth-performance"]["script"]
    options = set(re.findall(r"--[a-z-]+", script.partition("bench.py check")[2]))
    told = subprocess.run(
        [sys.executable, str(ROOT / "bench.py"), "check", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
    ).stdout
    assert options <= set(re.findall(r"--[a-z-]+", told))
