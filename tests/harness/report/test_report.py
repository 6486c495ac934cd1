"""Reports of the stored example, against stored text; and how they put what the example has not."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.analysis.stats.sweeps import PROFILES_TRIED
from harness.report import console, markdown
from harness.report.content import environment as setting
from harness.report.content import format as fmt
from harness.report.content import validity, wording
from harness.report.content.case import cases
from harness.report.content.model import report
from harness.report.content.tables import tables
from harness.results.base import Interval, Verdict
from harness.results.environment import MachineFinding
from harness.results.model import Check, Comparison, Result
from tests.harness.sweeps import Sweeps

DATA = Path(__file__).parents[1] / "data"

#: The sentence of each verdict; its figures are filled in.
FASTER = "cookie needs 27.1 % less CPU per request than token ({}): verdict faster."
SLOWER = "cookie needs 50.0 % more CPU per request than token ({}): verdict slower."
NOT_JUDGED = "cookie needs 2.0 % more CPU per request than token ({}): no verdict."
EQUIVALENT = "cookie and token are equivalent in CPU per request, within the margin of 3 % ({})."
INCONCLUSIVE = (
    "cookie and token in CPU per request: inconclusive ({}). Neither a difference nor equivalence within 3 % "
    "is shown; more server processes would narrow the interval."
)


@pytest.fixture
def result() -> Result:
    """The stored example: three arms, a closed and an open loop."""
    return Result.model_validate_json((DATA / "result.json").read_text())


def printed(result: Result, width: int = 80) -> str:
    """What the console report prints where there is no terminal."""
    out = StringIO()
    console.render(report(result), Console(file=out, width=width))
    return out.getvalue()


def with_checks(result: Result, *checks: Check) -> Result:
    """The same result with other validity checks."""
    return result.model_copy(update={"validity": list(checks)})


def placed(result: Result, placement: dict[str, list[int]]) -> str:
    """The words for a placement."""
    environment = result.environment.model_copy(update={"placement": placement})
    return setting.placement(result.model_copy(update={"environment": environment}))


def compared(result: Result, metric: str = "total_cpu", **changes: Any) -> Comparison:
    """The stored comparison of the twins, changed."""
    row = cases(result)[0].comparisons(metric)[0]
    assert (row.base, row.arm) == ("token", "cookie")
    return row.model_copy(update=changes)


def test_the_console_report_is_as_stored(result: Result) -> None:
    """Tables, sentences and warnings, at 80 columns and without a terminal."""
    assert printed(result) == (DATA / "report.txt").read_text()


def test_the_markdown_report_is_as_stored(result: Result) -> None:
    """The same content as the console's."""
    assert markdown.render(report(result)) == (DATA / "report.md").read_text()


def test_the_longest_profile_has_a_column_where_it_was_tried() -> None:
    """To the byte, or at least as long as was tried; beside all other costs in 80 columns."""
    sweeps = Sweeps()
    found = sweeps.longest({"token": 5859, "cookie": PROFILES_TRIED})
    text = printed(sweeps.result(sweeps.payloads(), found))
    assert "5,859" in text
    assert ">=32,768" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "longest" not in printed(sweeps.result(sweeps.payloads()))


def test_the_console_report_keeps_to_80_columns(result: Result) -> None:
    """Nothing is cut off with an ellipsis, no line ends in spaces, no code for colours is left."""
    text = printed(result)
    assert max(map(len, text.splitlines())) <= 80
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    assert "\x1b" not in text
    assert "\N{NO-BREAK SPACE}" not in text
    assert [line for line in text.splitlines() if line.rstrip().endswith("99")] == []


def test_the_widest_figures_leave_room_for_the_arms(result: Result) -> None:
    """Latencies of tenths of a second with huge intervals: 80 columns hold them beside whole names."""
    wild = [
        row.model_copy(update={"value": 155_678.0, "ci": (111_000.0, 198_000.0)})
        if row.metric.startswith(("service", "response"))
        else row
        for row in result.measurements
    ]
    lines = printed(result.model_copy(update={"measurements": wild})).splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("anonymous ") for line in lines) == 4, "two tables of each scenario"


def test_what_the_doctor_warned_of_stands_in_the_heading(result: Result) -> None:
    """By name, in both reports; what is fine is not told, and older results have no such line."""
    findings = [
        MachineFinding(check="turbo", concern="warning", detail="on", remedy="off"),
        MachineFinding(check="swap", concern="ok", detail="none"),
        MachineFinding(check="heat", concern="warning", detail="hot", remedy="air"),
    ]
    environment = result.environment.model_copy(update={"findings": findings})
    warned = result.model_copy(update={"environment": environment})
    line = "Sources of noise: turbo, heat (`bench.py doctor` suggests fixes)."
    assert line in printed(warned, width=100)
    assert line in markdown.render(report(warned))
    assert "Sources of noise" not in printed(result)


def test_a_narrow_console_folds_the_names_of_arms_before_the_figures(result: Result) -> None:
    """Figures must stay whole."""
    assert "229.2 ± 1.8" in printed(result, width=72)
    assert "10,924 ± 110" in printed(result, width=72)


def test_markup_in_a_detail_is_printed_as_it_is(result: Result) -> None:
    """A detail may quote a path or a list; rich must not read it as a style."""
    check = Check(check="packages", status="warning", detail="two of [red] aiohttp [/] found")
    assert "two of [red] aiohttp [/] found" in printed(with_checks(result, check))


@pytest.mark.parametrize(
    ("count", "reason"),
    [
        (1, "one: bad 0."),
        (2, "one: bad 0; one: bad 1."),
        (5, "one: bad 0; one: bad 1; and 3 more, in result.json."),
    ],
)
def test_the_reason_of_an_invalid_run_is_short(result: Result, count: int, reason: str) -> None:
    """Where there is room for few words, the first reasons stand for dozens."""
    checks = [Check(check="one", status="invalid", detail=f"bad {number}.") for number in range(count)]
    assert validity.invalid_reason(result.model_copy(update={"validity": checks})) == reason


def test_an_invalid_run_says_so_first_and_gives_no_verdict(result: Result) -> None:
    """Its figures are shown for the search of the cause; no sentence compares arms."""
    bad = with_checks(result, Check(check="errors", status="invalid", detail="12 of 281,940 requests failed"))
    for text, first in (
        (printed(bad), "INVALID: do not use these figures."),
        (markdown.render(report(bad)), "**INVALID: do not use these figures.**"),
    ):
        lines = text.splitlines()
        assert lines[0] == first
        assert "errors: 12 of 281,940 requests failed" in "\n".join(lines[:3])
        assert "verdict" not in text
        assert "more CPU" not in text
        assert "149.8 ± 1.5" in text


def test_checks_that_passed_are_only_counted(result: Result) -> None:
    """Warnings come with their detail."""
    text = printed(result)
    assert "5 of 6 validity checks passed." in text
    assert "every answer was the expected one" not in text
    assert "warning: stolen CPU: 1.8 %" in text


def test_growth_and_drift_are_told_even_where_all_is_well(result: Result) -> None:
    """They are what a soak is run for; every other check that passed is only counted."""
    level = Check(check="growth", status="ok", detail="11 processes stayed level")
    slower = Check(check="drift", status="warning", detail="cookie against token +10.0%")
    swap = Check(check="swap", status="ok", detail="0 pages")
    soak = with_checks(result, level, slower, swap)
    for text, item in ((printed(soak), " - "), (markdown.render(report(soak)), "- ")):
        assert f"\n{item}growth: 11 processes stayed level\n" in text
        assert f"\n{item}warning: drift: cookie against token +10.0%\n" in text
        assert text.count("drift") == 2, "once among the warnings of the answer"
        assert "0 pages" not in text


@pytest.mark.parametrize(
    ("verdict", "ratio", "ci", "expected"),
    [
        ("faster", 0.729, (0.722, 0.737), FASTER),
        ("slower", 1.5, (1.4, 1.6), SLOWER),
        ("equivalent", 1.004, (0.995, 1.013), EQUIVALENT),
        ("inconclusive", 1.02, (0.97, 1.07), INCONCLUSIVE),
        ("not judged", 1.02, None, NOT_JUDGED),
    ],
)
def test_each_verdict_is_told_honestly(
    verdict: Verdict, ratio: float, ci: Interval, expected: str, result: Result
) -> None:
    """Who, by how much, how surely."""
    row = compared(result, ratio=ratio, ci=ci, verdict=verdict, noise_floor=0.009)
    low, high = [f"{(end - 1) * 100:+.1f}" for end in ci or (1, 1)]
    interval = f"99 % CI {low} to {high} %" if ci else "too few server processes for an interval"
    figures = f"{interval}, minimum detectable difference 0.9 %"
    if expected in (EQUIVALENT, INCONCLUSIVE):
        figures = f"{(ratio - 1) * 100:+.1f} %, {figures}"
    assert wording.sentence(row, result) == expected.format(figures)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("throughput", "cookie serves 25.0 % more requests per second than token"),
        ("service_p50", "cookie has a median service time 25.0 % longer than token"),
        ("server_cpu", "cookie is 25.0 % above token in server CPU"),
    ],
)
def test_each_metric_has_its_words(metric: str, expected: str, result: Result) -> None:
    """A metric that nobody wrote words for is told by its title."""
    assert wording.sentence(compared(result, metric, ratio=1.25), result).startswith(f"{expected} (99 % CI ")


@pytest.mark.parametrize(
    ("verdict", "first"),
    [
        ("faster", "cookie wins: "),
        ("slower", "token wins: "),
        ("equivalent", "equivalent: "),
        ("inconclusive", "inconclusive: "),
        ("not judged", "cookie needs "),
    ],
)
def test_a_headline_begins_with_the_winner(verdict: Verdict, first: str, result: Result) -> None:
    """Or with why there is none."""
    only = result.model_copy(update={"comparisons": [compared(result, verdict=verdict)]})
    headline = wording.headline(cases(only)[0], "total_cpu")
    assert headline is not None
    assert headline.startswith(first)
    assert wording.headline(cases(only)[0], "throughput") is None


@pytest.mark.parametrize(
    ("placement", "words"),
    [
        ({}, "no role was bound to a CPU"),
        ({"servers": [], "load": []}, "no role was bound to a CPU"),
        ({"servers": [0], "store": [0], "load": [1]}, "servers and store share CPU 0; load on CPU 1"),
        (
            {"servers": [0], "store": [1], "load": [2, 3]},
            "servers on CPU 0; store on CPU 1; load on CPUs 2, 3",
        ),
        (
            {"servers": [0, 1], "store": [1], "load": [4, 5, 6]},
            "servers on CPUs 0, 1; store on CPU 1; load on CPUs 4 to 6; servers and store share CPU 1",
        ),
    ],
)
def test_placement_is_told_in_words(placement: dict[str, list[int]], words: str, result: Result) -> None:
    """Whether servers and store share a CPU moves the answer."""
    assert placed(result, placement) == words


def test_columns_that_do_not_apply_are_left_out(result: Result) -> None:
    """A closed loop has no response time; an arm without a measurement shows a dash."""
    closed, opened = ([table.heads for table in tables(case)] for case in cases(result))
    assert "response\np50 µs" not in closed[0]
    assert "response\np50 µs" in opened[0]
    kept = [row for row in result.measurements if (row.arm, row.metric) != ("token", "store_ops")]
    cost = tables(cases(result.model_copy(update={"measurements": kept}))[0])[1]
    assert cost.rows[1][cost.heads.index("store\nops")] == fmt.NOTHING


def test_cases_keep_parameters_apart(result: Result) -> None:
    """The same scenario and load with another parameter is another case."""
    more = [row.model_copy(update={"params": {"claims": 64}, "value": 1.0}) for row in result.measurements]
    found = cases(result.model_copy(update={"measurements": [*result.measurements, *more]}))
    assert [case.title for case in found] == [
        "saturation (closed, 8 users)",
        "steady (open, 2000/s constant)",
        "saturation, claims=64 (closed, 8 users)",
        "steady, claims=64 (open, 2000/s constant)",
    ]
    rows = [case.find("token", "total_cpu") for case in found]
    assert [row.value for row in rows if row] == [149.85, 182.9, 1.0, 1.0]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.2734, "0.273"),
        (0.00021, "0.000"),
        (1, "1.00"),
        (90.14, "90.1"),
        (231, "231"),
        (11023.6, "11,024"),
    ],
)
def test_a_number_has_three_digits_or_all_before_the_point(value: float, text: str) -> None:
    """More would be noise, fewer would hide a difference."""
    assert fmt.number(value) == text


@pytest.mark.parametrize(
    ("value", "ci", "text"),
    [
        (229.24, (227.42, 231.07), "229.2 ± 1.8"),
        (90.165, (89.277, 91.062), "90.17 ± 0.89"),
        (10924, (10814, 11035), "10,924 ± 110"),
        (2000.0, (1999.9, 2000.1), "2,000 ± <1"),
        (126.71, (126.70, 126.72), "126.7 ± <0.1"),
        (231, (231, 231), "231"),
        (231, None, "231"),
    ],
)
def test_an_interval_is_told_by_its_half_width(value: float, ci: Interval, text: str) -> None:
    """Both to the same decimal place; never closer than the value's fourth digit."""
    assert fmt.with_interval(value, ci) == text


def test_shares_and_ratios() -> None:
    """Decimal places are fixed where readers compare line by line."""
    assert fmt.ratio(0.7291) == "0.729"
    assert (fmt.change(0.7291), fmt.change(1.05)) == ("-27.1 %", "+5.0 %")
    assert fmt.change_interval((0.7291, 1.05)) == "-27.1 to +5.0 %"
    assert fmt.percent(0.2709) == "27.1 %"
    assert [fmt.whole_percent(share) for share in (0.99, 0.995, 0.03)] == ["99 %", "99.5 %", "3 %"]
    assert fmt.megabytes(45_200_000) == "45.2"


def test_wrapping_keeps_a_number_with_its_sign() -> None:
    """`99` at the end of a line and `%` on the next reads badly."""
    assert fmt.wrap("ratio of 99 % here", 11) == ["ratio of", "99 % here"]
