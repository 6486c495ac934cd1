"""The page of a report as text: it needs nothing else, holds no foreign markup, and is the same each time."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections import Counter
from contextlib import nullcontext
from hashlib import sha256
from html.parser import HTMLParser
from io import StringIO
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.errors import EnvironmentFailedError, InvalidMeasurementError, RegressionError
from harness.gate import run as command
from harness.gate.judge import Judge
from harness.measure import run_folder
from harness.measure.options import Options
from harness.measure.run import Run
from harness.report import charts, cleanup, html, write
from harness.report.charts.parts import draw
from harness.report.charts.parts.draw import inline_all
from harness.report.compare import page as compared_page
from harness.report.compare.compare import compare
from harness.report.compare.run import compare_runs
from harness.report.content.model import Drawing, report
from harness.report.content.tables import Table
from harness.results import archive
from harness.results.gate import GateCheck
from harness.results.model import Check, Result
from harness.studies.benchmark import run as commands
from harness.suites.adjust import SuiteChanges
from harness.system.output import Output
from tests.harness.report.test_report_incidents import OUTAGE, with_incidents

ROOT = Path(__file__).resolve().parents[3]
STORED = Path(__file__).parents[1] / "data" / "result.json"
HOSTILE = r"$\x$</script><script>alert(1)</script><img src=x onerror=alert(2)>"
#: Elements without an end.
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """A page taken apart: every element with its attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.inside: dict[str, str] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that ends at once."""
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        """Elements end in the order in which they began."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text; that of style and script by its element."""
        if self.open and self.open[-1] in ("style", "script"):
            self.inside[self.open[-1]] = data
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        """What is read."""
        return " ".join(" ".join(self.words).split())

    def attributes(self, name: str) -> list[str]:
        """Every value of an attribute."""
        return [attributes[name] for _, attributes in self.elements if name in attributes]


@pytest.fixture
def result() -> Result:
    """The stored example: three arms, a closed and an open loop."""
    return Result.model_validate_json(STORED.read_text())


@pytest.fixture(scope="module")
def drawings() -> list[Drawing]:
    """The figures of the stored example, with an incident."""
    return inline_all(with_incidents(Result.model_validate_json(STORED.read_text()), OUTAGE))


@pytest.fixture(scope="module")
def whole(drawings: list[Drawing]) -> str:
    """The page of the stored example, with an incident, its figures and all."""
    return html.render(
        report(with_incidents(Result.model_validate_json(STORED.read_text()), OUTAGE)), drawings
    )


@pytest.fixture(scope="module")
def page(whole: str) -> Page:
    """The same, taken apart."""
    return Page(whole)


def test_every_element_ends(page: Page) -> None:
    """In good order, or the parser would have said so."""
    assert page.open == []


def test_the_page_loads_nothing(whole: str, page: Page) -> None:
    """No address but those of the page's own parts and an empty icon; nothing in its style either."""
    addresses = [
        value
        for name in ("href", "src", "srcset", "action", "data", "poster", "xlink:href", "formaction")
        for value in page.attributes(name)
    ]
    assert {address for address in addresses if not address.startswith("#")} == {"data:,"}
    assert "url(" not in page.inside["style"]
    assert "@import" not in page.inside["style"]
    assert "://" not in whole.replace("http://www.w3.org/2000/svg", "")


def test_every_address_within_the_page_is_there(page: Page) -> None:
    """Links, marks of figures, clips and labels; and no id twice."""
    ids = Counter(page.attributes("id"))
    assert [name for name, count in ids.items() if count > 1] == []
    wanted = {value[1:] for value in page.attributes("href") if value.startswith("#")}
    for name in ("aria-labelledby", "aria-describedby"):
        wanted |= set(page.attributes(name))
    for _, attributes in page.elements:
        for value in attributes.values():
            wanted |= set(re.findall(r"url\(#([^)]+)\)", value))
    assert wanted
    assert wanted <= set(ids)


def test_the_policy_lets_run_what_is_there_and_nothing_else(page: Page) -> None:
    """By the digests of style and script; so no element has a style or a handler of its own."""
    [policy] = [a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        digest = b64encode(sha256(page.inside[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
        assert sum(tag == kind for tag, _ in page.elements) == 1
    names = {name for _, attributes in page.elements for name in attributes}
    assert not {name for name in names if name == "style" or name.startswith("on")}


def test_what_a_result_says_is_text_alone(result: Result, page: Page) -> None:
    """Names of suites and arms, hosts and details are anybody's words."""
    data: dict[str, Any] = json.loads(result.model_dump_json())
    data["run"] |= {"suite": HOSTILE, "id": HOSTILE, "command": [HOSTILE]}
    data["environment"] |= {"cpu": HOSTILE, "kernel": f"`{HOSTILE}`"}
    data["validity"][0] |= {"check": HOSTILE, "detail": HOSTILE, "status": "warning"}
    for row in [*data["measurements"], *data["comparisons"], *data["distributions"]]:
        row |= {key: HOSTILE for key in ("arm", "base") if row.get(key) == "cookie"}
    hostile = Result.model_validate(data)
    bad = Page(html.render(report(hostile), inline_all(hostile)))
    count = {tag: sum(found == tag for found, _ in bad.elements) for tag in ("script", "img", "image")}
    assert count == {"script": 1, "img": 0, "image": 0}
    assert bad.inside == page.inside
    assert "<img src=x onerror=alert(2)>" in bad.text


def test_the_same_result_gives_the_same_bytes(whole: str) -> None:
    """Whenever, wherever."""
    result = with_incidents(Result.model_validate_json(STORED.read_text()), OUTAGE)
    assert html.render(report(result), inline_all(result)) == whole


def test_the_page_has_all_that_the_report_says(result: Result, page: Page, drawings: list[Drawing]) -> None:
    """Every sentence, every cell, every figure, and the answer as its one first heading."""
    model = report(with_incidents(result, OUTAGE))
    sections = [*model.cases, *model.incidents, *model.costs]
    tables = [*model.judged, *model.described, *(table for one in sections for table in one.tables)]
    wanted = [
        *(model.answer.sentence, *model.answer.certainty, model.passed, *model.notes, *model.about),
        *(text for one in sections for text in (one.title, *one.lines)),
        *(cell for table in tables for row in table.rows for cell in row),
        *(text for pair in (*model.environment, *model.packages) for text in pair),
        *(text for check in model.checks for text in (check.check, check.detail)),
        *model.method,
    ]
    squeezed = re.sub(r"\s", "", page.text)
    missing = [text for text in wanted if re.sub(r"[\s`]", "", text) not in squeezed]
    assert missing == []
    assert sum(tag == "svg" for tag, _ in page.elements) == len(drawings)
    assert sum(tag == "h1" for tag, _ in page.elements) == 1


def test_headings_are_in_order(page: Page) -> None:
    """None is left out on the way down."""
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))


def test_marks_tell_their_values(page: Page, result: Result) -> None:
    """Every instance of every arm among them, under the pointer and without a script."""
    arms = {row.arm for row in result.measurements}
    for arm in arms:
        for number in range(8):
            assert f"{arm} #{number}: " in page.text
    assert "cookie, store: 58.9" in page.text


def test_an_invalid_run_says_so_before_all_else(result: Result) -> None:
    """In the place of the answer; with its reasons."""
    bad = result.model_copy(
        update={"validity": [Check(check="errors", status="invalid", detail="12 failed")]}
    )
    page = Page(html.render(report(bad)))
    text = page.text.partition("INVALID: do not use these figures.")
    assert text[1]
    assert text[2].lstrip().startswith("errors: 12 failed")
    assert "beats" not in page.text
    assert "slower" not in page.text.replace("Faster or slower", "")


def test_dozens_of_reasons_are_folded(result: Result) -> None:
    """The first few are read at once, all can be."""
    checks = [Check(check=f"check {number}", status="invalid", detail="bad") for number in range(40)]
    page = Page(html.render(report(result.model_copy(update={"validity": checks}))))
    header = page.text.partition("Comparisons")[0]
    assert [f"check {number}: bad" in header for number in range(40)] == [True] * 40
    assert header.index("check 4: bad") < header.index("35 more") < header.index("check 5: bad")


def test_without_figures_the_page_names_none(result: Result) -> None:
    """An interpreter without matplotlib still writes a page."""
    page = Page(html.render(report(result)))
    assert "#figures" not in page.attributes("href")
    assert not any(tag == "svg" for tag, _ in page.elements)


def test_every_colour_of_figures_has_one_in_the_dark(page: Page) -> None:
    """Otherwise a figure would keep a colour that was chosen for white paper."""
    sources = "".join(file.read_text() for file in Path(charts.__path__[0]).rglob("*.py"))
    colours = {colour.lower() for colour in re.findall('"(#[0-9A-Fa-f]{6})"', sources)}
    assert len(colours) >= 14
    for colour, kind in product(colours, ("fill", "stroke")):
        assert f'[{kind}="{colour}"]' in page.inside["style"], colour


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12,423 ± 113", 12423.0),
        ("±1.3 %", 1.3),
        ("+2.0 %", 2.0),
        ("-0.5 %", -0.5),
        ("\N{GREATER-THAN OR EQUAL TO}0.20", 0.2),
        ("<= 1", 1.0),
        ("2e+09", 2e9),
        ("1.183 to 1.215", 1.183),
        ("-", None),
        ("slower", None),
        ("steady (open, 600/s)", None),
        ("", None),
    ],
)
def test_a_cell_is_sorted_by_the_number_that_it_begins_with(cell: str, value: float | None) -> None:
    """Words have none."""
    assert html.sort_value(cell) == value


def test_a_column_of_figures_may_have_gaps() -> None:
    """But no words; and the first column holds names."""
    table = Table("t", ["arm", "a", "b", "c"], [["1", "2", "-", "-"], ["3", "-", "x", "-"]])
    assert [html.is_numeric(table, column) for column in range(4)] == [False, True, False, False]


@pytest.fixture
def one_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all figures one is drawn, for tests that are about files."""
    every = dict(draw._modules())
    monkeypatch.setattr(draw, "_modules", lambda: iter([("cost", every["cost"])]))


@pytest.mark.usefixtures("one_figure")
def test_a_run_gets_a_page_and_markdown(result: Result, tmp_path: Path) -> None:
    """Beside its result, and again the same."""
    archive.save(result, tmp_path)
    assert [file.name for file in write.write(result, tmp_path)] == ["report.md", "report.html"]
    before = (tmp_path / "report.html").read_bytes()
    files = write.rewrite(str(tmp_path), None, tmp_path)
    assert [file.name for file in files[:2]] == ["report.md", "report.html"]
    assert {"cost.png", "cost.svg"} <= {file.name for file in files}
    assert (tmp_path / "report.html").read_bytes() == before


def test_without_matplotlib_a_page_has_all_but_the_figures(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was measured does not depend on them; it says what to do."""

    def refuse(_: Result) -> None:
        raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")

    monkeypatch.setattr(draw, "inline_all", refuse)
    write.write(result, tmp_path)
    assert (tmp_path / "report.html").read_text() == html.render(report(result))
    assert "report.html has no charts: " in capsys.readouterr().err


def test_a_figure_that_cannot_be_drawn_costs_no_page(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever went wrong in it is said."""

    def odd(_: Result) -> None:
        raise ValueError("no such symbol")

    monkeypatch.setattr(draw, "inline_all", odd)
    write.write(result, tmp_path)
    assert (tmp_path / "report.html").read_text() == html.render(report(result))
    assert "report.html has no charts: ValueError: no such symbol." in capsys.readouterr().err


@pytest.fixture
def unwritable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be drawn, and no report written."""

    def crash(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    def full(*_: object) -> None:
        raise EnvironmentFailedError("report.md could not be written: No space left on device.")

    monkeypatch.setattr(draw, "draw_all", crash)
    monkeypatch.setattr(write, "write", full)
    monkeypatch.setattr(run_folder, "run_folder", lambda *_, **__: nullcontext())


def measured(result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is measured from here on gives this."""

    def run(*_: object) -> Result:
        return result

    monkeypatch.setattr(Run, "run", run)


@pytest.mark.usefixtures("unwritable")
@pytest.mark.parametrize("is_valid", [True, False])
def test_a_run_keeps_its_code_where_nothing_can_be_drawn(
    result: Result,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    is_valid: bool,
) -> None:
    """Its result and its tables are there, and the reasons; what an invalid run ends with hides nothing."""
    bad = Check(check="errors", status="invalid", detail="12 failed")
    ours = result if is_valid else result.model_copy(update={"validity": [bad]})
    measured(ours, monkeypatch)
    out, options = StringIO(), Options(tmp_path)
    with nullcontext() if is_valid else pytest.raises(InvalidMeasurementError):
        commands.measure(
            "smoke",
            SuiteChanges(),
            options,
            Output(Console(file=out, width=400)),
            dry_run=False,
            wait=False,
        )
    assert archive.load(tmp_path) == ours
    assert report(ours).answer.sentence in out.getvalue()
    assert (
        "no charts, or not all (ZeroDivisionError: division by zero. Then: bench.py report" in out.getvalue()
    )
    assert "no report: report.md could not be written: No space left on device. Then: bench.py report" in (
        capsys.readouterr().err
    )


@pytest.mark.usefixtures("unwritable")
def test_a_gate_keeps_its_code_where_no_page_can_be_written(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A regression is none of the disk's: neither the report's nor the summaries' nor the exports'."""
    measured(result, monkeypatch)
    row = GateCheck(
        kind="budget", scenario="saturation", load="closed, 8 users", subject="token.store_ops <= 1",
        metric="store_ops", is_ratio=False, value=2, bound="<=", limit=1, ci=None, noise_floor=None,
        batches=1, answer="regression", detail="",
    )  # fmt: skip
    monkeypatch.setattr(Judge, "answers", lambda *_: [row])
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "gone" / "step.md"))
    for name in ("check.md", "junit.xml"):
        (tmp_path / name).mkdir()
    suite = tmp_path / "budget.toml"
    smoke = (ROOT / "loadtests" / "suites" / "smoke.toml").read_text()
    suite.write_text(f'{smoke}budgets = ["token.store_ops <= 1"]\n')
    asked, out = (
        command.CheckRequest(str(suite), Options(tmp_path), formats=["junit", "markdown"]),
        StringIO(),
    )
    with pytest.raises(RegressionError):
        command.check(asked, Output(Console(file=out, width=400)), wait=False)
    assert archive.load(tmp_path).run.exit_code == RegressionError.exit_code
    assert out.getvalue().endswith(f"in {tmp_path}: result.json, summary.md\n")
    said = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[0] for line in said] == [
        "no check.md",
        "no junit",
        "no step summary",
        "no report",
    ]
    assert said[0] == f"no check.md: {tmp_path / 'check.md'} could not be written: Is a directory."
    assert said[1].endswith(f"Then: bench.py report {tmp_path} --format junit")


def stored(result: Result, folder: Path, **run: str) -> str:
    """A result in a folder of its own."""
    archive.prepare(folder)
    archive.save(result.model_copy(update={"run": result.run.model_copy(update=run)}), folder)
    return str(folder)


def test_several_results_stand_on_one_page(result: Result, tmp_path: Path) -> None:
    """Which each is, why there is no verdict, every table, both figures; and it loads nothing."""
    both = [stored(result, tmp_path / name, id=name) for name in ("one", "two")]
    out = tmp_path / "new"
    compare_runs(both, out, tmp_path, Output(Console(file=StringIO())))
    page = Page((out / "report.html").read_text())
    model = compared_page.report(compare([(place, result) for place in both]))
    assert model["answer"].sentence == (
        "No verdict (the runs were not interleaved): cookie / token in server and store CPU, saturation"
        " (closed, 8 users): 1.529 (1.513 to 1.546) in A; 1.529 (1.513 to 1.546) in B."
    )
    assert model["answer"].sentence in page.text
    lines = (*model["sources"], *model["answer"].certainty)
    assert all(" ".join(text.split()) in page.text for text in lines)
    cells = {cell for one in model["cases"] for table in one.tables for row in table.rows for cell in row}
    assert all(cell in page.text for cell in cells)
    assert sum(tag == "svg" for tag, _ in page.elements) == 2
    assert {a for a in page.attributes("href") if not a.startswith("#")} == {"data:,"}


def test_a_comparison_is_known_to_clean(
    result: Result, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its tables, page and figures are files that `clean` removes."""
    both = [stored(result, tmp_path / name) for name in ("one", "two")]
    out = StringIO()
    output = Output(Console(file=out, width=400), as_json=True)
    compare_runs(both, tmp_path / "compared", tmp_path, output)
    names = {file.name for file in (tmp_path / "compared").iterdir()}
    assert {"comparison.json", "report.html", "between-arms.png", "over-base.svg"} <= names
    assert all(name in out.getvalue() for name in names)
    assert capsys.readouterr().out == (tmp_path / "compared" / "comparison.json").read_text()
    [found] = [one for one in cleanup.find(tmp_path, tmp_path / "none") if one.kind == "comparison"]
    assert {file.name for file in found.files} == names


def test_what_a_page_says_is_there_for_programs(result: Result, tmp_path: Path) -> None:
    """As plain data, all checks included."""
    content = write.as_json(stored(result, tmp_path / "one"), tmp_path)
    assert json.loads(json.dumps(content))["answer"]["kind"] == "decided"
    assert content["checks"][0]["status"] == "warning"


@pytest.mark.usefixtures("one_figure")
def test_files_go_where_they_are_wanted(result: Result, tmp_path: Path) -> None:
    """All of a report, the charts alone, or one export; the run's own folder stays as it is."""
    place = stored(result, tmp_path / "one")
    for name, files in (
        ("report", write.rewrite(place, tmp_path / "report", tmp_path)),
        ("charts", write.rewrite(place, tmp_path / "charts", tmp_path, charts_only=True)),
        ("exports", write.rewrite(place, tmp_path / "exports", tmp_path, formats=["csv"])),
    ):
        assert {file.parent.name for file in files} == {name}
        assert sorted(file.name for file in files) == sorted(p.name for p in (tmp_path / name).iterdir())
    assert not {file.suffix for file in (tmp_path / "charts").iterdir()} - {".png", ".svg"}
    assert {file.suffix for file in (tmp_path / "exports").iterdir()} == {".csv"}
    assert [file.name for file in (tmp_path / "one").iterdir()] == ["result.json"]
