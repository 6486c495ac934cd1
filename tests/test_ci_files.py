"""The action, the workflows, the GitLab job and the rest of the habits: valid by their own schemas, and safe.

The action's steps run, and what is written down in several places agrees.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tests import scratch
from tests.sandbox import ROOT, Sandbox

ACTION, GITHUB, GITLAB = ROOT / "action.yml", ROOT / "docs/ci/github.yml", ROOT / "docs/ci/gitlab.yml"
CI, DEPENDABOT = ROOT / ".github/workflows/ci.yml", ROOT / ".github/dependabot.yml"
CHOOSER = ROOT / ".github/ISSUE_TEMPLATE/config.yml"
FORMS = {
    name: ROOT / ".github/ISSUE_TEMPLATE" / f"{name}.yml"
    for name in ("wrong-figure", "server-not-expressible")
}
WORKFLOWS = [GITHUB, CI]
#: The newest Python that CI tries, 3.14.
NEWEST_MINOR = 14
#: What the environment of a test may have and a runner sets itself, or has not.
_NOT_A_RUNNERS = {"PATH", "HOME", "VIRTUAL_ENV", "PYTHONPATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"}
#: One start of the checker for each kind of file.
SCHEMAS = {
    "github-actions": [ACTION],
    "github-workflows": WORKFLOWS,
    "gitlab-ci": [GITLAB],
    "dependabot": [DEPENDABOT],
    "github-issue-forms": [*FORMS.values()],
    "github-issue-config": [CHOOSER],
}


def steps() -> dict[str, dict[str, Any]]:
    """The action's steps, by name."""
    return {step["name"]: step for step in yaml.safe_load(ACTION.read_text())["runs"]["steps"]}


def passes(*command: str) -> None:
    """A checker has no complaint."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", SCHEMAS)
def test_each_file_fits_the_schema_of_its_kind(kind: str) -> None:
    """As SchemaStore publishes it."""
    files = [str(file) for file in SCHEMAS[kind]]
    passes(sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{kind}", *files)


def test_a_security_linter_has_nothing_to_say() -> None:
    """Zizmor, which knows what has gone wrong in actions, workflows and Dependabot's settings."""
    zizmor = Path(sys.executable).parent / "zizmor"
    files = [str(file) for file in (ACTION, *WORKFLOWS, DEPENDABOT)]
    passes(str(zizmor), "--offline", "--no-config", "--min-severity", "medium", *files)


@pytest.mark.parametrize("file", [ACTION, *WORKFLOWS], ids=lambda file: file.name)
def test_no_input_is_pasted_into_a_shell(file: Path) -> None:
    """Expressions are for `env`, where a shell does not read them as commands."""
    text = file.read_text()
    scripts = [step["run"] for step in _all_steps(yaml.safe_load(text)) if "run" in step]
    assert not [script for script in scripts if "${{" in script]
    assert not re.search(r"^\s*pull_request_target", text, re.MULTILINE)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_has_no_more_rights_than_it_needs(file: Path) -> None:
    """It reads, keeps no credentials, ends some time, and names other actions by commit."""
    workflow = yaml.safe_load(file.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] is True
    assert all("permissions" not in job for job in workflow["jobs"].values())
    assert all(job["timeout-minutes"] <= 180 for job in workflow["jobs"].values())
    assert "secrets." not in file.read_text()
    used = [step["uses"] for step in _all_steps(workflow) if "uses" in step]
    assert all(re.fullmatch(r"\./|[\w-]+/[\w-]+@[0-9a-f]{40}", one) for one in used)
    checkouts = [step for step in _all_steps(workflow) if step.get("uses", "").startswith("actions/checkout")]
    assert len(checkouts) == len(workflow["jobs"])
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_the_example_fetches_the_history_that_it_compares_with() -> None:
    """Without it the revision before is missing."""
    first, *_ = _all_steps(yaml.safe_load(GITHUB.read_text()))
    assert first["with"]["fetch-depth"] == 0


def test_every_pin_says_which_version_it_is_and_an_action_has_one() -> None:
    """A bare commit says nothing to a reader, and two of one action would be forgotten apart."""
    uses = [line for file in WORKFLOWS for line in file.read_text().splitlines() if "uses: ./" not in line]
    pins = [line.partition("uses: ")[2] for line in uses if "uses: " in line]
    assert len(pins) > 6
    named = [re.fullmatch(r"([\w-]+/[\w-]+)@[0-9a-f]{40} # v\d+\.\d+\.\d+", pin) for pin in pins]
    assert all(named), pins
    assert len({one[1] for one in named if one}) == len(set(pins))


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def _ci_jobs() -> dict[str, dict[str, Any]]:
    jobs: dict[str, dict[str, Any]] = yaml.safe_load(CI.read_text())["jobs"]
    return jobs


def _pythons(job: dict[str, Any]) -> list[str]:
    setups = [step for step in job["steps"] if step.get("uses", "").startswith("actions/setup-python@")]
    return [step["with"]["python-version"] for step in setups]


def test_ci_tries_every_python_that_is_admitted() -> None:
    """From the lower bound of `requires-python` to the newest; lint and slow tests on the oldest."""
    admitted = SpecifierSet(_project()["project"]["requires-python"])
    expected = [f"3.{minor}" for minor in range(NEWEST_MINOR + 1) if f"3.{minor}" in admitted]
    jobs = _ci_jobs()
    assert set(jobs) == {"lint", "test", "slow"}
    strategy = jobs["test"]["strategy"]
    assert strategy["matrix"]["python"] == expected
    assert strategy["fail-fast"] is False
    assert _pythons(jobs["test"]) == ["${{ matrix.python }}"]
    assert _pythons(jobs["lint"]) == _pythons(jobs["slow"]) == expected[:1]
    text = " ".join((ROOT / "CONTRIBUTING.md").read_text().split())
    assert f"Python {expected[0]} to {expected[-1]}" in text


def _admitted_by(requirement: Requirement) -> SpecifierSet:
    """The Pythons that a pinned package admits; all of them where another version of it is installed.

    One lock file pins some packages in several versions, each for the Pythons that it admits.
    """
    about = metadata.metadata(requirement.name).json if _is_installed(requirement) else {}
    return SpecifierSet(str(about.get("requires_python", "")))


def _is_installed(requirement: Requirement) -> bool:
    """Whether it is the one version of that package in the lock file, and so the one that is installed."""
    name = re.escape(canonicalize_name(requirement.name))
    pins = re.findall(rf"^{name}(?:\[[\w,-]+\])?==", _lock(), re.MULTILINE)
    assert pins, requirement
    return len(pins) == 1 and (requirement.marker is None or requirement.marker.evaluate())


def test_only_a_python_that_a_pinned_package_refuses_may_fail() -> None:
    """Once that package admits it, this test asks that CI does not let it fail any longer."""
    project = _project()
    pinned = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    required = [*map(Requirement, pinned)]
    job = _ci_jobs()["test"]
    refused = [
        python
        for python in job["strategy"]["matrix"]["python"]
        if not all(python in _admitted_by(one) for one in required)
    ]
    may_fail = [f"matrix.python == '{python}'" for python in refused]
    assert job.get("continue-on-error") == ("${{ " + " || ".join(may_fail) + " }}" if refused else None)


def test_ci_runs_on_pushes_and_pull_requests() -> None:
    """YAML 1.1 reads the key `on` as true."""
    assert yaml.safe_load(CI.read_text())[True] == {"push": {"branches": ["main"]}, "pull_request": None}


def test_ci_runs_what_the_readme_and_the_makefile_name() -> None:
    """Its jobs together are `.ci/run`: the same targets of make, nothing skipped, the same packages."""
    jobs = _ci_jobs()
    script = (ROOT / ".ci/run").read_text()
    targets = re.findall(r"^make (\S+)$", script, re.MULTILINE)
    assert set(targets) <= set(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    runs = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in jobs.items()}
    made = {
        name: re.findall(r"^make PYTHON=python (\S+)$", "\n".join(run), re.MULTILINE)
        for name, run in runs.items()
    }
    assert made == {"lint": ["lint"], "test": ["browser", "test"], "slow": ["browser", "test-slow"]}
    assert {target for job in made.values() for target in job} == set(targets)
    needed = dict(re.findall(r"(REQUIRE_\w+)=(\w+)", script))
    assert len(needed) == 2
    for name in ("test", "slow"):
        assert jobs[name]["env"] == needed
        assert any("install -y -qq --no-install-recommends redis-server" in run for run in runs[name])
    assert "--no-install-recommends redis-server" in script


def test_hooks_before_a_commit_are_lint() -> None:
    """The programs of the project's own environment, in the same order: no second list of versions."""
    recipe = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0].splitlines()[1:]
    commands = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe]
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert set(config) == {"repos"}
    [repository] = config["repos"]
    assert set(repository) == {"repo", "hooks"}
    assert repository["repo"] == "local"
    hooks = repository["hooks"]
    for hook in hooks:
        assert {"id", "name", "entry", "language", "types_or"} <= set(hook)
        assert hook["language"] == "system"
        assert hook["types_or"] == ["python", "pyi"]
    # What lint asks of the whole tree, a hook asks of the files that git hands over, at the end of its line.
    assert [hook["entry"] + " ." * hook.get("pass_filenames", True) for hook in hooks] == commands
    assert len({hook["id"] for hook in hooks}) == len(hooks) == 3


def test_an_editor_is_set_up_as_ruff_is() -> None:
    """Line length and indent of Python; tabs where make wants them."""
    read = configparser.ConfigParser()
    read.read_string("[top]\n" + (ROOT / ".editorconfig").read_text())
    ruff = _project()["tool"]["ruff"]
    assert read["top"]["root"] == "true"
    assert read["*.py"]["max_line_length"] == str(ruff["line-length"])
    assert read["*.{py,toml}"]["indent_size"] == str(ruff.get("indent-width", 4))
    assert read["*"]["indent_style"] == ruff.get("format", {}).get("indent-style", "space")
    assert (read["*"]["end_of_line"], read["*"]["insert_final_newline"]) == ("lf", "true")
    assert read["Makefile"]["indent_style"] == "tab"


def test_dependabot_watches_what_there_is() -> None:
    """Each folder has what its ecosystem reads, once a week, in one proposal."""
    manifests = {
        "uv": "pyproject.toml",
        "npm": "package-lock.json",
        "github-actions": ".github/workflows/ci.yml",
    }
    updates = yaml.safe_load(DEPENDABOT.read_text())["updates"]
    assert {update["package-ecosystem"] for update in updates} == set(manifests)
    for update in updates:
        folder = ROOT / update["directory"].strip("/")
        assert (folder / manifests[update["package-ecosystem"]]).is_file()
        assert update["schedule"]["interval"] == "weekly"
        [group] = update["groups"].values()
        assert group == {"patterns": ["*"]}


def test_a_proposal_that_leaves_the_lock_files_behind_fails() -> None:
    """Dependabot changes pyproject.toml alone: what that asks for, the lock file of developers has to pin."""
    project = _project()
    pins = re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^ ;]+)", _lock(), re.MULTILINE)
    locked = {(canonicalize_name(name), version) for name, version in pins}
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        assert any(has == name and version in requirement.specifier for has, version in locked), requirement


def _lock() -> str:
    return (ROOT / "requirements-dev.lock").read_text()


def _fields(name: str) -> dict[str, dict[str, Any]]:
    """Return the fields of a form that ask for something, by id."""
    body = yaml.safe_load(FORMS[name].read_text())["body"]
    return {field["id"]: field for field in body if field["type"] != "markdown"}


def test_who_reports_a_wrong_figure_is_asked_for_what_it_was_made_of() -> None:
    """Nothing of it may be left empty."""
    fields = _fields("wrong-figure")
    assert list(fields) == ["figure", "place", "expected", "command", "result", "doctor", "version"]
    assert all(field["validations"]["required"] for field in fields.values())
    assert fields["result"]["attributes"]["label"] == "result.json"
    assert "render" not in fields["result"]["attributes"], "a field that is rendered takes no attachment"
    assert "bench.py doctor" in fields["doctor"]["attributes"]["label"]


def test_who_has_another_kind_of_server_is_asked_how_it_works() -> None:
    """All but a copy of it is needed."""
    fields = _fields("server-not-expressible")
    needed = ["framework", "login", "transport", "read", "verify", "obstacle", "version"]
    assert [name for name, field in fields.items() if field["validations"]["required"]] == needed
    assert "licence" in fields["source"]["attributes"]["description"]


@pytest.mark.parametrize("file", [*FORMS.values(), ROOT / "SECURITY.md"], ids=lambda file: file.name)
def test_what_readers_are_sent_to_exists(file: Path) -> None:
    """Files and folders of this tree that a form or the policy names."""
    text = file.read_text()
    named = re.findall(r"(?<![\w/.-])(?:docs|results|servers|tests|examples)/[\w./-]*", text)
    named += [link.partition("#")[0] for link in re.findall(r"\]\(([^):]+)\)", text)]
    assert named
    for name in named:
        assert (ROOT / name.rstrip(".")).exists(), name


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
    """With hashes, and nothing else; by uv, or by pip where there is none or it fails."""
    for uv, last in (("exit 0", "uv"), ("exit 1", "pip"), (None, "pip")):
        log = tmp_path / "uv.log"
        if uv is not None:
            (tool / "bin" / "uv").write_text(f'#!/bin/sh\necho "$@" > {log}\n{uv}\n')
            (tool / "bin" / "uv").chmod(0o755)
        done = play("Install", tmp_path, TOOL=str(ROOT), PLACE=str(tool))
        assert done.returncode == 0, done.stderr
        called = (
            log.read_text().split() if last == "uv" else json.loads((tmp_path / "called.json").read_text())
        )
        assert "--require-hashes" in called
        assert called[-1] == str(ROOT / "requirements.lock")
        for file in (log, tool / "bin" / "uv", tmp_path / "called.json"):
            file.unlink(missing_ok=True)


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
    scratch.slow_down(top / "servers" / "credentials" / "token_scheme.py")
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
