"""Content of a gate's page: verdict, tables and notes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from harness.report.content import environment, validity
from harness.report.content import format as fmt
from harness.report.content.tables import Table
from harness.results.gate import GateCheck, GateSide, GateVerdict, Reference
from harness.results.metrics import METRICS
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
    against = _against(result)
    if worst == "pass":
        return f"No regression{against}: all {len(rows)} figures are within their limits."
    what = "; ".join(describe_row(row) for row in rows)
    return f"{'Regression' if worst == 'regression' else 'Inconclusive'}{against}: {what}."


def invalid(result: Result) -> list[str]:
    """Return the failed validity checks of a measurement."""
    return [validity.describe_check(check) for check in validity.checks(result, "invalid")]


def tables(result: Result) -> list[Table]:
    """Return a table of ratios and a table of values with limits; the worst rows first in each."""
    rows = sorted(result.gate, key=lambda row: _WORST_FIRST.index(row.answer))
    ratios = [row for row in rows if row.is_ratio]
    values = [row for row in rows if not row.is_ratio]
    several = len({(row.scenario, row.load) for row in rows}) > 1
    filled = []
    if ratios:
        then = "before" if result.comparand is not None and result.comparand.kind == "revision" else "then"
        heads = ["what", f"{then} → now", "change", "CI", "limit", "min.\ndetectable", "verdict"]
        filled.append(Table("Changes", heads, [_ratio_cells(row, several) for row in ratios]))
    if values:
        heads = ["what", "now", "CI", "limit", "verdict"]
        filled.append(Table("Limits", heads, [_value_cells(row, several) for row in values]))
    return filled


def notes(result: Result) -> list[str]:
    """Return how to read the tables, and how the figures were measured."""
    confidence = fmt.whole_percent(result.run.comparisons_confidence)
    lines = [*invalid(result), *([_compared_with(result.comparand)] if result.comparand else [])]
    cases = dict.fromkeys(f"{row.scenario} ({row.load})" for row in result.gate)
    lines.append(f"measured: {', '.join(cases)}.")
    if any(row.is_ratio for row in result.gate):
        lines.append(
            f"change: now relative to before; CI: its {confidence} confidence interval, from the spread"
            " between server processes; min. detectable: the minimum detectable difference, half the width"
            " of that interval if nothing had changed. More is worse."
        )
    lines.append(
        "pass: the CI lies within the limit. regression: it lies entirely beyond, Holm-adjusted for the"
        " number of figures, and fresh servers confirmed it. inconclusive: neither, after"
        f" {result.run.batches} of up to {result.run.looks} batches of servers."
    )
    lines += [
        f"{row.subject}, {_metric(row.metric)}: {row.detail}."
        for row in result.gate
        if row.answer == "inconclusive"
    ]
    unjudged = dict.fromkeys(row.detail for row in result.gate if row.answer == "not judged")
    lines += [f"not judged: {detail}." for detail in unjudged]
    return [*lines, *environment.describe(result), *environment.findings(result)]


def _compared_with(other: Reference) -> str:
    if other.kind == "revision":
        return (
            f"before: commit {other.name[:10]} ({_quoted(other.title)}); now: the working tree"
            f"{_at_commit(other.sides)}. {_what_differs(other)}."
            " Both ran interleaved on this machine in random order, so that noise affects both alike."
        )
    baseline = f"then: {other.name} ({other.title}), "
    if other.same_machine:
        return baseline + "measured on the same kind of machine, so absolute times are shown too."
    differences = "; ".join(other.differing)
    return baseline + f"measured under other conditions, so absolute times are not compared ({differences})."


def _at_commit(sides: Sequence[GateSide]) -> str:
    """Return the commit of the working tree, and whether it has uncommitted changes."""
    if not sides:
        return ""
    return f" at {sides[1].commit[:10]}{', with uncommitted changes' if sides[1].dirty else ''}"


def _what_differs(other: Reference) -> str:
    """Return whether code, lock file, both or neither differ, and which interpreters ran the servers."""
    count = len(other.differing)
    code = f"{count} file(s) of the servers differ" if count else "the servers' code is the same"
    if not other.sides:
        return code[:1].upper() + code[1:]
    before, now = other.sides
    if before.lock != now.lock:
        lock = f"their lock file differs ({_packages(before.packages, now.packages)})"
    else:
        lock = "so is their lock file" if not count else "their lock file is the same"
        lock = lock if now.lock else "the suite names no lock file"
    served = [f"{side.python} ({side.environment})" for side in other.sides]
    if before.environment == now.environment:
        by = f"Interpreter of both: {served[0]}"
    else:
        by = f"Interpreters: before {served[0]}, now {served[1]}"
    return f"{code[:1].upper()}{code[1:]}; {lock}. {by}"


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


def _against(result: Result) -> str:
    other = result.comparand
    if other is None:
        return ""
    return f" against {other.name[:10] if other.kind == 'revision' else other.name}"


def describe_row(row: GateCheck) -> str:
    """Return a row's value and its limit in a few words."""
    if row.value is None:
        return f"{row.subject}: not enough data to decide"
    if row.kind == "budget":
        return f"{row.subject} ({fmt.number(row.value)} against {fmt.number(row.limit or 0)})"
    if not row.is_ratio:
        limit = fmt.number(row.limit or 0)
        return f"{row.subject} {_metric(row.metric)} {fmt.number(row.value)} (limit {limit})"
    change, limit = fmt.change(row.value), fmt.change(row.limit or 1)
    return f"{row.subject} {_metric(row.metric)} {change} (limit {limit})"


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
    if metric in _WORDS:
        return _WORDS[metric]
    title = METRICS[metric].title if metric in METRICS else metric
    return title[:1].lower() + title[1:]


def _sides(row: GateCheck) -> str:
    """Return the values before and now, if there are both."""
    if row.sides is None:
        return fmt.NOTHING
    unit = row.unit.removesuffix("/req").replace("us", "µs")
    return f"{' → '.join(map(fmt.number, row.sides))} {unit}".rstrip()
