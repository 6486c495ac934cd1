"""Content of a gate's page: verdict, tables and notes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from harness.report.content import environment, validity, wording
from harness.report.content import format as fmt
from harness.report.content.tables import Table
from harness.results.gate import GateCheck, GateVerdict, Reference
from harness.results.model import Result

_WORST_FIRST: Final[tuple[GateVerdict, ...]] = ("regression", "inconclusive", "pass", "not judged")
#: Number of differing packages that are named.
_PACKAGES: Final = 6
_WORDS: Final = {"total_cpu": "CPU per request", "service_p50": "median service time"}


def verdict(result: Result) -> GateVerdict:
    """Return the verdict of the gate: a single regression decides, then anything inconclusive."""
    judged = [row.answer for row in result.gate if row.answer != "not judged"]
    return min(judged, key=_WORST_FIRST.index, default="pass")


def headline(result: Result) -> str:
    """Return the verdict in one sentence."""
    if not result.valid:
        return "Invalid: the measurement failed a validity check."
    worst = verdict(result)
    rows = [row for row in result.gate if row.answer == worst]
    against = ""
    if (other := result.comparand) is not None:
        against = f" against {other.name[:10] if other.kind == 'revision' else other.name}"
    if worst == "pass":
        return f"No regression{against}: all {len(rows)} figures are within their limits."
    what = "; ".join(describe_row(row) for row in rows)
    return f"{'Regression' if worst == 'regression' else 'Inconclusive'}{against}: {what}."


def tables(result: Result) -> list[Table]:
    """Return a table of ratios and a table of values with limits; the worst rows first in each."""
    rows = sorted(result.gate, key=lambda row: _WORST_FIRST.index(row.answer))
    several = len({(row.scenario, row.load) for row in rows}) > 1
    then = "before" if result.comparand is not None and result.comparand.kind == "revision" else "then"
    of_ratios = ["what", f"{then} → now", "change", "CI", "limit", "min.\ndetectable", "verdict"]
    of_values = ["what", "now", "CI", "limit", "verdict"]
    filled = [
        Table("Changes", of_ratios, [_ratio_cells(row, several) for row in rows if row.is_ratio]),
        Table("Limits", of_values, [_value_cells(row, several) for row in rows if not row.is_ratio]),
    ]
    return [table for table in filled if table.rows]


def notes(result: Result) -> list[str]:
    """Return how to read the tables, and how the figures were measured."""
    confidence = fmt.whole_percent(result.run.comparisons_confidence)
    cases = dict.fromkeys(f"{row.scenario} ({row.load})" for row in result.gate)
    change = (
        f"change: now relative to before; CI: its {confidence} confidence interval, from the spread"
        " between server processes; min. detectable: the minimum detectable difference, half the width"
        " of that interval if nothing had changed. More is worse."
    )
    verdicts = (
        "pass: the CI lies within the limit. regression: it lies entirely beyond, Holm-adjusted for the"
        " number of figures, and fresh servers confirmed it. inconclusive: neither, after"
        f" {result.run.batches} of up to {result.run.looks} batches of servers."
    )
    unjudged = dict.fromkeys(row.detail for row in result.gate if row.answer == "not judged")
    return [
        *validity.reasons(result),
        *([_compared_with(result.comparand)] if result.comparand else []),
        f"measured: {', '.join(cases)}.",
        *([change] if any(row.is_ratio for row in result.gate) else []),
        verdicts,
        *(
            f"{row.subject}, {_metric(row.metric)}: {row.detail}."
            for row in result.gate
            if row.answer == "inconclusive"
        ),
        *(f"not judged: {detail}." for detail in unjudged),
        *environment.describe(result),
        *environment.findings(result),
    ]


def _compared_with(other: Reference) -> str:
    if other.kind == "revision":
        at = ""
        if other.sides:
            _, now = other.sides
            at = f" at {now.commit[:10]}{', with uncommitted changes' if now.dirty else ''}"
        return (
            f"before: commit {other.name[:10]} ({_quoted(other.title)}); now: the working tree{at}."
            f" {_what_differs(other)}."
            " Both ran interleaved on this machine in random order, so that noise affects both alike."
        )
    baseline = f"then: {other.name} ({other.title}), "
    if other.same_machine:
        return baseline + "measured on the same kind of machine, so absolute times are shown too."
    differences = "; ".join(other.differing)
    return baseline + f"measured under other conditions, so absolute times are not compared ({differences})."


def _what_differs(other: Reference) -> str:
    """Return whether code, lock file, both or neither differ, and which interpreters ran the servers."""
    count = len(other.differing)
    code = f"{count} file(s) of the servers differ" if count else "The servers' code is the same"
    if not other.sides:
        return code
    before, now = other.sides
    if before.lock != now.lock:
        lock = f"their lock file differs ({_packages(before.packages, now.packages)})"
    else:
        lock = "so is their lock file" if not count else "their lock file is the same"
        lock = lock if now.lock else "the suite names no lock file"
    then, later = (f"{side.python} ({side.environment})" for side in other.sides)
    is_same = before.environment == now.environment
    by = f"Interpreter of both: {then}" if is_same else f"Interpreters: before {then}, now {later}"
    return f"{code}; {lock}. {by}"


def _packages(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return the packages that differ, as `redis 8.0.0 → 8.1.0`; at most the first few."""
    changed = [
        f"{name} {before.get(name, 'none')} → {now.get(name, 'none')}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]
    if not changed:
        return "in no installed package"
    more = len(changed) - _PACKAGES
    return ", ".join([*changed[:_PACKAGES], *([f"{more} more"] if more > 0 else [])])


def _quoted(title: str) -> str:
    """Return a commit's first line, which is untrusted text, without terminal control characters."""
    return f'"{"".join(c for c in title if c.isprintable())}"'


def describe_row(row: GateCheck) -> str:
    """Return a row's value and its limit in a few words."""
    if row.value is None:
        return f"{row.subject}: not enough data to decide"
    show, neutral = (fmt.change, 1) if row.is_ratio else (fmt.number, 0)
    value, limit = show(row.value), show(row.limit or neutral)
    if row.kind == "budget":
        return f"{row.subject} ({value} against {limit})"
    return f"{row.subject} {_metric(row.metric)} {value} (limit {limit})"


def _ratio_cells(row: GateCheck, several: bool) -> list[str]:
    return [
        name(row, with_case=several),
        _sides(row),
        fmt.NOTHING if row.value is None else fmt.change(row.value),
        fmt.NOTHING if row.ci is None else fmt.change_interval(row.ci),
        fmt.NOTHING if row.limit is None else fmt.change(row.limit),
        fmt.NOTHING if row.noise_floor is None else f"±{fmt.percent(row.noise_floor)}",
        row.answer,
    ]


def _value_cells(row: GateCheck, several: bool) -> list[str]:
    return [
        name(row, with_case=several),
        fmt.NOTHING if row.value is None else fmt.number(row.value),
        fmt.NOTHING if row.ci is None else " to ".join(map(fmt.number, row.ci)),
        fmt.NOTHING if row.limit is None else f"{row.bound} {fmt.number(row.limit)}",
        row.answer,
    ]


def name(row: GateCheck, *, with_case: bool = False) -> str:
    """Return the subject and the metric of a row."""
    where = f"{row.scenario}, {row.load}: " if with_case else ""
    return f"{where}{row.subject}" + ("" if row.kind == "budget" else f", {_metric(row.metric)}")


def _metric(metric: str) -> str:
    return _WORDS.get(metric) or wording.metric_name(metric)


def _sides(row: GateCheck) -> str:
    """Return the values before and now, if there are both."""
    if row.sides is None:
        return fmt.NOTHING
    unit = row.unit.removesuffix("/req").replace("us", "µs")
    return f"{' → '.join(map(fmt.number, row.sides))} {unit}".rstrip()
