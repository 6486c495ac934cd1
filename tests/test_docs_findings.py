"""docs/findings.md against the published answers: every verdict there is in the file, and none left out."""

from __future__ import annotations

import re

from harness import claims
from harness.lab import page
from harness.lab.answers import Answers
from tests.sandbox import ROOT

FOLDER = ROOT / "results" / "published" / "20261126-claims"
ROW = re.compile(r"^\| (\d+) \| (.+) \((.+?)\) \| ([a-z ]+) \| (.+) \|$", re.MULTILINE)


def test_every_row_is_an_answer_and_every_answer_a_row() -> None:
    """Number, claim, author, verdict and reason, word by word."""
    rows = ROW.findall((ROOT / "docs" / "findings.md").read_text())
    answers = Answers.read(FOLDER).all
    assert rows == [(str(one.number), one.says, one.by, one.verdict, one.because) for one in answers]


def test_the_published_answers_are_to_the_claims_there_are() -> None:
    """By the experiments and rules that the tree has now; none that can be demonstrated is left out."""
    now = {one.number: (one.says, one.by, one.kind, one.experiment, one.rule) for one in claims.find([])}
    answers = Answers.read(FOLDER).all
    then = {one.number: (one.says, one.by, one.kind, one.experiment, one.rule) for one in answers}
    assert then.items() <= now.items()
    assert {one.number for one in claims.find([]) if one.kind == "demonstrated"} <= then.keys()


def test_the_page_is_made_from_the_list() -> None:
    """Not written by hand."""
    assert (FOLDER / "claims.md").read_text() == page.render(Answers.read(FOLDER).all)
