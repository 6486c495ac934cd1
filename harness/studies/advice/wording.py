"""An answer as tables and sentences, for any page to set. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from harness.report.content import format as fmt
from harness.report.content.tables import Table
from harness.studies.advice.answer import Advice, Column, EstimatedQuantity, SchemeRow
from harness.studies.advice.question import AdviceQuestion
from harness.studies.advice.revocation import Window

#: What a column is called where it is said to be empty.
_NAMES: Final[dict[Column, str]] = {
    "latency": "latency",
    "added_latency": "added latency",
    "cpu": "CPU",
    "store_share": "the store's share",
    "store_ops": "store operations",
    "store_memory": "store memory",
    "bandwidth_up": "bandwidth",
}

#: What is counted, the unit it is told in, and the words for more and for less of it.
_COUNTED: Final[tuple[tuple[Column, float, str, str, str], ...]] = (
    ("store_ops", 1, "store operations a second", "more", "fewer"),
    ("store_memory", 1e6, "MB", "more in the store", "less in the store"),
    ("bandwidth_up", 1e6, "Mbit/s", "more from clients", "less from clients"),
)


def asked(question: AdviceQuestion) -> str:
    """The question in a sentence, with what nobody said marked as such."""

    def told(key: str, text: str) -> str:
        return text if key in question.model_fields_set else f"{text} (not said)"

    profile, within = question.profile_bytes, question.revoke_within_s
    parts = [
        told("store_rtt_ms", f"the store {question.store_rtt_ms:g} ms away and back"),
        told("rate", f"{_plain(question.rate)} reads a second"),
        told("sessions", f"{question.sessions:,} sessions"),
        told("profile_bytes", "short profiles" if profile is None else f"profiles of {profile:,} bytes"),
        told(
            "revoke_within_s",
            "no demand on revocation" if within is None else f"a block bites within {_plain(within)} s",
        ),
    ]
    return f"Asked: {', '.join(parts)}."


def tables(advice: Advice) -> list[Table]:
    """What users see of it, and what it costs to run, so that each fits a terminal of 80 columns."""
    reference = advice.reference or "none"
    return [
        Table(
            "For users",
            ["scheme", "meets the\ndemand", "open after\na block, s", "after a\nlogout, s",
             "median\nread us", f"us more than\n{reference}"],
            [_for_users(row) for row in advice.schemes],
        ),
        Table(
            "To run",
            ["scheme", "CPU, %\nof a core", "of it the\nstore %", "store\nops/s", "store\nMB", "up\nMbit/s"],
            [_to_run(row) for row in advice.schemes],
        ),
    ]  # fmt: skip


def sentences(advice: Advice) -> list[str]:
    """The cheapest that meets the demand, and what each other costs instead of it."""
    best = next((row for row in advice.schemes if row.scheme == advice.best), None)
    if best is None:
        return [_none_is_known(advice)]
    demand = "" if advice.question.revoke_within_s is None else " of those that meet the demand"
    return [
        f"{best.scheme} needs the least CPU{demand}.",
        *(_instead(row, best) for row in advice.schemes if row is not best),
    ]


def _none_is_known(advice: Advice) -> str:
    meeting = [row.scheme for row in advice.schemes if row.meets]
    if not meeting:
        return "No scheme of this result is known to meet the demand."
    return f"{', '.join(meeting)}: which needs the least CPU was not measured in this result."


def _instead(row: SchemeRow, best: SchemeRow) -> str:
    if row.unfit:
        return f"{row.scheme} cannot be used: {row.unfit}."
    differences = list(_differences(row, best)) or ["nothing was measured to compare them by"]
    told = f"{row.scheme} instead of {best.scheme}: {', '.join(differences)}"
    if row.meets:
        return f"{told}."
    if row.after_block is None:
        return f"{told}; whether it meets the demand, its servers do not say."
    return f"{told}; but a blocked account goes on {_on_for(row.after_block)}."


def _on_for(window: Window) -> str:
    return "without end" if window.seconds is None else f"for up to {_open(window)}"


def _differences(row: SchemeRow, best: SchemeRow) -> Iterator[str]:
    if row.cpu_over_best is not None:
        yield _cpu(row.cpu_over_best)
    if row.latency_beyond_best is not None:
        yield _latency(row.latency_beyond_best)
    for column, size, unit, more, less in _COUNTED:
        own, other = row.get(column), best.get(column)
        if own is not None and other is not None and own.value != other.value:
            difference = own.value - other.value
            yield f"{fmt.number(abs(difference) / size)} {unit} {more if difference > 0 else less}"


def _cpu(over_best: EstimatedQuantity) -> str:
    told = f"{fmt.percent(abs(over_best.value - 1))} {'more' if over_best.value >= 1 else 'less'} CPU"
    if over_best.ci is None:
        return told
    low, high = over_best.ci
    between = f"({_change(low)} to {_change(high)})"
    return f"CPU not told apart {between}" if low <= 1 <= high else f"{told} {between}"


def _latency(beyond_best: EstimatedQuantity) -> str:
    value = beyond_best.value
    told = f"a read {fmt.number(abs(value) / 1e3)} ms {'longer' if value >= 0 else 'shorter'}"
    if beyond_best.ci is None:
        return told
    low, high = beyond_best.ci
    between = f"({fmt.number(low / 1e3)} to {fmt.number(high / 1e3)} ms)"
    return f"latency not told apart {between}" if low <= 0 <= high else f"{told} {between}"


def _change(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.1f} %"


def held_back(advice: Advice) -> tuple[list[Table], str]:
    """How far the model was off at levels that it was not shown: a table, if there is one, and what it is."""
    if not advice.held_back:
        return [], (
            "Held back: this result has no quantity at three levels or more, so the model could not be held"
            " against anything."
        )
    rows = [
        [
            f"{one.quantity}, by {one.over}",
            str(one.foretold),
            fmt.percent(one.median),
            fmt.percent(one.largest),
            f"{one.largest_scheme} at {fmt.number(one.largest_at)}",
        ]
        for one in advice.held_back
    ]
    heads = ["figure, and by what", "foretold", "median\nerror", "largest\nerror", "where"]
    return [Table("Held back", heads, rows)], (
        "Each level was foretold from all others of its scheme; at the ends that is an extrapolation. Errors"
        " are relative to what was measured there."
    )


def notes(advice: Advice) -> list[str]:
    """What was extrapolated or assumed, and why columns are empty."""
    why: dict[tuple[Column, str], list[str]] = {}
    for row in advice.schemes:
        for column, reason in ({} if row.unfit else row.missing).items():
            why.setdefault((column, reason), []).append(row.scheme)
    empty: dict[tuple[str, str], list[str]] = {}
    for (column, reason), schemes in why.items():
        empty.setdefault((", ".join(schemes), reason), []).append(_NAMES[column])
    return [
        *advice.notes,
        *(
            f"empty: {', '.join(columns)} of {schemes}: {reason}"
            for (schemes, reason), columns in empty.items()
        ),
    ]


def _for_users(row: SchemeRow) -> list[str]:
    meets = {True: "yes", False: "no", None: "?"}[row.meets]
    return [
        row.scheme,
        meets,
        _open(row.after_block, unit=""),
        _open(row.after_logout, unit=""),
        _cell(row.latency),
        _cell(row.added_latency),
    ]


def _to_run(row: SchemeRow) -> list[str]:
    return [
        row.scheme,
        _cell(row.cpu, 0.01),
        _cell(row.store_share, 0.01),
        _cell(row.store_ops),
        _cell(row.store_memory, 1e6),
        _cell(row.bandwidth_up, 1e6),
    ]


def _cell(found: EstimatedQuantity | None, size: float = 1.0) -> str:
    """A figure in units of a size, with its interval; a tilde before what was extrapolated."""
    if found is None:
        return fmt.NOTHING
    ci = None if found.ci is None else (found.ci[0] / size, found.ci[1] / size)
    return ("~" if found.extrapolated else "") + fmt.with_interval(found.value / size, ci)


def _plain(value: float) -> str:
    """All digits before the point, and those behind it that somebody gave."""
    return f"{value:,.0f}" if value % 1 == 0 else f"{value:,}"


def _open(window: Window | None, unit: str = " s") -> str:
    if window is None:
        return "?"
    return "no end" if window.seconds is None else f"{_plain(window.seconds)}{unit}"
