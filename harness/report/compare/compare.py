"""Comparison of several results with the first one as the base. Pure.

On one machine times are compared, each relative to the base's. Between machines only ratios between arms are:
both arms of a ratio ran interleaved on one machine, so the machine's speed cancels out. No verdicts: runs
made one after the other differ by more than the spread within a run (docs/method.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from pydantic import Field

from harness.analysis.stats import estimate
from harness.analysis.stats.contrasts import Power, powers, ratio_powers
from harness.errors import InvalidMeasurementError, SuiteError
from harness.report.compare.comparability import differences, obstacles, subject
from harness.report.content.case import Case, cases
from harness.report.content.incidents import incidents
from harness.report.content.validity import invalid_reason
from harness.results.base import Interval, Model
from harness.results.metrics import METRICS
from harness.results.model import Result, SeriesKey
from harness.suites.arms import FLOOR

#: Metric, base of a ratio (None for a value), and arm of a row.
_Key = tuple[str, str | None, str]

_LABELS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#: Metrics shown in addition to the primary one; comparison.json has all.
_SHOWN_RATIOS: Final = ("total_cpu", "service_p50", "throughput")
_SHOWN_TIMES: Final = (*_SHOWN_RATIOS, "service_p99")


class Source(Model):
    """One of the results: its label in tables and charts, its path, and its run."""

    label: str
    place: str
    id: str
    suite: str
    started_at: str
    #: Why the result is excluded; empty if it is valid.
    invalid: str
    #: Differences from the base: name, value of the base, value of this result.
    machine: list[tuple[str, str, str]]
    software: list[tuple[str, str, str]]


class Entry(Model):
    """Value of one result, and its ratio to the base's value if both are comparable."""

    label: str
    value: float
    ci: Interval
    to_base: float | None
    to_base_ci: Interval


class ComparedRow(SeriesKey):
    """Metric of an arm, or of a pair of arms, that at least two results have."""

    primary: bool
    entries: list[Entry]


class Compared(Model):
    """Content of `comparison.json`."""

    schema_version: Literal[1] = 1
    confidence: float
    results: list[Source]
    #: False if machines or ways of measuring differ: then there are no `times`.
    same_machine: bool
    times: list[ComparedRow]
    ratios: list[ComparedRow]
    #: What not all results have, and what is not compared, in words.
    only_in: list[str] = Field(default_factory=list)

    @property
    def base(self) -> Source:
        """Return the result that the others are compared with."""
        return self.results[0]

    @property
    def compared(self) -> list[Source]:
        """Return the results that are not excluded."""
        return [source for source in self.results if not source.invalid]

    def cases(self) -> list[str]:
        """Return what at least two results measured, in the order it ran."""
        return list(dict.fromkeys(line.case for line in (*self.times, *self.ratios)))

    def shown(self, case: str, *, times: bool) -> list[ComparedRow]:
        """Return the rows of a case to show: times or ratios, the primary metric first.

        The throughput of an open loop is excluded, since it is configured.
        """
        lines, metrics = (self.times, _SHOWN_TIMES) if times else (self.ratios, _SHOWN_RATIOS)
        kept = [
            line
            for line in lines
            if line.case == case and (line.primary or (line.metric in metrics and _is_finding(line)))
        ]
        return sorted(kept, key=lambda line: _rank(line, metrics))

    def drift(self) -> list[ComparedRow]:
        """Return how the no-auth server changed, by the primary metric: its code rarely changes."""
        lines = [line for line in self.times if line.arm == FLOOR and line.primary]
        return [line for line in lines if any(entry.to_base is not None for entry in line.entries)]


def _rank(line: ComparedRow, metrics: Sequence[str]) -> tuple[bool, int, bool]:
    rank = metrics.index(line.metric) if line.metric in metrics else len(metrics)
    return not line.primary, rank, FLOOR in (line.arm, line.over)


def _is_finding(line: ComparedRow) -> bool:
    return line.metric != "throughput" or line.load.startswith("closed")


def compare(results: Sequence[tuple[str, Result]]) -> Compared:
    """Compare results with the first one.

    Args:
        results: Path and content of each result.

    Raises:
        SuiteError: There are fewer than two results, too many, or none have a case in common.
        InvalidMeasurementError: The base is invalid, or all others are.
    """
    if not 2 <= len(results) <= len(_LABELS):
        raise SuiteError(f"compare takes 2 to {len(_LABELS)} results (got {len(results)}).")
    places = [place for place, _ in results]
    if twice := [place for place in places if places.count(place) > 1]:
        raise SuiteError(f"{twice[0]} is named twice: a result cannot be compared with itself.")
    base = results[0][1]
    sources = [
        _source(label, place, result, base) for label, (place, result) in zip(_LABELS, results, strict=False)
    ]
    _refuse_invalid(sources)
    valid = {s.label: result for s, (_, result) in zip(sources, results, strict=True) if not s.invalid}
    same = not any(source.machine for source in sources if not source.invalid)
    by_title = _all_cases(valid)
    confidence, shared = base.run.confidence, list(by_title.values())
    times = [row for each in shared for row in _rows(each, _times(each), confidence)] if same else []
    ratios = [row for each in shared for row in _rows(each, _pairs(each), confidence)]
    if not times and not ratios:
        listed = "; ".join(f"{label}: {', '.join(c.title for c in cases(r))}" for label, r in valid.items())
        raise SuiteError(
            f"no two of these results have a scenario under one load in common ({listed})."
            + "".join(f" {note}." for note in _incidents(valid))
        )
    return Compared(
        confidence=confidence,
        results=sources,
        same_machine=same,
        times=times,
        ratios=ratios,
        only_in=[*_only_in(by_title, len(valid)), *_incidents(valid)],
    )


def _source(label: str, place: str, result: Result, base: Result) -> Source:
    software = differences(subject(base), subject(result))
    return Source(
        label=label,
        place=place,
        id=result.run.id,
        suite=result.run.suite,
        started_at=result.run.started_at,
        invalid="" if result.valid else invalid_reason(result),
        machine=[(name, *both) for name, both in obstacles(base, result).items()],
        software=[(name, *both) for name, both in software.items()],
    )


def _refuse_invalid(sources: Sequence[Source]) -> None:
    base, *others = sources
    if base.invalid:
        raise InvalidMeasurementError(f"{base.place} is invalid and cannot be the base: {base.invalid}")
    if all(source.invalid for source in others):
        raise InvalidMeasurementError(f"{others[0].place} is invalid: {others[0].invalid}")


def _all_cases(results: dict[str, Result]) -> dict[str, dict[str, Case]]:
    """Return each case by its title, with the results that have it, in order of first occurrence."""
    by_title: dict[str, dict[str, Case]] = {}
    for label, result in results.items():
        for case in cases(result):
            by_title.setdefault(case.title, {})[label] = case
    return by_title


def _arms(by_label: dict[str, Case]) -> list[str]:
    return list(dict.fromkeys(arm for case in by_label.values() for arm in case.arms))


def _times(by_label: dict[str, Case]) -> list[_Key]:
    return [(metric, None, arm) for metric in METRICS for arm in _arms(by_label)]


def _pairs(by_label: dict[str, Case]) -> Sequence[_Key]:
    """Return each comparison, in the direction in which it occurs first."""
    pairs: dict[tuple[str, str, str], None] = {}
    for row in (row for case in by_label.values() for row in case.comparisons()):
        if (row.metric, row.arm, row.base) not in pairs:
            pairs[row.metric, row.base, row.arm] = None
    return list(pairs)


def _ratio(case: Case, metric: str, over: str, arm: str) -> float | None:
    """Return the ratio of `arm` to `over`, inverted if the suite lists the two in the other order."""
    for row in case.comparisons(metric):
        if (row.base, row.arm) == (over, arm):
            return row.ratio
        if (row.base, row.arm) == (arm, over):
            return 1 / row.ratio
    return None


class _Value(NamedTuple):
    """Value of one result, its interval, and the instances behind it."""

    value: float
    ci: Interval
    powers: list[Power]


def _rows(by_label: dict[str, Case], keys: Sequence[_Key], confidence: float) -> Iterator[ComparedRow]:
    """Yield a row for each of these keys that at least two results have."""
    case = next(iter(by_label.values()))
    for metric, over, arm in keys:
        found = {
            label: _value(of_label, metric, over, arm, confidence) for label, of_label in by_label.items()
        }
        values = {label: value for label, value in found.items() if value is not None}
        if len(values) > 1:
            yield ComparedRow(
                scenario=case.scenario,
                load=case.load,
                params=case.params,
                metric=metric,
                arm=arm,
                over=over,
                primary=metric == case.primary_metric,
                entries=list(_entries(values, confidence)),
            )


def _value(case: Case, metric: str, over: str | None, arm: str, confidence: float) -> _Value | None:
    """Return the value of an arm, or its ratio to another one; None if the result has neither."""
    row = case.find(arm, metric)
    if over is None:
        return None if row is None else _Value(row.value, row.ci, powers(row, 1))
    base, ratio = case.find(over, metric), _ratio(case, metric, over, arm)
    groups = [] if base is None or row is None else ratio_powers(base, row)
    return None if ratio is None else _Value(ratio, _contrast(groups, confidence)[1], groups)


def _entries(values: dict[str, _Value], confidence: float) -> Iterator[Entry]:
    base = values.get(_LABELS[0])
    for label, (value, ci, now) in values.items():
        was = [] if base is None or label == _LABELS[0] else [(-power, group) for power, group in base.powers]
        to_base, to_base_ci = _contrast([*now, *was] if now and was else [], confidence)
        yield Entry(label=label, value=value, ci=ci, to_base=to_base, to_base_ci=to_base_ci)


def _contrast(groups: Sequence[Power], confidence: float) -> tuple[float | None, Interval]:
    """Return the value and interval of a contrast; none if there are no groups."""
    if not groups:
        return None, None
    value, low, high = estimate.contrast(groups, confidence)
    return value, (low, high)


def _incidents(results: dict[str, Result]) -> Iterator[str]:
    """Yield a note for each result with incidents, which are described and not estimated."""
    for label, result in results.items():
        if names := [incident.name for incident in incidents(result)]:
            yield f"{label}: incidents are described in their own result, not compared ({'; '.join(names)})"


def _only_in(by_title: dict[str, dict[str, Case]], count: int) -> Iterator[str]:
    """Yield a note for each case and arm that not all results have."""
    for title, by_label in by_title.items():
        if len(by_label) < count:
            yield f"{title}: only in {', '.join(by_label)}"
        for arm in _arms(by_label):
            labels = [label for label, case in by_label.items() if arm in case.arms]
            if len(labels) < len(by_label):
                yield f"{arm} in {title}: only in {', '.join(labels)}"
