"""Validity checks of an incident. Pure."""

from __future__ import annotations

from collections import Counter

from harness.analysis.checks import LAG_WARNING_US
from harness.measure.incidents.record import IncidentRecord
from harness.protocol.incidents import BIN_NS, NOT_SENT, WELL
from harness.results.model import Check


def checks(record: IncidentRecord) -> list[Check]:
    """Return all checks on one incident."""
    return [_report(record), _answers(record), _lag(record)]


def _report(record: IncidentRecord) -> Check:
    if record.timeline.complete and record.timeline.bins:
        return _ok("final report", f"{record.label}: complete, {len(record.timeline.bins)} bins.")
    return Check(
        check="final report",
        status="invalid",
        detail=f"{record.label}: the load generator ended without its final report; run again.",
    )


def _answers(record: IncidentRecord) -> Check:
    """Check that only outcomes explained by the incident occurred, and none of them before it."""
    unexplained: Counter[str] = Counter(
        {f"{text} before the load began": count for text, count in record.timeline.errors.items()}
    )
    first_bin = min(event.earliest_effect_ns for event in record.events) // BIN_NS if record.events else 0
    for time_bin in record.timeline.bins:
        for outcome, count in time_bin.outcomes.items():
            if outcome not in WELL and outcome not in record.explains[time_bin.arm]:
                unexplained[f"{outcome} at {time_bin.arm}"] += count
            elif outcome not in (*WELL, NOT_SENT) and time_bin.number < first_bin:
                unexplained[f"{outcome} at {time_bin.arm} before the incident"] += count
    if not unexplained:
        return _ok("answers", f"{record.label}: every response was correct or explained by the incident.")
    most, _ = unexplained.most_common(1)[0]
    return Check(
        check="answers",
        status="invalid",
        detail=f"{record.label}: {unexplained.total()} failures that the incident does not explain, most"
        f" often: {most}. Lower the rate, use an idle machine, or try the server manually: bench.py serve.",
    )


def _lag(record: IncidentRecord) -> Check:
    lag_us = record.timeline.lag_p99_ns / 1e3
    detail = f"{record.label}: 99 % of arrivals were sent within {lag_us:.0f} µs of their schedule"
    if lag_us <= LAG_WARNING_US:
        return _ok("arrivals on time", f"{detail}.")
    return Check(
        check="arrivals on time",
        status="warning",
        detail=f"{detail}: times are only this accurate; lower the rate or use an idle machine.",
    )


def _ok(check: str, detail: str) -> Check:
    return Check(check=check, status="ok", detail=detail)
