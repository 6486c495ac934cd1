"""The viewer's parts: what is read again, what a row says, what is chosen."""

from __future__ import annotations

import html
import json
import os
import re
from pathlib import Path

import pytest

from harness.report.content.model import report
from harness.report.history.series import history
from harness.report.viewer import files, pages, result_index
from harness.report.viewer.filters import Choice
from harness.report.viewer.result_index import IndexedResults, ResultIndex
from harness.report.viewer.summary import Summary, describe_progress, ended, summary
from harness.results import archive
from harness.results.model import Check, Result
from harness.results.progress_file import Progress
from harness.system import run_lock
from tests.viewing import put, stored


@pytest.fixture
def result() -> Result:
    """The stored example."""
    return Result.model_validate(stored())


def with_check(result: Result, status: str) -> Result:
    """The same with one more check."""
    check = Check.model_validate({"check": "steal", "status": status, "detail": "23 % was taken"})
    return result.model_copy(update={"validity": [*result.validity, check]})


def test_a_result_is_read_again_only_where_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its time and length; one that is gone is forgotten."""
    parsed: list[int] = []
    real = archive.parse

    def counted(content: bytes, *more: object) -> Result:
        parsed.append(len(content))
        return real(content, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(archive, "parse", counted)
    for name in ("a", "b"):
        put(tmp_path / name)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "result.json").write_text("{")
    own = ResultIndex(tmp_path)
    assert [one.place for one in own.scan().results] == ["b", "a"]
    assert len(parsed) == 3
    assert list(own.scan().unreadable) == ["c/result.json"]
    assert len(parsed) == 3
    changed = tmp_path / "a" / "result.json"
    changed.write_text(json.dumps(stored(id="a", suite="changed")))
    os.utime(changed, ns=(1, 1))
    assert [one.kept.run.suite for one in own.scan().results] == ["quick", "changed"]
    assert len(parsed) == 4
    changed.unlink()
    assert [one.place for one in own.scan().results] == ["b"]


def test_a_result_that_makes_no_sense_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What its figures break, whatever that is, is its own row alone."""
    put(tmp_path / "good")
    put(tmp_path / "odd", suite="odd")

    def breaks(place: str, result: Result) -> Summary:
        if result.run.suite == "odd":
            raise ZeroDivisionError("division by zero")
        return summary(place, result)

    monkeypatch.setattr(result_index, "summary", breaks)
    seen = ResultIndex(tmp_path).scan()
    assert [one.place for one in seen.results] == ["good"]
    assert seen.unreadable == {"odd/result.json": "its values are not consistent: division by zero"}


def test_a_run_may_be_the_folder_itself(tmp_path: Path) -> None:
    """`--results` of a single run shows it."""
    put(tmp_path / "run")
    [one] = ResultIndex(tmp_path / "run").scan().results
    assert one.place == ""


def test_what_a_row_keeps_gives_the_same_history(result: Result) -> None:
    """Trends are made from what the list keeps, which is less than the whole."""
    later = Result.model_validate(stored(id="later", started_at="2026-03-02T00:00:00Z"))
    kept = [summary("", one).kept for one in (result, later)]
    assert history(kept) == history([result, later])
    assert len(kept[0].model_dump_json()) < len(result.model_dump_json()) / 3


def one_sided(result: Result) -> Result:
    """The twins judged in two comparisons, of which each wins one: no example that is told first decides."""
    rows = [row for row in result.comparisons if row.primary and (row.base, row.arm) == ("token", "cookie")]
    changed = rows[1].model_copy(update={"verdict": "faster", "ratio": 0.8})
    return result.model_copy(update={"comparisons": [rows[0], changed]})


def test_the_viewer_answers_as_the_report_does(result: Result) -> None:
    """In the list and on the page of a run, whatever the answer is; nothing but text."""
    nothing = result.model_copy(update={"comparisons": []})
    for one in (result, one_sided(result), nothing, with_check(result, "invalid")):
        told = report(one)
        page = html.unescape(pages.run("run", one, [], is_under_way=False))
        assert summary("run", one).answer.startswith(told.answer.sentence)
        assert f'<p class="lead">{told.answer.sentence}</p>' in page
        sections = [*told.gate, *told.cases, *told.incidents]
        lines = [*told.answer.certainty, *told.about, told.passed, *told.notes]
        for words in [*lines, *(line for section in sections for line in section.lines)]:
            assert words in page, words


def test_the_list_names_the_reason_of_an_invalid_run(result: Result) -> None:
    """It has no other place for it."""
    told = summary("", with_check(result, "invalid")).answer
    assert told == "INVALID: do not use these figures. steal: 23 % was taken."


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "valid"), (1, "did not finish"), (10, "regression"), (130, "interrupted"), (99, "exit code 99")],
)
def test_how_a_run_ended(result: Result, code: int, words: str) -> None:
    """By its exit code, unless it must not be believed."""
    assert ended(result.ended_with(code)) == words
    assert ended(with_check(result.ended_with(code), "invalid")) == "invalid"


def test_choices_are_those_there_are(result: Result) -> None:
    """And what was chosen, even if no result has it any more."""
    choice = Choice.of({"suite": "gone", "arm": "", "other": "1"})
    rows = [summary("", result)]
    assert choice.among(rows) == []
    suite, arm, machine = choice.fields(rows)
    assert (suite.options, suite.chosen) == (["gone", "quick"], "gone")
    assert (arm.options, arm.chosen) == (["anonymous", "cookie", "token"], "")
    assert machine.options == ["Example CPU at 2.5 GHz, 2 cores"]
    assert choice.query == "?suite=gone"


def test_trends_are_drawn_and_told() -> None:
    """A figure for a metric, each run of it in words; the first and the newest; each change."""
    runs = [stored(id=f"run-{day}", started_at=f"2026-11-{day + 1:02d}T08:00:00Z") for day in range(16)]
    for run in runs[8:]:
        for row in run["measurements"]:
            if (row["scenario"], row["metric"], row["arm"]) == ("saturation", "total_cpu", "cookie"):
                row.update(value=2 * row["value"], ci=[2 * end for end in row["ci"]])
    found = history([Result.model_validate(run) for run in runs], ("total_cpu",))
    page = pages.trends(found, IndexedResults([], [], {}, {}), Choice({}))
    assert re.findall('<h2 id="(.*?)-shows">', page) == [f"history-{name}" for name in found.groups()]
    assert page.count('role="img"') == len(found.groups())
    assert page.count("<title>cookie, run-3: 229.2 ± 1.8</title>") == 1
    assert "cookie +100.0 % since 2026-11-09" in page
    assert "<li>cookie: +100.0 % since run-8 (229 to 458)</li>" in page
    assert "<td>16</td><td>229.2 ± 1.8</td><td>458.3 ± 3.6</td>" in page


@pytest.mark.filterwarnings("ignore:Glyph 1 ", "ignore::RuntimeWarning")
def test_trends_of_odd_results_break_no_page() -> None:
    """A name that XML forbids has a mark in its place; figures that no axis can show are named."""
    results = [Result.model_validate(stored(id=name)) for name in ("a", "b")]
    found = history(results, ("throughput",))
    odd, *rest = found.series
    nothing = IndexedResults([], [], {}, {})
    named = found.model_copy(update={"series": [odd.model_copy(update={"arm": "a\x01b"}), *rest]})
    assert ">a?b</text>" in pages.trends(named, nothing, Choice({}))
    points = [point.model_copy(update={"value": 1.7e308, "ci": None}) for point in odd.points]
    endless = found.model_copy(update={"series": [odd.model_copy(update={"points": points}), *rest]})
    assert "the trends cannot be drawn" in pages.trends(endless, nothing, Choice({}))


def test_a_run_under_way_in_words() -> None:
    """What is known is told."""
    fields = {"run": "run", "suite": "quick", "arms": ["token", "cookie"], "started_at": "", "pid": 1}
    begun = Progress.model_validate(fields | {"doing": "starting servers"})
    assert describe_progress("a/run", begun) == (
        "a/run",
        "run: suite quick, token, cookie",
        0,
        0,
        "starting servers",
    )
    news = {"doing": "measuring", "scenario": "steady", "done": 3, "total": 12, "left_s": 27.4}
    half = Progress.model_validate(fields | news | {"rates": {"token": 12345.6}})
    assert describe_progress("run", half)[2:] == (
        3,
        12,
        "steady: measuring, 25 %, 27 s left of this scenario, token 12,346/s",
    )


def test_who_has_the_machine_is_told_by_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nobody does where there is none, or where its note is no note."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run_lock.folder() is None
    with run_lock.machine_lock(tmp_path / "run", wait=False, log=print):
        assert run_lock.folder() == tmp_path / "run"
    run_lock.lock_file().write_text('{"folder": 3}')
    assert run_lock.folder() is None


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        ("a/b", ["a", "b"]),
        ("a%20b", ["a b"]),
        ("%C3%A4", ["ä"]),
        ("a%2fb", None),
        ("a//b", None),
        ("..", None),
        ("%2e%2e", None),
        ("a/.b", None),
        ("a%00", None),
        ("a\\b", None),
        ("%ff", None),
        ("", None),
    ],
)
def test_a_path_has_one_way_to_be_written(raw: str, parts: list[str] | None) -> None:
    """Decoded once, part by part."""
    assert files.parts_of(raw) == parts
