"""Budgets are read as arithmetic, differentiated, and never evaluated as Python."""

from __future__ import annotations

import contextlib
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.suites.expressions import Budget, Dual, MetricTerm, parse

TOKEN, COOKIE = MetricTerm("token", "total_cpu"), MetricTerm("cookie", "total_cpu")
VALUES = {TOKEN: 80.0, COOKIE: 100.0}


def left(text: str) -> Dual:
    """The left side of a budget at known values."""
    return parse(f"{text} <= 1").left.evaluate(VALUES)


@pytest.mark.parametrize(
    ("text", "value", "slopes"),
    [
        ("token.total_cpu", 80, {TOKEN: 1}),
        ("0.8 * cookie.total_cpu", 80, {COOKIE: 0.8}),
        ("token.total_cpu + 2 * cookie.total_cpu", 280, {TOKEN: 1, COOKIE: 2}),
        ("token.total_cpu-cookie.total_cpu", -20, {TOKEN: 1, COOKIE: -1}),
        ("token.total_cpu / cookie.total_cpu", 0.8, {TOKEN: 0.01, COOKIE: -0.008}),
        ("token.total_cpu * token.total_cpu", 6400, {TOKEN: 160}),
        ("2 * (token.total_cpu - 30) / 4", 25, {TOKEN: 0.5}),
        ("-token.total_cpu - -3", -77, {TOKEN: -1}),
        ("1e2 - 10 - token.total_cpu", 10, {TOKEN: -1}),
        ("1.5e-1*token.total_cpu", 12, {TOKEN: 0.15}),
        ("8 / 4 / 2 + 0 * token.total_cpu", 1, {TOKEN: 0}),
    ],
)
def test_arithmetic(text: str, value: float, slopes: dict[MetricTerm, float]) -> None:
    """Precedence, from the left, unary minus; hand-made values and slopes."""
    found = left(text)
    assert found.value == pytest.approx(value)
    assert found.slopes == pytest.approx(slopes)


def test_both_sides_and_the_bound() -> None:
    """What a suite has."""
    budget = parse("token.total_cpu <= 0.8 * cookie.total_cpu")
    assert budget.bound == "<="
    assert budget.right.evaluate(VALUES).value == pytest.approx(80)
    assert budget.figures() == [TOKEN, COOKIE]
    assert parse("1 >= token.total_cpu").bound == ">="
    assert parse("token-stateful.service_p50<=90").figures() == [MetricTerm("token-stateful", "service_p50")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected a number, a metric such as token.total_cpu, or ( at column 1 (got the end)"),
        ("token.total_cpu", "expected <= or >= at column 16 (got the end)"),
        ("token.total_cpu <= ", "expected a number"),
        ("token.total_cpu <= 1 2", "expected the end at column 22 (got '2')"),
        ("token.total_cpu <= 1 <= 2", "expected the end at column 22"),
        ("token.total_cpu <= (1", "expected ) at column 22"),
        ("token.total_cpu <= * 2", "expected a number"),
        ("token <= 2", "at column 1 (got 'token <= 2')"),
        ("token.total_cpu <= 0.8 x cookie.total_cpu", "at column 24 (got 'x cookie.total_cpu')"),
        ("token.total_cpu == 2", "at column 17"),
        ("token.total_cpu < 2", "expected <= or >= at column 17 (got '< 2')"),
        ("1 > token.total_cpu", "expected <= or >= at column 3 (got '> token.total_cpu')"),
        ("token.total_cpu <= 2ms", "at column 20"),
        ("1 <= 2", "contains no metric"),
        ("token.total_cpu <= 1e999", "too large"),
        ("(" * 100 + "token.total_cpu" + ")" * 100 + " <= 1", "nested signs and brackets"),
        ("-" * 200 + "token.total_cpu <= 1", "nested signs and brackets"),
    ],
)
def test_what_cannot_be_read_says_where_and_why(text: str, words: str) -> None:
    """The text itself, the place, and what was expected there."""
    with pytest.raises(ValueError, match=re.escape(words)) as error:
        parse(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true') <= 1",
        "token.total_cpu.__class__ <= 1",
        "token.total_cpu ** 9 <= 1",
        "[token.total_cpu] <= 1",
        "token.total_cpu <= 1 if 1 else 2",
        "token.total_cpu <= lambda: 1",
    ],
)
def test_python_is_no_budget(text: str) -> None:
    """Nothing but the grammar is taken."""
    with pytest.raises(ValueError, match="expected"):
        parse(text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Never any other error."""
    with contextlib.suppress(ValueError):
        assert isinstance(parse(text), Budget)


@given(
    st.floats(0.1, 1000), st.floats(0.1, 1000), st.sampled_from(["a.x*b.y", "a.x/b.y", "a.x-b.y*(a.x+3)/7"])
)
def test_slopes_are_those_of_small_steps(one: float, two: float, text: str) -> None:
    """Against a central difference."""
    a, b = MetricTerm("a", "x"), MetricTerm("b", "y")
    node = parse(f"{text} <= 1").left
    for figure in (a, b):
        step = 1e-6 * {a: one, b: two}[figure]
        up = node.evaluate({a: one, b: two} | {figure: {a: one, b: two}[figure] + step}).value
        down = node.evaluate({a: one, b: two} | {figure: {a: one, b: two}[figure] - step}).value
        slope = node.evaluate({a: one, b: two}).slopes[figure]
        assert math.isclose((up - down) / 2 / step, slope, rel_tol=1e-3, abs_tol=1e-4 * (1 + abs(slope)))


def test_nothing_is_divided_by_zero_unseen() -> None:
    """The gate says that such a budget could not be reckoned."""
    with pytest.raises(ZeroDivisionError):
        left("token.total_cpu / (cookie.total_cpu - 100)")
