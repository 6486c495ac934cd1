"""`bench.py study advise` from the outside: a stored result in, an answer out, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from harness.studies.advice.answer import Advice, EstimatedQuantity, HeldBackError, SchemeRow
from harness.studies.advice.question import AdviceQuestion
from harness.studies.advice.revocation import Window
from tests.harness.sweeps import Sweeps
from tests.sandbox import ROOT, Sandbox


@pytest.fixture
def stored(sandbox: Sandbox) -> Path:
    """A result as suite `claims` leaves it, where `bench.py study claims` puts it."""
    folder = sandbox.folder / "results" / "claims" / "claims"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(Sweeps().result().model_dump_json())
    return folder


@pytest.mark.usefixtures("stored")
def test_the_latest_run_of_claims_is_answered_from(sandbox: Sandbox) -> None:
    """By what our own servers declare: a session meets a demand that a plain token does not."""
    done = sandbox.ask("study", "advise", "--revoke-within", "60", "--rate", "2000", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    by_name = {row["scheme"]: row for row in answer["schemes"]}
    assert answer["question"] == {
        "store_rtt_ms": 0.5,
        "rate": 2000,
        "sessions": 100_000,
        "profile_bytes": None,
        "revoke_within_s": 60,
    }
    assert [by_name[name]["meets"] for name in ("cookie", "token-denylist", "token")] == [True, True, False]
    assert by_name["token"]["after_block"] == {"ends": "at expiry", "seconds": 18_000}
    assert "needs the least CPU of those that meet the deadline" in " ".join(done.stderr.split())


def test_a_result_by_its_path(sandbox: Sandbox, stored: Path) -> None:
    """In 80 columns, with the code last."""
    done = sandbox.ask("study", "advise", str(stored), COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert "token needs the least CPU." in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert done.stdout.splitlines()[-1] == "exit code 0"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["study", "advise"], "no complete, valid run of suite claims"),
        (["study", "advise", "nowhere"], "nowhere: no such result"),
        (["study", "advise", "--rate", "0"], "--rate"),
        (["study", "advise", "--store-rtt", "nan"], "--store-rtt"),
        (["study", "advise", "--sessions", "many"], "--sessions"),
        (["study", "advise", "--revoke-within", "-1"], "--revoke-within"),
    ],
)
def test_a_wrong_question_ends_with_2(sandbox: Sandbox, arguments: list[str], words: str) -> None:
    """And says what was expected."""
    done = sandbox.ask(*arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_the_reference_names_every_field() -> None:
    """docs/reference.md says what --json prints."""
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    section = reference.split("## What `bench.py study advise --json` prints\n")[1].split("\n## ")[0]
    named = set(re.findall(r"`(\w+)`", section))
    for model in (Advice, SchemeRow, EstimatedQuantity, HeldBackError, AdviceQuestion, Window):
        assert set(model.model_fields) <= named, model
