"""From the timeline of an incident to its figures, arm by arm. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from harness.measure.incidents.record import IncidentRecord
from harness.protocol.incidents import (
    BIN_NS,
    LOGIN,
    NOT_SENT,
    OK,
    Bin,
    Event,
    ProbeRecord,
    is_failure,
    is_wanted,
)
from harness.results.incidents import Incident, IncidentEvent, StaleAccess, TimeBins

_PER_SECOND: Final = round(1e9 / BIN_NS)


def incidents(lived: IncidentRecord) -> list[Incident]:
    """A row an arm, in the order of the suite."""
    return [_incident(lived, arm) for arm in lived.arms]


def _incident(lived: IncidentRecord, arm: str) -> Incident:
    bins = [one for one in lived.timeline.bins if one.arm == arm]
    events = [one for one in lived.events if one.arm in ("", arm)]
    outcomes = sum((Counter(one.outcomes) for one in bins), Counter[str]())
    bad = [one.number for one in bins if failed(one.outcomes)]
    count = max((one.number + 1 for one in bins), default=0)
    not_sent = outcomes[NOT_SENT]
    requests = outcomes.total() - not_sent
    return Incident(
        scenario=lived.scenario.name,
        load=lived.scenario.load.label,
        params=lived.scenario.params,
        kind=lived.kind,
        arm=arm,
        seconds=lived.measured_s,
        events=[IncidentEvent(at_s=one.at_ns / 1e9, what=one.what) for one in events],
        requests=requests,
        outcomes=dict(sorted(outcomes.items())),
        failed=failed(outcomes) - not_sent,
        not_sent=not_sent,
        failed_for_s=(bad[-1] + 1 - bad[0]) * BIN_NS / 1e9 if bad else 0.0,
        well_after_s=_well_after_s(bad, events, lived.plan.duration_ns),
        logins=outcomes[LOGIN],
        peak_logins_per_s=peak(_series(bins, count, LOGIN)),
        slowest_ms=max((one.slowest_ns for one in bins), default=0) / 1e6,
        credential_lives_s=lived.lifetimes_s.get(arm, 0),
        stale=[_stale(one, events) for one in lived.timeline.watching if one.arm == arm],
        price=lived.prices.get(arm),
        bins=TimeBins(
            width_s=BIN_NS / 1e9,
            outcomes={name: _series(bins, count, name) for name in sorted(outcomes)},
            slowest_ms=_slowest_ms(bins, count),
        ),
    )


def failed(outcomes: Mapping[str, int]) -> int:
    """How many of these are failures; arrivals that were not sent count too."""
    return sum(count for outcome, count in outcomes.items() if is_failure(outcome))


def peak(counts: Sequence[int]) -> int:
    """The most within any one second of neighbouring bins."""
    return max((sum(counts[start : start + _PER_SECOND]) for start in range(len(counts))), default=0)


def _series(bins: Sequence[Bin], count: int, outcome: str) -> list[int]:
    """How often an outcome was met, bin by bin from the beginning."""
    series = [0] * count
    for one in bins:
        series[one.number] = one.outcomes.get(outcome, 0)
    return series


def _slowest_ms(bins: Sequence[Bin], count: int) -> list[float]:
    series = [0.0] * count
    for one in bins:
        series[one.number] = round(one.slowest_ns / 1e6, 3)
    return series


def _well_after_s(bad: Sequence[int], events: Sequence[Event], duration_ns: int) -> float | None:
    """Seconds from where all could be well again until all was; None where that is not said, or never came.

    All is well when no bin holds a failure any more, to the end; a last second without any shows that.
    """
    restored_ns = next((one.at_ns for one in events if one.restores), None)
    if restored_ns is None:
        return None
    end_ns = (bad[-1] + 1) * BIN_NS if bad else 0
    if duration_ns - end_ns < 1e9:
        return None
    return max(0, end_ns - restored_ns) / 1e9


def _stale(watching: ProbeRecord, events: Sequence[Event]) -> StaleAccess:
    """For how long what somebody held still worked, by their own reads.

    Only reads count that were sent after whoever did it was told that it was done.
    """
    done_ns = next(one.at_ns for one in events if one.watched == watching.watched)
    later = [
        (at_ns, outcome)
        for at_ns, outcome in sorted(zip(watching.sent_ns, watching.outcomes, strict=True))
        if at_ns >= done_ns
    ]
    refused_ns = next((at_ns for at_ns, outcome in later if is_wanted(outcome)), None)
    kept = [row for row in later if refused_ns is None or row[0] < refused_ns]
    until_ns = refused_ns if refused_ns is not None else kept[-1][0] if kept else done_ns
    return StaleAccess(
        what=watching.watched,
        seconds=(until_ns - done_ns) / 1e9,
        at_least=refused_ns is None,
        reads=sum(outcome == OK for _, outcome in kept),
        readmitted=sum(outcome == OK for _, outcome in later[len(kept) :]),
    )
