"""Comparison of several results with the first one as the base. Pure.

On one machine times are compared, each relative to the base's. Between machines only ratios between arms are:
both arms of a ratio ran interleaved on one machine, so the machine's speed cancels out. No verdicts: runs
made one after the other differ by more than the spread within a run (docs/method.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal

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
from harness.results.model import Comparison, Measurement, Result, SeriesKey
from harness.suites.arms import FLOOR

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
    times = list(_times(valid, base.run.confidence)) if same else []
    ratios = list(_ratios(valid, base.run.confidence))
    if not times and not ratios:
        listed = "; ".join(f"{label}: {', '.join(c.title for c in cases(r))}" for label, r in valid.items())
        raise SuiteError(
            f"no two of these results have a scenario under one load in common ({listed})."
            + "".join(f" {note}." for note in _incidents(valid))
        )
    return Compared(
        confidence=base.run.confidence,
        results=sources,
        same_machine=same,
        times=times,
        ratios=ratios,
        only_in=[*_only_in(valid), *_incidents(valid)],
    )


def _source(label: str, place: str, result: Result, base: Result) -> Source:
    machine = obstacles(base, result)
    software = differences(subject(base), subject(result))
    return Source(
        label=label,
        place=place,
        id=result.run.id,
        suite=result.run.suite,
        started_at=result.run.started_at,
        invalid="" if result.valid else invalid_reason(result),
        machine=[(name, *both) for name, both in machine.items()],
        software=[(name, *both) for name, both in software.items()],
    )


def _refuse_invalid(sources: Sequence[Source]) -> None:
    base, *others = sources
    if base.invalid:
        raise InvalidMeasurementError(f"{base.place} is invalid and cannot be the base: {base.invalid}")
    if all(source.invalid for source in others):
        raise InvalidMeasurementError(f"{others[0].place} is invalid: {others[0].invalid}")


def _all_cases(results: dict[str, Result]) -> list[tuple[str, dict[str, Case]]]:
    """Return each case by its title, with the results that have it, in order of first occurrence."""
    by_title: dict[str, dict[str, Case]] = {}
    for label, result in results.items():
        for case in cases(result):
            by_title.setdefault(case.title, {})[label] = case
    return list(by_title.items())


def _arms(by_label: dict[str, Case]) -> list[str]:
    return list(dict.fromkeys(arm for case in by_label.values() for arm in case.arms))


def _times(results: dict[str, Result], confidence: float) -> Iterator[ComparedRow]:
    for _, by_label in _all_cases(results):
        for metric in METRICS:
            for arm in _arms(by_label):
                rows = {label: row for label, case in by_label.items() if (row := case.find(arm, metric))}
                if len(rows) > 1:
                    yield _compared_row(by_label, metric, arm, None, list(_time_entries(rows, confidence)))


def _time_entries(rows: dict[str, Measurement], confidence: float) -> Iterator[Entry]:
    base = rows.get(_LABELS[0])
    for label, row in rows.items():
        now, was = powers(row, 1), powers(base, -1) if base is not None and label != _LABELS[0] else []
        to_base, to_base_ci = _interval([*now, *was] if now and was else [], confidence)
        yield Entry(label=label, value=row.value, ci=row.ci, to_base=to_base, to_base_ci=to_base_ci)


def _ratios(results: dict[str, Result], confidence: float) -> Iterator[ComparedRow]:
    for _, by_label in _all_cases(results):
        for metric, over, arm in _pairs(by_label):
            rows = {label: row for label, case in by_label.items() if (row := _pair(case, metric, over, arm))}
            if len(rows) > 1:
                entries = list(_ratio_entries(rows, by_label, confidence))
                yield _compared_row(by_label, metric, arm, over, entries)


def _pairs(by_label: dict[str, Case]) -> list[tuple[str, str, str]]:
    """Return metric, base and arm of each comparison, in the direction in which it occurs first."""
    pairs: dict[tuple[str, str, str], None] = {}
    for row in (row for case in by_label.values() for row in case.comparisons()):
        if (row.metric, row.arm, row.base) not in pairs:
            pairs[row.metric, row.base, row.arm] = None
    return list(pairs)


def _pair(case: Case, metric: str, over: str, arm: str) -> Comparison | None:
    """Return the comparison of `arm` over `over`, inverted if the suite lists the two in the other order."""
    for row in case.comparisons(metric):
        if (row.base, row.arm) == (over, arm):
            return row
        if (row.base, row.arm) == (arm, over):
            return row.model_copy(update={"base": over, "arm": arm, "ratio": 1 / row.ratio, "ci": None})
    return None


def _ratio_entries(
    rows: dict[str, Comparison], by_label: dict[str, Case], confidence: float
) -> Iterator[Entry]:
    for label, row in rows.items():
        now = _pair_powers(by_label[label], row)
        was = _pair_powers(by_label[_LABELS[0]], row) if label != _LABELS[0] and _LABELS[0] in rows else []
        moved, moved_ci = _interval([*now, *((-power, points) for power, points in was)], confidence)
        yield Entry(
            label=label,
            value=row.ratio,
            ci=_interval(now, confidence)[1],
            to_base=moved if was else None,
            to_base_ci=moved_ci if was else None,
        )


def _interval(groups: Sequence[Power], confidence: float) -> tuple[float | None, Interval]:
    """Return the value and interval of a contrast; none if there are no groups."""
    if not groups:
        return None, None
    value, low, high = estimate.contrast(groups, confidence)
    return value, (low, high)


def _pair_powers(case: Case, row: Comparison) -> list[Power]:
    """Return the groups of a ratio between arms; none if an arm was not measured."""
    base, arm = case.find(row.base, row.metric), case.find(row.arm, row.metric)
    return [] if base is None or arm is None else ratio_powers(base, arm)


def _compared_row(
    by_label: dict[str, Case], metric: str, arm: str, over: str | None, entries: list[Entry]
) -> ComparedRow:
    case = next(iter(by_label.values()))
    return ComparedRow(
        scenario=case.scenario,
        load=case.load,
        params=case.params,
        metric=metric,
        arm=arm,
        over=over,
        primary=metric == case.primary_metric,
        entries=entries,
    )


def _incidents(results: dict[str, Result]) -> Iterator[str]:
    """Yield a note for each result with incidents, which are described and not estimated."""
    for label, result in results.items():
        if names := [incident.name for incident in incidents(result)]:
            yield f"{label}: incidents are described in their own result, not compared ({'; '.join(names)})"


def _only_in(results: dict[str, Result]) -> Iterator[str]:
    """Yield a note for each case and arm that not all results have."""
    for title, by_label in _all_cases(results):
        if len(by_label) < len(results):
            yield f"{title}: only in {', '.join(by_label)}"
        for arm in _arms(by_label):
            labels = [label for label, case in by_label.items() if arm in case.arms]
            if len(labels) < len(by_label):
                yield f"{arm} in {title}: only in {', '.join(labels)}"
