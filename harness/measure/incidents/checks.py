"""Validity checks of an incident. Pure."""

from __future__ import annotations

from collections import Counter

from harness.analysis.checks import LAG_WARNING_US
from harness.measure.incidents.record import IncidentRecord
from harness.protocol.incidents import BIN_NS, NOT_SENT, WELL
from harness.results.base import Status
from harness.results.model import Check


def checks(record: IncidentRecord) -> list[Check]:
    """Return all checks on one incident."""
    rows = [_report(record), _answers(record), _lag(record)]
    label = record.scenario.label
    return [Check(check=name, status=status, detail=f"{label}: {detail}") for name, status, detail in rows]


def _report(record: IncidentRecord) -> tuple[str, Status, str]:
    if record.timeline.complete and record.timeline.bins:
        return "final report", "ok", f"complete, {len(record.timeline.bins)} bins."
    return "final report", "invalid", "the load generator ended without its final report; run again."


def _answers(record: IncidentRecord) -> tuple[str, Status, str]:
    """Check that only outcomes explained by the incident occurred, and none of them before it."""
    unexplained: Counter[str] = Counter(
        {f"{text} before the load began": count for text, count in record.timeline.errors.items()}
    )
    effects_ns = [event.at_ns if event.begun_ns is None else event.begun_ns for event in record.events]
    first_bin = min(effects_ns, default=0) // BIN_NS
    for time_bin in record.timeline.bins:
        for outcome, count in time_bin.outcomes.items():
            if outcome not in WELL and outcome not in record.explains[time_bin.arm]:
                unexplained[f"{outcome} at {time_bin.arm}"] += count
            elif outcome not in (*WELL, NOT_SENT) and time_bin.number < first_bin:
                unexplained[f"{outcome} at {time_bin.arm} before the incident"] += count
    if not unexplained:
        return "answers", "ok", "every response was correct or explained by the incident."
    most, _ = unexplained.most_common(1)[0]
    detail = f"{unexplained.total()} failures that the incident does not explain, most often: {most}."
    remedy = "Lower the rate, use an idle machine, or try the server manually: bench.py serve."
    return "answers", "invalid", f"{detail} {remedy}"


def _lag(record: IncidentRecord) -> tuple[str, Status, str]:
    lag_us = record.timeline.lag_p99_ns / 1e3
    detail = f"99 % of arrivals were sent within {lag_us:.0f} µs of their schedule"
    if lag_us <= LAG_WARNING_US:
        return "arrivals on time", "ok", f"{detail}."
    remedy = "times are only this accurate; lower the rate or use an idle machine."
    return "arrivals on time", "warning", f"{detail}: {remedy}"
