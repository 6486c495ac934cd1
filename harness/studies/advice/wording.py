"""Tables and sentences of an answer, for any output format. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from harness.report.content import format as fmt
from harness.report.content.tables import Table
from harness.results.base import Interval
from harness.studies.advice.answer import Advice, Column, EstimatedQuantity, SchemeRow
from harness.studies.advice.question import AdviceQuestion
from harness.studies.advice.revocation import Window

#: Names of columns in notes on empty ones.
_NAMES: Final[dict[Column, str]] = {
    "latency": "latency",
    "added_latency": "added latency",
    "cpu": "CPU",
    "store_share": "the store's share",
    "store_ops": "store operations",
    "store_memory": "store memory",
    "bandwidth_up": "bandwidth",
}

#: Columns of the table for operators, with their heads and units.
_RESOURCES: Final[tuple[tuple[Column, str, float], ...]] = (
    ("cpu", "CPU, %\nof a core", 0.01),
    ("store_share", "store's\nshare, %", 0.01),
    ("store_ops", "store\nops/s", 1),
    ("store_memory", "store\nMB", 1e6),
    ("bandwidth_up", "upload\nMbit/s", 1e6),
)

#: Counted quantities, their units, and the phrases for more and for less.
_COUNTED: Final[tuple[tuple[Column, float, str, str], ...]] = (
    ("store_ops", 1, "{} more store operations per second", "{} fewer store operations per second"),
    ("store_memory", 1e6, "{} MB more in the store", "{} MB less in the store"),
    ("bandwidth_up", 1e6, "{} Mbit/s more from clients", "{} Mbit/s less from clients"),
)


def inputs(question: AdviceQuestion) -> str:
    """Return the question as a sentence, with defaults marked."""
    payload, within = question.profile_bytes, question.revoke_within_s
    deadline = "no revocation deadline" if within is None else f"revocation within {_plain(within)} s"
    parts = {
        "store_rtt_ms": f"store round trip {question.store_rtt_ms:g} ms",
        "rate": f"{_plain(question.rate)} reads per second",
        "sessions": f"{question.sessions:,} sessions",
        "profile_bytes": "minimal payload" if payload is None else f"payload {payload:,} bytes",
        "revoke_within_s": deadline,
    }
    given = question.model_fields_set
    marked = [text if key in given else f"{text} (default)" for key, text in parts.items()]
    return f"Inputs: {', '.join(marked)}."


def tables(advice: Advice) -> list[Table]:
    """Return a table for users and one for operators, so that each fits a terminal of 80 columns."""
    return [
        Table(
            "User impact",
            ["scheme", "deadline\nmet", "valid after\na block, s", "after a\nlogout, s",
             "median\nread, µs", f"µs more than\n{advice.reference or 'none'}"],
            [
                [
                    row.scheme,
                    {True: "yes", False: "no", None: "?"}[row.meets],
                    *(_window(window, unit="") for window in (row.after_block, row.after_logout)),
                    *map(_cell, (row.latency, row.added_latency)),
                ]
                for row in advice.schemes
            ],
        ),
        Table(
            "Resources",
            ["scheme", *(head for _, head, _ in _RESOURCES)],
            [
                [row.scheme, *(_cell(row.get(column), size) for column, _, size in _RESOURCES)]
                for row in advice.schemes
            ],
        ),
    ]  # fmt: skip


def sentences(advice: Advice) -> list[str]:
    """Return the cheapest scheme that meets the deadline, and the difference of each other scheme."""
    best = next((row for row in advice.schemes if row.scheme == advice.best), None)
    if best is None:
        meeting = ", ".join(row.scheme for row in advice.schemes if row.meets)
        if meeting:
            return [f"{meeting}: which needs the least CPU was not measured in this result."]
        return ["No scheme of this result is known to meet the deadline."]
    deadline = "" if advice.question.revoke_within_s is None else " of those that meet the deadline"
    return [
        f"{best.scheme} needs the least CPU{deadline}.",
        *(_instead(row, best) for row in advice.schemes if row is not best),
    ]


def _instead(row: SchemeRow, best: SchemeRow) -> str:
    if row.unfit:
        return f"{row.scheme} cannot be used: {row.unfit}."
    differences = list(_differences(row, best)) or ["no common quantity was measured"]
    text = f"{row.scheme} instead of {best.scheme}: {', '.join(differences)}"
    if row.meets:
        return f"{text}."
    if row.after_block is None:
        return f"{text}; its servers do not declare whether it meets the deadline."
    return f"{text}; but a blocked account keeps access {_duration(row.after_block)}."


def _duration(window: Window) -> str:
    if window.seconds is None:
        return "without limit"
    whole = window.seconds % 1 == 0
    return f"for up to {fmt.duration(window.seconds) if whole else _window(window)}"


def _differences(row: SchemeRow, best: SchemeRow) -> Iterator[str]:
    if (ratio := row.cpu_over_best) is not None:
        text = f"{fmt.percent(abs(ratio.value - 1))} {'more' if ratio.value >= 1 else 'less'} CPU"
        yield _significant(text, "CPU", ratio.ci, 1, fmt.change_interval)
    if (added := row.latency_beyond_best) is not None:
        longer = "longer" if added.value >= 0 else "shorter"
        text = f"a read {fmt.number(abs(added.value) / 1e3)} ms {longer}"
        yield _significant(text, "latency", added.ci, 0, _milliseconds)
    for column, size, more, less in _COUNTED:
        quantity, of_best = row.get(column), best.get(column)
        if quantity is not None and of_best is not None and quantity.value != of_best.value:
            difference = quantity.value - of_best.value
            yield (more if difference > 0 else less).format(fmt.number(abs(difference) / size))


def _significant(
    text: str, quantity: str, ci: Interval, none: float, show: Callable[[tuple[float, float]], str]
) -> str:
    """Return the text of a difference with its interval, or that there is none if `none` is within it."""
    if ci is None:
        return text
    if ci[0] <= none <= ci[1]:
        text = f"no significant difference in {quantity}"
    return f"{text} ({show(ci)})"


def _milliseconds(ci: tuple[float, float]) -> str:
    return f"{fmt.number(ci[0] / 1e3)} to {fmt.number(ci[1] / 1e3)} ms"


def validation(advice: Advice) -> tuple[list[Table], str]:
    """Return a table of the model's leave-one-out errors, if there are any, and an explanation."""
    if not advice.held_back:
        return [], (
            "Model validation: this result has no quantity at three or more levels, so the model could not be"
            " validated."
        )
    rows = [
        [
            f"{error.quantity}, by {error.over}",
            str(error.foretold),
            fmt.percent(error.median),
            fmt.percent(error.largest),
            f"{error.largest_scheme} at {fmt.number(error.largest_at)}",
        ]
        for error in advice.held_back
    ]
    heads = ["quantity", "predicted", "median\nerror", "largest\nerror", "at"]
    return [Table("Model validation", heads, rows)], (
        "Leave-one-out: each level was predicted from all other levels of its scheme; at the first and last"
        " level that is an extrapolation. Errors are relative to the measured value."
    )


def notes(advice: Advice) -> list[str]:
    """Return extrapolations, assumptions, and the reasons for empty columns."""
    missing: dict[tuple[Column, str], list[str]] = {}
    for row in advice.schemes:
        for column, reason in ({} if row.unfit else row.missing).items():
            missing.setdefault((column, reason), []).append(row.scheme)
    empty: dict[tuple[str, str], list[str]] = {}
    for (column, reason), schemes in missing.items():
        empty.setdefault((", ".join(schemes), reason), []).append(_NAMES[column])
    return [
        *advice.notes,
        *(
            f"empty: {', '.join(columns)} of {schemes}: {reason}"
            for (schemes, reason), columns in empty.items()
        ),
    ]


def _cell(quantity: EstimatedQuantity | None, size: float = 1.0) -> str:
    """Return a quantity in units of `size`, with its interval; a tilde marks extrapolations."""
    if quantity is None:
        return fmt.NOTHING
    ci = None if quantity.ci is None else (quantity.ci[0] / size, quantity.ci[1] / size)
    return ("~" if quantity.extrapolated else "") + fmt.with_interval(quantity.value / size, ci)


def _plain(value: float) -> str:
    """Return a value with all its digits."""
    return f"{value:,.0f}" if value % 1 == 0 else f"{value:,}"


def _window(window: Window | None, unit: str = " s") -> str:
    if window is None:
        return "?"
    return "no limit" if window.seconds is None else f"{_plain(window.seconds)}{unit}"
