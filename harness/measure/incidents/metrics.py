"""Metrics of an incident, arm by arm, from its timeline. Pure."""

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


def incidents(record: IncidentRecord) -> list[Incident]:
    """Return one row per arm, in the order of the suite."""
    return [_incident(record, users.target.arm) for users in record.plan.parties]


def _incident(record: IncidentRecord, arm: str) -> Incident:
    bins = [time_bin for time_bin in record.timeline.bins if time_bin.arm == arm]
    events = [event for event in record.events if event.arm in ("", arm)]
    outcomes = sum((Counter(time_bin.outcomes) for time_bin in bins), Counter[str]())
    bad = [time_bin.number for time_bin in bins if failed(time_bin.outcomes)]
    slowest_ns = {time_bin.number: time_bin.slowest_ns for time_bin in bins}
    count = max(slowest_ns, default=-1) + 1
    not_sent = outcomes[NOT_SENT]
    requests = outcomes.total() - not_sent
    return Incident(
        scenario=record.scenario.name,
        load=record.scenario.load.label,
        params=record.scenario.params,
        kind=record.kind,
        arm=arm,
        seconds=record.measured_s,
        events=[IncidentEvent(at_s=event.at_ns / 1e9, what=event.what) for event in events],
        requests=requests,
        outcomes=dict(sorted(outcomes.items())),
        failed=failed(outcomes) - not_sent,
        not_sent=not_sent,
        failed_for_s=(bad[-1] + 1 - bad[0]) * BIN_NS / 1e9 if bad else 0.0,
        well_after_s=_well_after_s(bad, events, record.plan.duration_ns),
        logins=outcomes[LOGIN],
        peak_logins_per_s=peak(_series(bins, count, LOGIN)),
        slowest_ms=max(slowest_ns.values(), default=0) / 1e6,
        credential_lives_s=record.lifetimes_s.get(arm, 0),
        stale=[_stale(probe, events) for probe in record.timeline.watching if probe.arm == arm],
        price=record.prices.get(arm),
        bins=TimeBins(
            width_s=BIN_NS / 1e9,
            outcomes={name: _series(bins, count, name) for name in sorted(outcomes)},
            slowest_ms=[round(slowest_ns.get(number, 0) / 1e6, 3) for number in range(count)],
        ),
    )


def failed(outcomes: Mapping[str, int]) -> int:
    """Return the number of failures; arrivals that were not sent count too."""
    return sum(count for outcome, count in outcomes.items() if is_failure(outcome))


def peak(counts: Sequence[int]) -> int:
    """Return the largest count within any second of consecutive bins."""
    return max((sum(counts[start : start + _PER_SECOND]) for start in range(len(counts))), default=0)


def _series(bins: Sequence[Bin], count: int, outcome: str) -> list[int]:
    """Return the count of an outcome in each bin from the beginning."""
    counts = {time_bin.number: time_bin.outcomes.get(outcome, 0) for time_bin in bins}
    return [counts.get(number, 0) for number in range(count)]


def _well_after_s(bad: Sequence[int], events: Sequence[Event], duration_ns: int) -> float | None:
    """Return the seconds from the moment at which recovery became possible until recovery.

    None if the incident has no such moment, or if there was no recovery. Recovery means that no later bin has
    a failure; at least the last second must be free of failures.
    """
    restored_ns = next((event.at_ns for event in events if event.restores), None)
    if restored_ns is None:
        return None
    end_ns = (bad[-1] + 1) * BIN_NS if bad else 0
    if duration_ns - end_ns < 1e9:
        return None
    return max(0, end_ns - restored_ns) / 1e9


def _stale(probe: ProbeRecord, events: Sequence[Event]) -> StaleAccess:
    """Return how long a watched user's old credential still worked, by the user's reads.

    Only reads count that were sent after the change had been confirmed.
    """
    done_ns = next(event.at_ns for event in events if event.watched == probe.watched)
    later = [
        (at_ns, outcome)
        for at_ns, outcome in sorted(zip(probe.sent_ns, probe.outcomes, strict=True))
        if at_ns >= done_ns
    ]
    refused_ns = next((at_ns for at_ns, outcome in later if is_wanted(outcome)), None)
    kept = [row for row in later if refused_ns is None or row[0] < refused_ns]
    until_ns = refused_ns if refused_ns is not None else kept[-1][0] if kept else done_ns
    return StaleAccess(
        what=probe.watched,
        seconds=(until_ns - done_ns) / 1e9,
        at_least=refused_ns is None,
        reads=sum(outcome == OK for _, outcome in kept),
        readmitted=sum(outcome == OK for _, outcome in later[len(kept) :]),
    )
