"""What a gate found, for people: one page that needs no other. Pure."""

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
#: So many packages that differ are named.
_PACKAGES: Final = 6
_WORDS: Final = {"total_cpu": "CPU per request", "service_p50": "median service time"}


def verdict(result: Result) -> GateVerdict:
    """The answer of the whole: a single regression decides, then anything that could not be told."""
    judged = [row.answer for row in result.gate if row.answer != "not judged"]
    return min(judged, key=_WORST_FIRST.index, default="pass")


def headline(result: Result) -> str:
    """The answer in one sentence."""
    if not result.valid:
        return "Invalid: what was measured must not be believed."
    worst = verdict(result)
    rows = [row for row in result.gate if row.answer == worst]
    against = _against(result)
    if worst == "pass":
        return f"No regression{against}: all {len(rows)} figures are within their limits."
    what = "; ".join(describe_row(row) for row in rows)
    return f"{'Regression' if worst == 'regression' else 'Inconclusive'}{against}: {what}."


def invalid(result: Result) -> list[str]:
    """Why a measurement must not be believed."""
    return [validity.describe_check(check) for check in validity.checks(result, "invalid")]


def tables(result: Result) -> list[Table]:
    """Ratios, then figures with limits of their own; the worst first in each."""
    rows = sorted(result.gate, key=lambda row: _WORST_FIRST.index(row.answer))
    ratios = [row for row in rows if row.is_ratio]
    figures = [row for row in rows if not row.is_ratio]
    several = len({(row.scenario, row.load) for row in rows}) > 1
    found = []
    if ratios:
        then = "before" if result.comparand is not None and result.comparand.kind == "revision" else "then"
        heads = ["what", f"{then} → now", "change", "interval", "limit", "noise\nfloor", "answer"]
        found.append(Table("Changes", heads, [_ratio_cells(row, several) for row in ratios]))
    if figures:
        heads = ["what", "now", "interval", "limit", "answer"]
        found.append(Table("Limits", heads, [_figure_cells(row, several) for row in figures]))
    return found


def notes(result: Result) -> list[str]:
    """How to read the tables, and how it was measured."""
    confidence = fmt.whole_percent(result.run.comparisons_confidence)
    lines = [*invalid(result), *([_compared_with(result.comparand)] if result.comparand else [])]
    cases = dict.fromkeys(f"{row.scenario} ({row.load})" for row in result.gate)
    lines.append(f"measured: {', '.join(cases)}.")
    if any(row.is_ratio for row in result.gate):
        lines.append(
            "change: the ratio of now to before, less one; interval: where the true change lies, at"
            f" {confidence}, by the spread between server processes; noise floor: half the width of that"
            " interval if nothing had changed at all. More is worse."
        )
    lines.append(
        "pass: the interval lies within the limit. regression: it lies wholly beyond, with Holm's adjustment"
        " for so many questions, and fresh servers confirmed it. inconclusive: neither, after"
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
            " Both ran as arms of one run on this machine, dealt at random, so that its moods hit both alike."
        )
    told = f"then: {other.name} ({other.title}), "
    if other.same_machine:
        return told + "measured on such a machine, so raw times are told as well."
    apart = "; ".join(other.differing)
    return told + f"on another machine or in another way, so raw times are not compared ({apart})."


def _at_commit(sides: Sequence[GateSide]) -> str:
    """Where the working tree stands, and whether there is more in it."""
    if not sides:
        return ""
    return f" at {sides[1].commit[:10]}{', with changes that are not committed' if sides[1].dirty else ''}"


def _what_differs(other: Reference) -> str:
    """Code, lock file, both or neither; and which interpreters served."""
    count = len(other.differing)
    code = f"{count} file(s) of the servers differ" if count else "the servers' code is the same"
    if not other.sides:
        return code[:1].upper() + code[1:]
    before, now = other.sides
    if before.lock != now.lock:
        lock = f"their lock file differs ({_packages(before.packages, now.packages)})"
    else:
        lock = "so is their lock file" if not count else "their lock file is the same"
        lock = lock if now.lock else "no lock file is named"
    served = [f"{side.python} ({side.environment})" for side in other.sides]
    if before.environment == now.environment:
        by = f"Interpreter of both: {served[0]}"
    else:
        by = f"Interpreters: before {served[0]}, now {served[1]}"
    return f"{code[:1].upper()}{code[1:]}; {lock}. {by}"


def _packages(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """The packages that differ, as `redis 8.0.0 → 8.1.0`; the first few of many."""
    changed = [
        f"{name} {before.get(name, 'none')} → {now.get(name, 'none')}"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]
    if not changed:
        return "in no package that is installed here"
    more = len(changed) - _PACKAGES
    return ", ".join([*changed[:_PACKAGES], *([f"{more} more"] if more > 0 else [])])


def _quoted(title: str) -> str:
    """A commit's first line, which anybody may have written, without what moves a terminal's cursor."""
    return f'"{"".join(c for c in title if c.isprintable())}"'


def _against(result: Result) -> str:
    other = result.comparand
    if other is None:
        return ""
    return f" against {other.name[:10] if other.kind == 'revision' else other.name}"


def describe_row(row: GateCheck) -> str:
    """A row's figure and its limit, in a few words."""
    if row.value is None:
        return f"{row.subject} could not be told"
    if row.kind == "budget":
        return f"{row.subject} ({fmt.number(row.value)} against {fmt.number(row.limit or 0)})"
    if not row.is_ratio:
        limit = fmt.number(row.limit or 0)
        return f"{row.subject} {_metric(row.metric)} {fmt.number(row.value)} (limit {limit})"
    return f"{row.subject} {_metric(row.metric)} {_change(row.value)} (limit {_change(row.limit or 1)})"


def _ratio_cells(row: GateCheck, several: bool) -> list[str]:
    return [
        name(row, with_case=several),
        _sides(row),
        fmt.NOTHING if row.value is None else _change(row.value),
        _interval(row),
        fmt.NOTHING if row.limit is None else _change(row.limit),
        fmt.NOTHING if row.noise_floor is None else f"±{fmt.percent(row.noise_floor)}",
        row.answer,
    ]


def _figure_cells(row: GateCheck, several: bool) -> list[str]:
    return [
        name(row, with_case=several),
        fmt.NOTHING if row.value is None else fmt.number(row.value),
        fmt.NOTHING if row.ci is None else " to ".join(map(fmt.number, row.ci)),
        fmt.NOTHING if row.limit is None else f"{row.bound} {fmt.number(row.limit)}",
        row.answer,
    ]


def name(row: GateCheck, *, with_case: bool = False) -> str:
    """Whom and what a row is about."""
    where = f"{row.scenario}, {row.load}: " if with_case else ""
    return f"{where}{row.subject}" + ("" if row.kind == "budget" else f", {_metric(row.metric)}")


def _metric(metric: str) -> str:
    if metric in _WORDS:
        return _WORDS[metric]
    title = METRICS[metric].title if metric in METRICS else metric
    return title[:1].lower() + title[1:]


def _sides(row: GateCheck) -> str:
    """The figure before and now, where there are both."""
    if row.sides is None:
        return fmt.NOTHING
    return f"{' → '.join(map(fmt.number, row.sides))} {row.unit.removesuffix('/req')}".rstrip()


def _interval(row: GateCheck) -> str:
    return (
        fmt.NOTHING if row.ci is None else f"{_change(row.ci[0]).removesuffix(' %')} to {_change(row.ci[1])}"
    )


def _change(ratio: float) -> str:
    return f"{(ratio - 1) * 100:+.1f} %"
