"""A stored result in the formats of other tools, read back as those do."""

from __future__ import annotations

import csv
import json
import math
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from harness.report.exports import openmetrics
from harness.report.exports.parts.format import formats, series, with_params
from harness.results.gate import GateCheck, GateVerdict
from harness.results.metrics import METRICS
from harness.results.model import Result

STORED = Path(__file__).parents[1] / "data" / "result.json"


@pytest.fixture
def result() -> Result:
    """The stored example."""
    return Result.model_validate_json(STORED.read_text())


def read(result: Result, name: str, file: str) -> Any:
    """A JSON file of a format."""
    return json.loads(formats()[name].files(result)[file])


def tables(result: Result) -> dict[str, list[dict[str, str]]]:
    """The tables as a spreadsheet reads them."""
    found = formats()["csv"].files(result)
    return {name: list(csv.DictReader(StringIO(text, newline=""))) for name, text in found.items()}


def test_every_format_has_a_title_and_files(result: Result) -> None:
    """What a user picks from."""
    assert set(formats()) >= {"bencher", "csv", "github-action-benchmark"}
    for one in formats().values():
        assert one.title
        assert all(text.endswith("\n") for text in one.files(result).values())


def test_csv_has_every_row_with_its_interval(result: Result) -> None:
    """Numbers come back as they were; what is not there is empty."""
    found = tables(result)
    assert len(found["measurements.csv"]) == len(result.measurements)
    for row, back in zip(result.measurements, found["measurements.csv"], strict=True):
        assert (row.arm, row.metric, row.unit) == (back["arm"], back["metric"], back["unit"])
        assert float(back["value"]) == row.value
        assert json.loads(back["params"]) == row.params
        ends = (back["ci_low"], back["ci_high"])
        assert ends == ("", "") if row.ci is None else tuple(map(float, ends)) == row.ci
    assert [row["verdict"] for row in found["comparisons.csv"]] == [row.verdict for row in result.comparisons]


def test_csv_keeps_commas_quotes_and_lines_together(result: Result) -> None:
    """A load has a comma in its name as it is."""
    odd = result.measurements[0].model_copy(update={"arm": 'a "b",\nc'})
    [back] = tables(result.model_copy(update={"measurements": [odd]}))["measurements.csv"]
    assert back["arm"] == 'a "b",\nc'
    assert "," in back["load"]


def test_bencher_has_every_measure_once(result: Result) -> None:
    """A value between its bounds."""
    found = read(result, "bencher", "bencher.json")
    assert sum(len(measures) for measures in found.values()) == len(result.measurements)
    for measures in found.values():
        for measure in measures.values():
            assert measure.keys() in ({"value"}, {"value", "lower_value", "upper_value"})
            assert measure.get("lower_value", measure["value"]) <= measure["value"]
            assert measure["value"] <= measure.get("upper_value", measure["value"])


def test_what_should_be_small_and_what_should_be_large_are_apart(result: Result) -> None:
    """Rates of an open loop are set, and no finding; tails are left out."""
    smaller = read(result, "github-action-benchmark", "smaller-is-better.json")
    bigger = read(result, "github-action-benchmark", "bigger-is-better.json")
    assert {entry["unit"] for entry in bigger} == {"req/s"}
    assert all("open" not in entry["name"] for entry in bigger)
    assert not any("99" in entry["name"] for entry in smaller)
    names = [entry["name"] for entry in smaller + bigger]
    assert len(set(names)) == len(names)
    for entry in smaller + bigger:
        assert isinstance(entry["value"], float)
        assert entry.get("range", "± 0").startswith("± ")


def test_series_are_the_same_in_every_run(result: Result) -> None:
    """No id, no date: a history is drawn by name."""
    again = result.model_copy(update={"run": result.run.model_copy(update={"id": "later"})})
    assert [series(row) for row in result.measurements] == [series(row) for row in again.measurements]
    steps = result.measurements[0].model_copy(update={"params": {"step": "read", "a": "1"}})
    assert series(steps).startswith(f"{steps.scenario}, a=1, step=read (")


def gated(result: Result) -> Result:
    """The same with answers of a gate: one of each kind."""
    answers: list[GateVerdict] = ["pass", "regression", "inconclusive", "not judged"]
    rows = [
        GateCheck(
            kind="revision",
            scenario="saturation",
            load="closed, 8 users",
            subject=f"scheme-{number}",
            metric="total_cpu",
            is_ratio=True,
            value=1.02,
            bound="<=",
            limit=1.05,
            ci=(1.0, 1.04),
            noise_floor=0.02,
            batches=1,
            answer=answer,
            detail='<"&>',
        )
        for number, answer in enumerate(answers)
    ]
    return result.model_copy(update={"gate": rows})


def test_names_fit_what_bencher_takes(result: Result) -> None:
    """Benchmarks of 1 to 1,024 characters, measures of 1 to 64, and finite numbers under three names."""
    for name, measures in read(result, "bencher", "bencher.json").items():
        assert 0 < len(name) <= 1024
        for measure, metric in measures.items():
            assert 0 < len(measure) <= 64
            assert "value" in metric
            assert metric.keys() <= {"value", "lower_value", "upper_value"}
            assert all(math.isfinite(figure) for figure in metric.values())


def test_entries_fit_what_github_action_benchmark_takes(result: Result) -> None:
    """Fields and types of its `BenchmarkResult`, and a range that its alerts can read."""
    for file in formats()["github-action-benchmark"].names:
        for entry in read(result, "github-action-benchmark", file):
            assert {"name": str, "unit": str, "extra": str}.items() <= {
                key: type(value) for key, value in entry.items()
            }.items()
            assert isinstance(entry["value"], float)
            assert re.fullmatch(r"± \d\S*", entry.get("range", "± 0"))
            float(entry.get("range", "± 0").removeprefix("± "))


def test_junit_is_read_by_a_real_reader(result: Result) -> None:
    """A regression is a failure, an invalid check an error, what could not be told was skipped."""
    bad = result.validity[0].model_copy(update={"status": "invalid"})
    asked = gated(result).model_copy(update={"validity": [bad, *result.validity[1:]]})
    [text] = formats()["junit"].files(asked).values()
    answers, checks = JUnitXml.fromstring(text.encode())
    assert (answers.tests, answers.failures, answers.errors, answers.skipped) == (4, 1, 0, 2)
    kinds = [[type(outcome) for outcome in case.result] for case in answers]
    assert kinds == [[], [Failure], [Skipped], [Skipped]]
    assert '<"&>' in next(iter(answers)).system_out
    assert (checks.tests, checks.errors) == (len(result.validity), 1)
    assert [type(outcome) for outcome in next(iter(checks)).result] == [Error]


def test_junit_of_a_plain_run_has_its_verdicts(result: Result) -> None:
    """They are no failures: nothing was asked to stay within a limit."""
    [text] = formats()["junit"].files(result).values()
    answers, _ = JUnitXml.fromstring(text.encode())
    assert answers.tests == sum(row.primary for row in result.comparisons)
    assert answers.failures == 0


def test_openmetrics_are_read_by_prometheus_own_parser(result: Result) -> None:
    """Base units, suffixes that name them, and every measurement with its interval."""
    [text] = formats()["openmetrics"].files(gated(result)).values()
    families = {family.name: family for family in text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]
    assert families["cookies_vs_tokens_total_cpu_seconds"].unit == "seconds"
    assert families["cookies_vs_tokens_throughput_requests_per_second"].type == "gauge"
    found = {
        (s.labels["scenario"], s.labels["load"], s.labels["arm"], s.labels["estimate"]): s.value
        for s in families["cookies_vs_tokens_total_cpu_seconds"].samples
    }
    rows = [row for row in result.measurements if row.metric == "total_cpu"]
    assert len({key[:3] for key in found}) == len(rows)
    for row in rows:
        case = (with_params(row), row.load, row.arm)
        assert found[*case, "value"] == pytest.approx(row.value * 1e-6)
        if row.ci is not None:
            assert found[*case, "upper"] == pytest.approx(row.ci[1] * 1e-6)
    answers = {s.labels["answer"]: s.value for s in families["cookies_vs_tokens_gate_answers"].samples}
    assert answers == {"pass": 1, "regression": 1, "inconclusive": 1, "not judged": 1}


def test_every_unit_has_its_base_unit() -> None:
    """A metric that is added must be told in one, too."""
    assert {metric.unit for metric in METRICS.values()} <= set(openmetrics._UNITS)


def test_markdown_is_the_answer_of_a_gate_or_the_summary_of_a_run(result: Result) -> None:
    """One or the other."""
    [run] = formats()["markdown"].files(result).values()
    [gate] = formats()["markdown"].files(gated(result)).values()
    assert f"\n## Run {result.run.id}" in run
    assert gate.startswith("## Regression: scheme-1 CPU per request +2.0 % (limit +5.0 %)")
