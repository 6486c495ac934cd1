"""Several results side by side, the first as the base of all. Pure.

On one machine, times are set side by side, and each is related to the base's. Between machines only ratios
between arms are: both arms of a ratio ran interleaved on one machine, so what that machine is falls out.
No verdicts: results of one after the other differ by more than the spread within a run (docs/method.md).
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
#: What people are shown besides the primary metric; comparison.json has all.
_SHOWN_RATIOS: Final = ("total_cpu", "service_p50", "throughput")
_SHOWN_TIMES: Final = (*_SHOWN_RATIOS, "service_p99")


class Source(Model):
    """One of the results: its label in tables and figures, where it lies, and which run it was."""

    label: str
    place: str
    id: str
    suite: str
    started_at: str
    #: Why it is left out; empty where it is valid.
    invalid: str
    #: What differs from the base: name, the base's, this one's.
    machine: list[tuple[str, str, str]]
    software: list[tuple[str, str, str]]


class Entry(Model):
    """One result's figure, and its ratio to the base's figure where both can be related."""

    label: str
    value: float
    ci: Interval
    to_base: float | None
    to_base_ci: Interval


class ComparedRow(SeriesKey):
    """One thing that two results or more have."""

    primary: bool
    entries: list[Entry]


class Compared(Model):
    """What `comparison.json` holds."""

    schema_version: Literal[1] = 1
    confidence: float
    results: list[Source]
    #: False where machines or ways of measuring differ: then there are no `times`.
    same_machine: bool
    times: list[ComparedRow]
    ratios: list[ComparedRow]
    #: What not all have, and what is not compared, in words.
    only_in: list[str] = Field(default_factory=list)

    @property
    def base(self) -> Source:
        """The result that others are related to."""
        return self.results[0]

    @property
    def compared(self) -> list[Source]:
        """The results that are not left out."""
        return [source for source in self.results if not source.invalid]

    def cases(self) -> list[str]:
        """What was measured in two results or more, in the order it ran."""
        return list(dict.fromkeys(line.case for line in (*self.times, *self.ratios)))

    def shown(self, case: str, *, times: bool) -> list[ComparedRow]:
        """The lines of a case that people are shown: times or ratios, the primary metric first.

        An open loop's throughput is what it was told to send, and so is left out.
        """
        lines, metrics = (self.times, _SHOWN_TIMES) if times else (self.ratios, _SHOWN_RATIOS)
        kept = [
            line
            for line in lines
            if line.case == case and (line.primary or (line.metric in metrics and _is_finding(line)))
        ]
        return sorted(kept, key=lambda line: _rank(line, metrics))

    def drift(self) -> list[ComparedRow]:
        """How the floor moved, by the primary metric: nobody changed what it does, most of the time."""
        lines = [line for line in self.times if line.arm == FLOOR and line.primary]
        return [line for line in lines if any(entry.to_base is not None for entry in line.entries)]


def _rank(line: ComparedRow, metrics: Sequence[str]) -> tuple[bool, int, bool]:
    rank = metrics.index(line.metric) if line.metric in metrics else len(metrics)
    return not line.primary, rank, FLOOR in (line.arm, line.over)


def _is_finding(line: ComparedRow) -> bool:
    return line.metric != "throughput" or line.load.startswith("closed")


def compare(results: Sequence[tuple[str, Result]]) -> Compared:
    """Set results side by side; the first is the base.

    Args:
        results: Where each lies, and the result.

    Raises:
        SuiteError: Fewer than two, too many, or nothing that two of them measured.
        InvalidMeasurementError: The base is invalid, or all others are.
    """
    if not 2 <= len(results) <= len(_LABELS):
        raise SuiteError(f"compare takes 2 to {len(_LABELS)} results (got {len(results)}).")
    places = [place for place, _ in results]
    if twice := [place for place in places if places.count(place) > 1]:
        raise SuiteError(f"{twice[0]} is named twice: a result has nothing to tell beside itself.")
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
            + "".join(f" {told}." for told in _incidents(valid))
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
        raise InvalidMeasurementError(f"{base.place} is invalid, so nothing compares with it: {base.invalid}")
    if all(source.invalid for source in others):
        raise InvalidMeasurementError(f"{others[0].place} is invalid: {others[0].invalid}")


def _all_cases(results: dict[str, Result]) -> list[tuple[str, dict[str, Case]]]:
    """Every case by its title, with the results that have it, in the order they are first met."""
    found: dict[str, dict[str, Case]] = {}
    for label, result in results.items():
        for case in cases(result):
            found.setdefault(case.title, {})[label] = case
    return list(found.items())


def _arms(of: dict[str, Case]) -> list[str]:
    return list(dict.fromkeys(arm for case in of.values() for arm in case.arms))


def _times(results: dict[str, Result], confidence: float) -> Iterator[ComparedRow]:
    for _, of in _all_cases(results):
        for metric in METRICS:
            for arm in _arms(of):
                rows = {label: row for label, case in of.items() if (row := case.find(arm, metric))}
                if len(rows) > 1:
                    yield _line(of, metric, arm, None, list(_time_entries(rows, confidence)))


def _time_entries(rows: dict[str, Measurement], confidence: float) -> Iterator[Entry]:
    base = rows.get(_LABELS[0])
    for label, row in rows.items():
        now, was = powers(row, 1), powers(base, -1) if base is not None and label != _LABELS[0] else []
        to_base, to_base_ci = _interval([*now, *was] if now and was else [], confidence)
        yield Entry(label=label, value=row.value, ci=row.ci, to_base=to_base, to_base_ci=to_base_ci)


def _ratios(results: dict[str, Result], confidence: float) -> Iterator[ComparedRow]:
    for _, of in _all_cases(results):
        for metric, over, arm in _pairs(of):
            rows = {label: row for label, case in of.items() if (row := _pair(case, metric, over, arm))}
            if len(rows) > 1:
                entries = list(_ratio_entries(rows, of, confidence))
                yield _line(of, metric, arm, over, entries)


def _pairs(of: dict[str, Case]) -> list[tuple[str, str, str]]:
    """Metric, base and arm of every comparison, as the first result has it that has it either way round."""
    found: dict[tuple[str, str, str], None] = {}
    for row in (row for case in of.values() for row in case.comparisons()):
        if (row.metric, row.arm, row.base) not in found:
            found[row.metric, row.base, row.arm] = None
    return list(found)


def _pair(case: Case, metric: str, over: str, arm: str) -> Comparison | None:
    """The comparison of `arm` over `over`, turned round where a suite names the two the other way."""
    for row in case.comparisons(metric):
        if (row.base, row.arm) == (over, arm):
            return row
        if (row.base, row.arm) == (arm, over):
            return row.model_copy(update={"base": over, "arm": arm, "ratio": 1 / row.ratio, "ci": None})
    return None


def _ratio_entries(rows: dict[str, Comparison], of: dict[str, Case], confidence: float) -> Iterator[Entry]:
    for label, row in rows.items():
        now = _pair_powers(of[label], row)
        was = _pair_powers(of[_LABELS[0]], row) if label != _LABELS[0] and _LABELS[0] in rows else []
        moved, moved_ci = _interval([*now, *((-power, points) for power, points in was)], confidence)
        yield Entry(
            label=label,
            value=row.ratio,
            ci=_interval(now, confidence)[1],
            to_base=moved if was else None,
            to_base_ci=moved_ci if was else None,
        )


def _interval(groups: Sequence[Power], confidence: float) -> tuple[float | None, Interval]:
    """The value and interval of a contrast; none where a group is missing."""
    if not groups:
        return None, None
    value, low, high = estimate.contrast(groups, confidence)
    return value, (low, high)


def _pair_powers(case: Case, row: Comparison) -> list[Power]:
    """The groups of a ratio of arms; none where there is no such ratio."""
    base, arm = case.find(row.base, row.metric), case.find(row.arm, row.metric)
    return [] if base is None or arm is None else ratio_powers(base, arm)


def _line(of: dict[str, Case], metric: str, arm: str, over: str | None, entries: list[Entry]) -> ComparedRow:
    case = next(iter(of.values()))
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
    """What is left out because it is described and not estimated."""
    for label, result in results.items():
        if names := [together.name for together in incidents(result)]:
            yield f"{label}: incidents are described in their own result, not compared ({'; '.join(names)})"


def _only_in(results: dict[str, Result]) -> Iterator[str]:
    """The cases and arms that not all results have."""
    for title, of in _all_cases(results):
        if len(of) < len(results):
            yield f"{title}: only in {', '.join(of)}"
        for arm in _arms(of):
            having = [label for label, case in of.items() if arm in case.arms]
            if len(having) < len(of):
                yield f"{arm} in {title}: only in {', '.join(having)}"
