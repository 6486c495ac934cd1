"""Budgets such as `token.total_cpu <= 0.8 * cookie.total_cpu`: parsed, never evaluated as Python. Pure.

    budget = sum ("<=" | ">=") sum
    sum    = term (("+" | "-") term)*
    term   = factor (("*" | "/") factor)*
    factor = number | arm "." metric | "-" factor | "(" sum ")"

Names of arms may have hyphens, those of metrics may not, so that `a.total_cpu-b.total_cpu` is a difference.
A value has its derivatives with respect to each metric in it (forward differentiation), from which the
uncertainty of the whole expression follows.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])"
    r"|(?P<figure>[a-z][a-z0-9]*(?:-[a-z0-9]+)*\.[a-z][a-z0-9_]*)"
    r"|(?P<sign><=|>=|[-+*/()<>]))"
)
_EXPECTED: Final = "a number, a metric such as token.total_cpu, or ("
#: Depth of brackets above which a budget is rejected, so that the parser's recursion is bounded.
_DEEPEST: Final = 50


@dataclass(frozen=True)
class MetricTerm:
    """One metric of one arm."""

    arm: str
    metric: str

    def figures(self) -> list[MetricTerm]:
        """Return this metric."""
        return [self]

    def evaluate(self, values: Mapping[MetricTerm, float]) -> Dual:
        """Return the metric's value, with the derivative 1."""
        return Dual(values[self], {self: 1.0})


@dataclass(frozen=True)
class Dual:
    """Value with its derivatives with respect to the metrics that it was calculated from.

    A constant has none. A quotient raises ZeroDivisionError if the divisor is zero.
    """

    value: float
    slopes: Mapping[MetricTerm, float] = field(default_factory=dict)

    def __add__(self, other: Dual) -> Dual:
        return Dual(self.value + other.value, _mixed(self, 1, other, 1))

    def __sub__(self, other: Dual) -> Dual:
        return Dual(self.value - other.value, _mixed(self, 1, other, -1))

    def __mul__(self, other: Dual) -> Dual:
        return Dual(self.value * other.value, _mixed(self, other.value, other, self.value))

    def __truediv__(self, other: Dual) -> Dual:
        value = self.value / other.value
        return Dual(value, _mixed(self, 1 / other.value, other, -value / other.value))

    def figures(self) -> list[MetricTerm]:
        """Return no metrics, since a node of this class is a constant."""
        return []

    def evaluate(self, values: Mapping[MetricTerm, float]) -> Dual:  # noqa: ARG002 - as the other nodes
        """Return the constant."""
        return self


def _mixed(left: Dual, left_weight: float, right: Dual, right_weight: float) -> dict[MetricTerm, float]:
    return {
        term: left_weight * left.slopes.get(term, 0.0) + right_weight * right.slopes.get(term, 0.0)
        for term in {**left.slopes, **right.slopes}
    }


_OPERATIONS: Final[Mapping[str, Callable[[Dual, Dual], Dual]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


@dataclass(frozen=True)
class Operation:
    """Binary operation."""

    sign: str
    left: Node
    right: Node

    def figures(self) -> list[MetricTerm]:
        """Return the metrics of both operands."""
        return [*self.left.figures(), *self.right.figures()]

    def evaluate(self, values: Mapping[MetricTerm, float]) -> Dual:
        """Return the value of the operation; ZeroDivisionError if a divisor is zero."""
        return _OPERATIONS[self.sign](self.left.evaluate(values), self.right.evaluate(values))


Node = Dual | MetricTerm | Operation


@dataclass(frozen=True)
class Budget:
    """Limit in a suite: the comparison of `left` with `right` must hold."""

    text: str
    left: Node
    bound: Literal["<=", ">="]
    right: Node

    def figures(self) -> list[MetricTerm]:
        """Return the metrics in it, without duplicates, in the order of the text."""
        return list(dict.fromkeys([*self.left.figures(), *self.right.figures()]))


def parse(text: str) -> Budget:
    """Parse a budget.

    Raises:
        ValueError: The text is not a budget; the message has the expected tokens and the column.
    """
    reader = _Reader(text)
    left = reader.sum()
    bound = reader.take("<=", ">=")
    if bound is None:
        raise reader.expected("<= or >=")
    right = reader.sum()
    reader.end()
    budget = Budget(text, left, "<=" if bound == "<=" else ">=", right)
    if not budget.figures():
        raise ValueError(f"{text!r} contains no metric, such as token.total_cpu")
    return budget


def expression(text: str) -> Node:
    """Parse one side of a budget.

    Raises:
        ValueError: The text is not an expression; the message has the expected tokens and the column.
    """
    reader = _Reader(text)
    node = reader.sum()
    reader.end()
    return node


class _Reader:
    """Recursive-descent parser of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self.next: re.Match[str] | None = None
        self._advance()

    def take(self, *signs: str) -> str | None:
        """Consume and return the next token if it is one of these signs; otherwise return None."""
        if self.next is None or self.next["sign"] not in signs:
            return None
        sign = self.next["sign"]
        self._advance()
        return sign

    def end(self) -> None:
        """Require that no token is left."""
        if self.next is not None:
            raise self.expected("the end")

    def expected(self, what: str) -> ValueError:
        """Return an error with the expected token and the column."""
        begin = self.next.start(self.next.lastgroup or 0) if self.next is not None else len(self._text)
        return self._expected_at(begin, what)

    def _expected_at(self, begin: int, what: str) -> ValueError:
        got = repr(self._text[begin:]) if begin < len(self._text) else "the end"
        return ValueError(f"{self._text!r}: expected {what} at column {begin + 1} (got {got})")

    def sum(self) -> Node:
        """Parse a sum of products."""
        return self._chain(("+", "-"), lambda: self._chain(("*", "/"), self._factor))

    def _chain(self, signs: Sequence[str], operand: Callable[[], Node]) -> Node:
        """Parse operands with these signs between them, from the left."""
        node = operand()
        while sign := self.take(*signs):
            node = Operation(sign, node, operand())
        return node

    def _factor(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.expected(f"at most {_DEEPEST} nested signs and brackets")
        try:
            if self.take("-"):
                return Operation("-", Dual(0), self._factor())
            if self.take("("):
                node = self.sum()
                if not self.take(")"):
                    raise self.expected(")")
                return node
            if self.next is None or self.next["sign"]:
                raise self.expected(_EXPECTED)
            token = self.next
            self._advance()
            if token["number"]:
                if not math.isfinite(value := float(token["number"])):
                    raise ValueError(f"{self._text!r}: {token['number']} is too large a number")
                return Dual(value)
            arm, _, metric = token["figure"].rpartition(".")
            return MetricTerm(arm, metric)
        finally:
            self._depth -= 1

    def _advance(self) -> None:
        rest = self._text[self._at :]
        if not rest.strip():
            self.next = None
            return
        self.next = _TOKEN.match(self._text, self._at)
        if self.next is None:
            begin = self._at + len(rest) - len(rest.lstrip())
            raise self._expected_at(begin, f"{_EXPECTED}, or one of + - * / <= >=")
        self._at = self.next.end()
