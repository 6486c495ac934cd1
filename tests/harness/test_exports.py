"""A stored result in the formats of other tools, read back as those do."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from harness.exports import formats, series
from harness.result import Result

STORED = Path(__file__).parent / "data" / "result.json"


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
