"""Texts of a comparison of results. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.report.compare.compare import Compared, ComparedRow, Entry, Source
from harness.report.content import format as fmt
from harness.report.content.wording import metric_name
from harness.results.base import Interval
from harness.results.metrics import METRICS

#: Title of a table, by whether it has times.
TITLES: Final = {True: "Times and rates", False: "Ratios between schemes"}


def source(result: Source) -> str:
    """Return the run of a label, and whether it is excluded."""
    started = result.started_at[:16].replace("T", " ")
    text = f"{result.label}  {result.place}: suite {result.suite}, {started}"
    return text + (f"; INVALID, excluded: {result.invalid}" if result.invalid else "")


def software(compared: Compared) -> list[str]:
    """Return the software that differs from the base, per result with other software."""
    return [
        f"Software, {compared.base.label} / {other.label}: {_listed(other.software)}."
        for other in compared.compared[1:]
        if other.software
    ]


def limitations(compared: Compared) -> list[str]:
    """Return what is compared, why, and what the comparison cannot show."""
    if compared.same_machine:
        return [_SAME_MACHINE, _NO_VERDICT, *map(_drift, compared.drift())]
    base = compared.base.label
    differing = [
        f"{base} / {other.label}: {_listed(other.machine)}" for other in compared.compared if other.machine
    ]
    return [f"Different conditions. {'. '.join(differing)}.", _NO_TIMES, _NO_VERDICT]


def _listed(differences: Sequence[tuple[str, str, str]]) -> str:
    return "; ".join(f"{name} {was} / {now}" for name, was, now in differences)


def metric(name: str, *, primary: bool, unit: bool) -> str:
    """Return the heading of a metric: its title, its unit, and notes."""
    details = METRICS[name]
    notes = [
        *([details.unit.replace("us", "µs")] if unit else []),
        *(["primary"] if primary else []),
        *(["larger is better"] if details.larger_is_better else []),
    ]
    return details.title + (f" ({', '.join(notes)})" if notes else "")


def relative(compared: Compared) -> str:
    """Return the heading of the column with ratios to the base."""
    return f"ratio to {compared.base.label} ({fmt.whole_percent(compared.confidence)} CI)"


def value(line: ComparedRow, entry: Entry) -> str:
    """Return the value of one result with its interval."""
    return (fmt.with_interval if line.over is None else _ratio)(entry.value, entry.ci)


def to_base(entry: Entry) -> str:
    """Return the ratio of a value to the base's with its interval; empty if they are not comparable."""
    return "" if entry.to_base is None else _ratio(entry.to_base, entry.to_base_ci)


def _ratio(ratio: float, ci: Interval) -> str:
    return fmt.ratio(ratio) + ("" if ci is None else f" ({fmt.ratio_interval(ci)})")


def _drift(line: ComparedRow) -> str:
    """Return how far the machine drifted, by the change of the no-auth server."""
    base, *others = line.entries
    factors = [f"{to_base(e)} to {e.label}" for e in others if e.to_base is not None]
    return (
        f"Machine drift: from {base.label} the no-auth server ({line.arm}) changed by a factor of"
        f" {', '.join(factors)} in {metric_name(line.metric)}, {line.case}. If the CI excludes 1, the"
        " machine drifted, unless the code of that server changed."
    )


_NO_TIMES = (
    "Times and rates are not compared, since machines or ways of measuring differ: the differences would be"
    " those of the machines, not of the schemes. Ratios between schemes are compared, since both schemes of"
    " a ratio ran interleaved on one machine."
)
_SAME_MACHINE = (
    "Same machine, as far as results record it. But the runs were made one after the other, and machines"
    " drift: neighbours, clock rate, caches. The CIs of times cover only the spread within a run and are"
    " too narrow for that. Ratios between schemes are affected less, since what changes both schemes"
    " equally cancels out."
)
_NO_VERDICT = "Therefore there is no verdict. To test a change, measure both versions as arms of one suite."
