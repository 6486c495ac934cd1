"""The stacks in examples/ meet the contract, and are measured beside the twins."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.results.model import Result
from harness.suites.catalog import load_suite
from tests.sandbox import ROOT, Sandbox
from tests.scratch import replaced

EXAMPLES = ROOT / "examples"
SUITES = sorted(EXAMPLES.glob("*/*.toml"))
#: What npm says where there is no way to what it is to fetch.
OFFLINE = re.compile("ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH")
#: What the article's clients do not ask for, and these leave out.
ABSENT = {"the password can be changed with the old one", "an admin can block an account"}
NO_REFRESH = {"a refresh issues a new pair of tokens", "an invalid refresh token is refused (401)"}


@pytest.fixture(scope="module")
def express(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Express example with what its lock file names, in a folder of its own."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("no Node.js here, which the Express example needs")
    folder = tmp_path_factory.mktemp("examples") / "express"
    shutil.copytree(EXAMPLES / "express", folder, ignore=shutil.ignore_patterns("node_modules"))
    done = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode and OFFLINE.search(done.stderr):
        pytest.skip("npm has no way to its registry here")
    assert done.returncode == 0, done.stderr
    return folder / "express.toml"


@pytest.fixture
def example(request: pytest.FixtureRequest) -> Path:
    """The suite of an example, by its folder's name, ready to run."""
    name: str = request.param
    if name == "express":
        made: Path = request.getfixturevalue("express")
        return made
    return EXAMPLES / name / f"{name}.toml"


both = pytest.mark.parametrize("example", ["express", "fastapi"], indirect=True)


@pytest.mark.slow
@both
def test_an_example_meets_the_contract(sandbox: Sandbox, example: Path) -> None:
    """What is advised, too; what it does not have is absent, and no more than that."""
    done = sandbox.run("verify", "server", str(example), "--strict", "--json", patience_s=600)
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    name = example.stem
    assert [one["server"] for one in found] == [f"{name}-session", f"{name}-jwt"]
    for one, absent in zip(found, (ABSENT, ABSENT | NO_REFRESH), strict=True):
        by_outcome = {line["requirement"]: line["outcome"] for line in one["lines"]}
        assert {text for text, outcome in by_outcome.items() if outcome == "absent"} == absent
        assert list(by_outcome.values()).count("met") >= 23


@pytest.mark.slow
@both
def test_an_example_is_measured_beside_the_twins(sandbox: Sandbox, example: Path) -> None:
    """Reads and whole sittings, every answer right: four arms, and what is compared with what."""
    text = example.read_text(encoding="utf-8")
    text = replaced(
        text[: text.index("[[scenarios]]")],
        ("instances = 4", "instances = 2"),
        ("warmup_requests = 2000", "warmup_requests = 20"),
        ("transport = ", f"folder = {json.dumps(str(example.parent))}\ntransport = "),
    )
    for name in ("saturation", "journey"):
        text += f'[[scenarios]]\nname = "{name}"\nload = {{ model = "closed", users = 2 }}\nseconds = 2\n'
    small = sandbox.folder / "small.toml"
    small.write_text(text, encoding="utf-8")
    done = sandbox.run("run", str(small), "--out", "run", patience_s=600)
    assert done.returncode in (0, 12), done.stdout + done.stderr
    result = Result.model_validate_json((sandbox.folder / "run" / "result.json").read_bytes())
    wrong = {"answers", "code under test", "restarts", "samples", "final report", "left out"}
    assert not [one for one in result.validity if one.check in wrong and one.status != "ok"]
    arms = {"token", "cookie", f"{example.stem}-session", f"{example.stem}-jwt"}
    for scenario in ("saturation", "journey"):
        measured = {
            (row.arm, row.metric) for row in result.measurements if row.scenario == scenario and row.value > 0
        }
        assert {(arm, metric) for arm in arms for metric in ("throughput", "server_cpu")} <= measured
        ops = {row.arm: row.value for row in result.measurements if row.metric == "store_ops"}
        assert ops[f"{example.stem}-session"] >= 1 > ops[f"{example.stem}-jwt"] == 0
    assert {(row.base, row.arm) for row in result.comparisons} == set(load_suite(str(example)).pairs or [])


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.stem)
def test_an_example_says_how_it_is_made_fast(suite: Path) -> None:
    """Its suite can be read, and says of every connection that it is kept: that is part of the comparison."""
    made = load_suite(str(suite))
    assert set(made.own) == {f"{suite.stem}-session", f"{suite.stem}-jwt"}
    for server in made.own.values():
        assert server.command is not None
        kept = server.environment.get("KEEPALIVE_MS") or server.command.partition("--timeout-keep-alive ")[2]
        assert int(kept) >= 86_400


def test_lock_files_name_no_host() -> None:
    """They hold digests, and every registry that has these packages will do."""
    locks = [*EXAMPLES.glob("*/package-lock.json"), *EXAMPLES.glob("*/*.lock")]
    assert {path.name for path in locks} == {"package-lock.json", "requirements.lock"}
    for path in locks:
        text = path.read_text(encoding="utf-8")
        places = '"resolved"' if path.suffix == ".json" else "://"  # pages for donors are there, too
        assert places not in text, path
        assert "sha512-" in text or "--hash=sha256:" in text, path
