"""What a run answers, by results made for it; and that console and Markdown begin with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import StringIO
from itertools import combinations
from pathlib import Path

import pytest
from rich.console import Console

from harness.report import console, markdown
from harness.report.content import attribution
from harness.report.content.answer import Headline, answer
from harness.report.content.case import cases
from harness.report.content.model import report
from harness.results.base import Verdict
from harness.results.gate import GateCheck
from harness.results.model import Check, Comparison, Measurement, Result

STORED = Path(__file__).parents[1] / "data" / "result.json"
CPU = "cookie needs 52.9 % more CPU per request than token (saturation)"

FIGURES = (
    "saturation: +52.9 %, 99 % CI +51.3 to +54.6 %, minimum detectable difference 1.1 %; steady: +61.6 %,"
    " 99 % CI +59.9 to +63.3 %, minimum detectable difference 1.1 %."
)
SURE = (
    "Verdicts use 99 % confidence, Holm-adjusted within a scenario; 8 server processes per scheme. 5 of 6"
    " validity checks passed. Warnings: stolen CPU."
)


@pytest.fixture
def result() -> Result:
    """The stored example: three arms, a closed and an open loop."""
    return Result.model_validate_json(STORED.read_text())


def with_verdicts(result: Result, *verdicts: Verdict) -> Result:
    """The stored example, the twins' comparisons judged so, in order; without any other that is judged."""
    given = iter(verdicts)
    rows = [
        row.model_copy(update={"verdict": next(given)})
        for row in result.comparisons
        if row.primary and (row.base, row.arm) == ("token", "cookie")
    ]
    return result.model_copy(update={"comparisons": rows})


def among(result: Result, ranked: Sequence[str]) -> Result:
    """Every pair of these arms judged under saturation, each arm beaten by all before it."""
    first = next(row for row in result.comparisons if row.primary)
    rows: list[Comparison] = [
        first.model_copy(update={"base": base, "arm": arm, "verdict": "slower", "ratio": 1.25})
        for base, arm in combinations(ranked, 2)
    ]
    return result.model_copy(update={"comparisons": rows})


def test_the_answer_names_the_winner_by_how_much_and_how_surely(result: Result) -> None:
    """One sentence over all that was judged, one metric of each kind; the floor takes no part."""
    assert answer(result) == Headline(
        "decided",
        f"token beats cookie in both comparisons: {CPU}; cookie has a median service time 61.6 % longer than"
        " token (steady).",
        [FIGURES, SURE],
    )


@pytest.mark.parametrize(
    ("verdicts", "kind", "begins"),
    [
        (
            ("slower", "equivalent"),
            "decided",
            "token beats cookie in 1 of 2 comparisons (the others: 1 equiv",
        ),
        (
            ("inconclusive", "slower"),
            "decided",
            "token beats cookie in 1 of 2 comparisons (the others: 1 inc",
        ),
        (
            ("equivalent", "equivalent"),
            "open",
            "No winner between token and cookie: 2 equivalent within 3 %.",
        ),
        (
            ("inconclusive", "equivalent"),
            "open",
            "No winner between token and cookie: 1 inconclusive, 1 equi",
        ),
    ],
)
def test_a_mixed_outcome_is_told_as_one(
    result: Result, verdicts: Sequence[Verdict], kind: str, begins: str
) -> None:
    """Neither hides what went the other way, nor claims a winner that there is not."""
    found = answer(with_verdicts(result, *verdicts))
    assert found.kind == kind
    assert found.sentence.startswith(begins)


def test_who_wins_most_of_several_arms(result: Result) -> None:
    """Counted over the pairs that an arm is in."""
    found = answer(among(result, ["token", "token-cutoff", "cookie", "opaque-bearer"]))
    assert found.sentence.startswith(
        "token wins 3 of its 3 comparisons, most of all 4 schemes: token-cutoff needs"
    )


def test_the_losses_of_who_wins_most_are_told(result: Result) -> None:
    """Whom it lost to, and what was not decided."""
    rows = among(result, ["token", "token-cutoff", "cookie", "opaque-bearer"]).comparisons
    rows[1] = rows[1].model_copy(update={"verdict": "faster"})
    rows += [rows[0], rows[0].model_copy(update={"verdict": "inconclusive"})]
    found = answer(result.model_copy(update={"comparisons": rows}))
    assert found.sentence.startswith(
        "token wins 3 of its 5 comparisons, most of all 4 schemes"
        " (the others: cookie wins 1, 1 inconclusive): "
    ), found.sentence


def test_two_that_win_as_often_decide_nothing(result: Result) -> None:
    """Each has what it won told."""
    found = answer(with_verdicts(result, "slower", "faster"))
    assert found.kind == "open"
    assert found.sentence == (
        f"token and cookie win 1 of 2 comparisons each: {CPU}; cookie has a median service time 61.6 % longer"
        " than token (steady)."
    )


def test_several_that_win_as_often_decide_nothing(result: Result) -> None:
    """None is picked by its place in the suite; each has what it won told, and what it lost."""
    rows = among(result, ["a", "b", "c"]).comparisons[:2]
    shared = [rows[0], rows[1].model_copy(update={"base": "c", "arm": "b"})]
    found = answer(result.model_copy(update={"comparisons": shared}))
    assert found.kind == "open"
    assert found.sentence == (
        "a and c win most of 3 schemes, 1 comparison each: b needs 25.0 % more CPU per request than a"
        " (saturation); b needs 25.0 % more CPU per request than c (saturation)."
    )
    circle = [rows[0], *(rows[0].model_copy(update={"base": b, "arm": a}) for b, a in ("bc", "ca"))]
    found = answer(result.model_copy(update={"comparisons": circle}))
    assert found.sentence.startswith(
        "a, b and c win most of 3 schemes, 1 comparison each (a loses 1, b loses 1, c loses 1): "
    )


def test_arms_against_the_floor_alone_are_compared_with_it(result: Result) -> None:
    """Where there is nothing else to tell."""
    rows = [row for row in result.comparisons if (row.base, row.arm) == ("anonymous", "token")]
    found = answer(result.model_copy(update={"comparisons": rows}))
    assert found.sentence.startswith("anonymous beats token in both comparisons: ")


def test_an_answer_of_nothing(result: Result) -> None:
    """One arm, or nothing that is judged."""
    assert (
        answer(result.model_copy(update={"comparisons": []})).sentence == "No winner: nothing was compared."
    )


def test_an_invalid_run_has_no_winner_in_any_report(result: Result) -> None:
    """Its reasons stand in the place of certainty, and no verdict in any table."""
    bad = result.model_copy(
        update={"validity": [Check(check="errors", status="invalid", detail="12 failed")]}
    )
    found = report(bad)
    assert found.answer == Headline("invalid", "INVALID: do not use these figures.", ["errors: 12 failed"])
    assert {row[-1] for table in (*found.judged, *found.described) for row in table.rows} == {"none"}
    assert not any(section.lines for section in found.costs)


def test_the_answer_of_a_gate_is_that_of_its_summary(result: Result) -> None:
    """A check asks another question than who wins."""
    row = GateCheck(
        kind="budget", scenario="saturation", load="closed, 8 users", subject="token.store_ops <= 1",
        metric="store_ops", is_ratio=False, value=0, bound="<=", limit=1, ci=None, noise_floor=None,
        batches=1, answer="pass", detail="",
    )  # fmt: skip
    found = report(result.model_copy(update={"gate": [row]}))
    assert found.answer.sentence == "No regression: all 1 figures are within their limits."
    assert found.answer.kind == "decided"
    assert [section.title for section in found.gate] == ["Check"]
    worse = row.model_copy(update={"answer": "regression", "value": 2})
    assert answer(result.model_copy(update={"gate": [row, worse]})).kind == "regression"
    unsure = row.model_copy(update={"answer": "inconclusive"})
    assert answer(result.model_copy(update={"gate": [row, unsure]})).kind == "open"


def test_console_and_markdown_begin_with_the_answer(result: Result) -> None:
    """The same sentence, whatever the width."""
    found, out = report(result), StringIO()
    console.render(found, Console(file=out, width=400))
    assert out.getvalue().splitlines()[0] == found.answer.sentence
    assert markdown.render(found).splitlines()[0] == f"**{found.answer.sentence}**"


def test_cost_is_attributed_against_the_floor(result: Result) -> None:
    """By hand from the stored figures: 229.15 - 90.165 of 229.15 us, of which the store takes 58.9."""
    [table] = attribution.tables(cases(result)[0])
    assert table.rows[2] == ["cookie", "229.2 ± 1.8", "170", "58.9", "25.7 %", "139.0 ± 1.8", "60.7 %"]
    assert attribution.sentences(cases(result)[0])[1] == (
        "cookie: authentication costs 139.0 ± 1.8 of 229 µs per request: 80.0 ± 1.7 µs in the server,"
        " 58.9 ± 1.5 µs in the store."
    )


NONE = "no significant difference from the no-auth server"


def with_total_cpu(result: Result, arm: str, times: float, ci: bool = True) -> Result:
    """An arm under saturation whose instances each need so many times what those of the floor do."""
    [floor] = [
        row
        for row in result.measurements
        if (row.scenario, row.arm, row.metric) == ("saturation", "anonymous", "total_cpu")
    ]

    def changed(row: Measurement) -> Measurement:
        if (row.scenario, row.arm, row.metric) != ("saturation", arm, "total_cpu"):
            return row
        points = [point * times for point in floor.points]
        return floor.model_copy(
            update={"arm": arm, "value": floor.value * times, "points": points} | ({} if ci else {"ci": None})
        )

    return result.model_copy(update={"measurements": [changed(row) for row in result.measurements]})


@pytest.mark.parametrize(
    ("times", "cells", "words"),
    [
        (0.999, ["-0.090 ±>100%", "-"], f"token: {NONE} (-1.16 to 0.983 of 90.1 µs per request)."),
        (1.001, ["0.090 ±>100%", "-"], f"token: {NONE} (-0.984 to 1.16 of 90.3 µs per request)."),
        (0.5, ["-45.08 ± 0.90", "-"], "token: 45.08 ± 0.90 µs per request less than the no-auth server."),
        (1.5, ["45.1 ± 1.4", "33.3 %"], "token: authentication costs 45.1 ± 1.4 of 135 µs per request"),
    ],
)  # fmt: skip
def test_a_difference_from_the_floor_within_noise_is_none(
    result: Result, times: float, cells: list[str], words: str
) -> None:
    """It has an interval, as every figure; what lies below the floor is not beyond it."""
    case = cases(with_total_cpu(result, "token", times))[0]
    assert attribution.tables(case)[0].rows[1][-2:] == cells
    assert attribution.sentences(case)[0].startswith(words)


def test_a_difference_from_too_few_instances_has_no_interval(result: Result) -> None:
    """As any figure of them."""
    case = cases(with_total_cpu(result, "token", 1.5, ci=False))[0]
    assert attribution.tables(case)[0].rows[1][-2:] == ["45.1", "33.3 %"]


def test_without_a_floor_cost_is_told_of_server_and_store_alone(result: Result) -> None:
    """Nothing says what a request costs that nobody checks."""
    kept = [row for row in result.measurements if row.arm != "anonymous"]
    case = cases(result.model_copy(update={"measurements": kept}))[0]
    [table] = attribution.tables(case)
    assert len(table.heads) == 5
    assert attribution.sentences(case) == []


PART = "\N{ZERO WIDTH SPACE}"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("<img src=x>![y](z)", "&#60;img src=x>!&#91;y](z)"),
        ("a\n\n# b\r\n- c", "a # b - c"),
        ("a|b", "a|b"),
        ("`rm` ``x``", r"\`rm\` \`\`x\`\`"),
        ("**bold** and *x*", r"\*\*bold\*\* and \*x\*"),
        ("__init__ and _x_", r"\_\_init\_\_ and \_x\_"),
        ("~~gone~~", r"\~\~gone\~\~"),
        ("@name, a@b.org", f"@{PART}name, a@{PART}b.org"),
        ("https://evil.example", f"https:{PART}//evil.example"),
        ("www.evil.example", f"www{PART}.evil.example"),
        ("closes #12", f"closes #{PART}12"),
        (r"a\*b", r"a\\\*b"),
        ("$x$ &lt;b&gt;", "&#36;x&#36; &#38;lt;b&#38;gt;"),
        ("# title", r"\# title"),
        ("> quoted", r"\> quoted"),
        ("- item", r"\- item"),
        ("---", r"\---"),
        ("12. item", r"12\. item"),
        ("token-cutoff, total_cpu: 3 * 4 <= -1.5", "token-cutoff, total_cpu: 3 * 4 <= -1.5"),
        ("-12.3 %", "-12.3 %"),
        ("-", "-"),
        ("(`bench.py doctor` suggests fixes)", "(`bench.py doctor` suggests fixes)"),
    ],
)  # fmt: skip
def test_text_is_nothing_but_text_in_markdown(name: str, told: str) -> None:
    """As a pull request shows it: no markup, no link, no notice to anybody; figures and plain words stay."""
    assert markdown.plain(name) == told


def test_names_are_nothing_but_text_in_every_report(result: Result) -> None:
    """A suite's arms are anybody's words: in sentences, headings and cells of tables."""
    hostile = r"<img>\n@name |"
    renamed = result.model_dump_json().replace('"cookie"', f'"{hostile}"').replace('"quick"', f'"{hostile}"')
    text = markdown.render(report(Result.model_validate_json(renamed)))
    outside_code = re.sub("`bench.py [^`]+`", "", text)
    assert "<img" not in outside_code
    assert "@name" not in outside_code
    assert f"\n| &#60;img> @{PART}name \\| | " in text
    assert f"suite &#60;img> @{PART}name |\n" in text
