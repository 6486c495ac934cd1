"""The page that a gate writes: understood without any other."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.report import gate_page
from harness.report.content import gate
from harness.results.gate import GateCheck, GateSide, GateVerdict, Reference
from harness.results.model import Result

STORED = Path(__file__).parents[1] / "data" / "result.json"


def gated(answer: GateVerdict = "pass", **more: Any) -> GateCheck:
    """A row about the cookie's CPU."""
    about: dict[str, Any] = {
        "kind": "revision",
        "scenario": "saturation",
        "load": "closed, 8 users",
        "subject": "cookie",
        "metric": "total_cpu",
        "is_ratio": True,
        "value": 1.083,
        "sides": (96.0, 104.0),
        "unit": "us/req",
        "bound": "<=",
        "limit": 1.05,
        "ci": (1.071, 1.095),
        "noise_floor": 0.012,
        "batches": 2,
        "answer": answer,
        "detail": "",
    }
    return GateCheck(**about | more)


def result(*rows: GateCheck, title: str = "Check twice", kind: str = "revision", **comparand: Any) -> Result:
    """The stored example as a gate's."""
    stored = Result.model_validate_json(STORED.read_text())
    about: dict[str, Any] = {
        "kind": kind,
        "name": "0123456789abcdef" if kind == "revision" else "results/baseline.json",
        "title": title,
        "tolerance": 0.05,
        "same_machine": True,
        "differing": ["servers/schemes/cookie.py"],
    }
    return stored.model_copy(
        update={
            "gate": list(rows),
            "comparand": Reference(**about | comparand),
        }
    )


def test_a_regression_is_told_first_with_whom_and_by_how_much() -> None:
    """Then the table, both figures and the interval, and how to read it."""
    text = gate_page.render(result(gated(), gated("regression", detail="confirmed on fresh servers")))
    assert text.startswith(
        "## Regression against 0123456789: cookie CPU per request +8.3 % (limit +5.0 %).\n"
    )
    assert (
        "| cookie, CPU per request | 96.0 → 104 µs | +8.3 % | +7.1 to +9.5 % | +5.0 % | ±1.2 % |"
        " regression |" in text
    )
    assert text.index("| regression |") < text.index("| pass |")
    assert 'before: commit 0123456789 ("Check twice")' in text
    assert "min. detectable: the minimum detectable difference, half the width" in text


def test_a_pass_says_against_what() -> None:
    """And how many figures it rests on."""
    told = gate.headline(result(gated(), gated("not judged")))
    assert told == "No regression against 0123456789: all 1 figures are within their limits."


def test_what_cannot_be_told_says_why() -> None:
    """In the heading and below the table."""
    text = gate_page.render(
        result(gated("inconclusive", detail="the interval lies on both sides of the limit"))
    )
    assert text.startswith("## Inconclusive against")
    assert "cookie, CPU per request: the interval lies on both sides of the limit." in text


def test_an_invalid_measurement_has_no_answer() -> None:
    """Whatever its rows say."""
    one = result(gated("regression"))
    check = one.validity[0].model_copy(update={"status": "invalid", "detail": "the servers were swapped"})
    text = gate_page.render(one.model_copy(update={"validity": [check]}))
    assert text.startswith("## Invalid: the measurement failed a validity check.")
    assert "the servers were swapped" in text


def test_a_budget_is_told_as_the_suite_has_it() -> None:
    """Its own words, the figure, and the limit."""
    row = gated(
        "regression",
        kind="budget",
        subject="token.total_cpu <= 0.8 * cookie.total_cpu",
        is_ratio=False,
        value=80,
        limit=76.8,
        ci=(79, 81),
    )
    text = gate_page.render(result(row))
    assert "token.total_cpu <= 0.8 * cookie.total_cpu (80.0 against 76.8)" in text
    assert (
        "| token.total_cpu <= 0.8 * cookie.total_cpu | 80.0 | 79.0 to 81.0 | <= 76.8 | regression |" in text
    )


def sides(
    *, lock: str = "a", version: str = "8.1.0", own: bool = True, dirty: bool = False
) -> list[GateSide]:
    """Before, and now with this lock file, redis and interpreter."""
    environment = "this tool's own" if own else "environment-b"
    before = GateSide(
        end="base",
        commit="0123456789abcdef",
        dirty=False,
        lock="a",
        python="CPython 3.11.2",
        environment="this tool's own" if own else "environment-a",
        packages={"redis": "8.1.0", "aiohttp": "3.14.5"},
    )
    more = {"packages": {"redis": version, "aiohttp": "3.14.5"}, "environment": environment}
    now = before.model_copy(
        update={"end": "head", "commit": "fedcba9876543210", "lock": lock, "dirty": dirty}
    )
    return [before, now.model_copy(update=more)]


@pytest.mark.parametrize(
    ("differing", "lock", "words"),
    [
        (["a.py"], "b", "1 file(s) of the servers differ; their lock file differs (redis 8.1.0 → 9.0.0)."),
        (["a.py"], "a", "1 file(s) of the servers differ; their lock file is the same."),
        ([], "b", "The servers' code is the same; their lock file differs (redis 8.1.0 → 9.0.0)."),
        ([], "a", "The servers' code is the same; so is their lock file."),
        ([], "", "The servers' code is the same; their lock file differs"),
    ],
)
def test_what_differs_is_code_or_lock_or_both_or_neither(differing: list[str], lock: str, words: str) -> None:
    """On the page and on the console: equal code with other dependencies is not the same servers."""
    one = result(
        gated(), differing=differing, sides=sides(lock=lock, version="8.1.0" if lock == "a" else "9.0.0")
    )
    console = Console(file=StringIO(), width=1000)
    gate_page.print_gate(one, console)
    for told in (gate_page.render(one), console.file.getvalue()):  # type: ignore[attr-defined]
        assert words in told


def test_both_commits_and_interpreters_are_told() -> None:
    """Whether the working tree has more than its commit, and whose interpreter served which side."""
    text = gate_page.render(result(gated(), sides=sides(dirty=True)))
    assert "now: the working tree at fedcba9876, with uncommitted changes." in text
    assert "Interpreter of both: CPython 3.11.2 (this tool's own)." in text
    text = gate_page.render(result(gated(), sides=sides(own=False)))
    assert "now: the working tree at fedcba9876. " in text
    told = "Interpreters: before CPython 3.11.2 (environment-a), now CPython 3.11.2 (environment-b)."
    assert told in text


def test_another_lock_with_the_same_packages_says_so() -> None:
    """A comment, or a pin for another platform."""
    text = gate_page.render(result(gated(), differing=[], sides=sides(lock="b")))
    assert "their lock file differs (in no installed package)." in text


def test_many_packages_are_not_all_named() -> None:
    """A new lock file may change hundreds; what came and went is named as well."""
    before, now = sides(lock="b")
    had = {f"p{number}": "1" for number in range(4)}
    has = {f"p{number}": "2" for number in range(1, 9)}
    pair = [before.model_copy(update={"packages": had}), now.model_copy(update={"packages": has})]
    told = "(p0 1 → none, p1 1 → 2, p2 1 → 2, p3 1 → 2, p4 none → 2, p5 none → 2, 3 more)"
    assert told in gate_page.render(result(gated(), sides=pair))


@pytest.mark.parametrize(
    ("same", "words"),
    [
        (True, "so absolute times are shown too"),
        (False, "so absolute times are not compared (CPU: A then, B now)"),
    ],
)
def test_a_baseline_says_what_was_compared(same: bool, words: str) -> None:
    """Raw times or ratios alone."""
    one = result(gated(kind="baseline"), kind="baseline", same_machine=same, differing=["CPU: A then, B now"])
    assert words in gate_page.render(one)


def test_a_ratio_of_arms_is_told_then_and_now() -> None:
    """It has no unit."""
    row = gated(kind="baseline", subject="cookie / anonymous", sides=(4.01, 4.1), unit="")
    text = gate_page.render(result(row, kind="baseline"))
    assert "| what | then → now |" in text
    assert "| cookie / anonymous, CPU per request | 4.01 → 4.10 |" in text


def test_a_commits_title_is_text_and_nothing_else() -> None:
    """Anybody may have written it."""
    text = gate_page.render(result(gated(), title="`x` <img src=x>\n## Pass | a"))
    assert r'("\`x\` &#60;img src=x>## Pass | a")' in text


def test_the_console_has_the_same() -> None:
    """The heading, the figures, the reading."""
    console = Console(file=StringIO(), width=120)
    gate_page.print_gate(result(gated("regression")), console)
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert "Regression against 0123456789" in told
    assert "+7.1 to +9.5 %" in told
