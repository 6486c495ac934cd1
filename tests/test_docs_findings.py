"""docs/findings.md against the published answers: every verdict there is in the file, and none left out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG

from harness.report.charts.parts.draw import draw_claims
from harness.results import archive
from harness.results.claims import ClaimAnswer
from harness.studies.claims import claim, page
from harness.studies.claims.answers import FILE, load
from harness.studies.claims.claim import SUITES
from tests.sandbox import ROOT

FOLDER = ROOT / "results" / "published" / "20261126-claims-quiet"
#: Parts of the published page that are worded differently now.
REWORDED = {
    "# Claims, put to the test": "# Claims and test results",
    "| what | figure |": "| quantity | value |",
    " us |": " µs |",
}
ROW = re.compile(r"^\| (\d+) \| (.+) \((.+?)\) \| ([a-z ]+) \| (.+) \|$", re.MULTILINE)


def numbers(text: str) -> list[str]:
    """All numbers of a text, whose wording may have changed since it was published."""
    return re.findall(r"\d[\d,.]*\d|\d", text)


def kept() -> list[ClaimAnswer]:
    """The published answers, by number."""
    return sorted(load(FOLDER).claims, key=lambda one: one.number)


def test_every_row_is_an_answer_and_every_answer_a_row() -> None:
    """Number, claim, author and verdict, word by word, and every number of the reason."""
    rows = ROW.findall((ROOT / "docs" / "findings.md").read_text())
    answers = kept()
    assert [(*row[:4], numbers(row[4])) for row in rows] == [
        (str(one.number), one.says, one.by, one.verdict, numbers(one.because)) for one in answers
    ]


def test_where_they_were_found_is_as_the_file_says() -> None:
    """Machine, Python, revision, and the one browser that showed what a browser shows."""
    file = json.loads((FOLDER / FILE).read_text())
    intro = " ".join((ROOT / "docs" / "findings.md").read_text().split("\n| ")[0].split())
    [browser] = {one.browser for one in kept() if one.browser}
    assert [one.number for one in kept() if one.browser] == [3, 6, 23]
    assert not file["git"]["dirty"]
    setting, revision = file["setting"], file["git"]["revision"]
    assert f"with {setting['cores']} cores ({setting['cpu']}), {setting['python']}" in intro
    assert f"Chromium {browser}, at revision {revision[:7]}." in intro


def test_the_published_answers_are_to_the_claims_there_are() -> None:
    """With the numbers of the experiments and rules of now; none that can be demonstrated is left out."""
    now = {
        one.number: (one.says, one.by, one.kind, numbers(one.experiment), numbers(one.rule))
        for one in claim.find_claims([])
    }
    answers = kept()
    then = {
        one.number: (one.says, one.by, one.kind, numbers(one.experiment), numbers(one.rule))
        for one in answers
    }
    assert then.items() <= now.items()
    assert {one.number for one in claim.find_claims([]) if one.kind == "demonstrated"} <= then.keys()


def test_the_page_is_made_from_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not written by hand; with the figures of the runs that lie beside it, and no others."""
    # What is in them is looked at elsewhere (tests/harness/report/test_charts_claims.py), and drawing it
    # takes long.
    monkeypatch.setattr(FigureCanvasAgg, "print_png", lambda *_, **__: None)
    monkeypatch.setattr(FigureCanvasSVG, "print_svg", lambda *_, **__: None)
    answers = kept()
    pictures = draw_claims(answers, [archive.load(FOLDER / suite) for suite in SUITES], tmp_path)
    published = (FOLDER / "claims.md").read_text()
    for then, now in REWORDED.items():
        published = published.replace(then, now)
    assert without_captions(published) == without_captions(page.render(answers, pictures))
    assert {one.file for one in pictures} == {file.name for file in FOLDER.glob("*.png")}


def without_captions(text: str) -> str:
    """A page whose pictures have no captions, which change with the charts."""
    return re.sub(r"^!\[.*\]", "![]", text, flags=re.MULTILINE)
