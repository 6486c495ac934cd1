"""Whether what was seen of an incident may be believed. Pure."""

from __future__ import annotations

from collections import Counter

from harness.analysis.checks import LAG_WARNING_US
from harness.measure.incidents.record import IncidentRecord
from harness.protocol.incidents import BIN_NS, NOT_SENT, WELL
from harness.results.model import Check


def checks(lived: IncidentRecord) -> list[Check]:
    """All checks on one incident."""
    return [_report(lived), _answers(lived), _lag(lived)]


def _report(lived: IncidentRecord) -> Check:
    if lived.timeline.complete and lived.timeline.bins:
        return _ok("final report", f"{lived.label}: complete, {len(lived.timeline.bins)} bins.")
    return Check(
        check="final report",
        status="invalid",
        detail=f"{lived.label}: the load generator ended without its final report; run again.",
    )


def _answers(lived: IncidentRecord) -> Check:
    """Nothing but what the incident explains, and none of that before it."""
    unexplained: Counter[str] = Counter(
        {f"{text} before the load began": count for text, count in lived.timeline.errors.items()}
    )
    first_bin = min(event.bites_ns for event in lived.events) // BIN_NS if lived.events else 0
    for one in lived.timeline.bins:
        for outcome, count in one.outcomes.items():
            if outcome not in WELL and outcome not in lived.explains[one.arm]:
                unexplained[f"{outcome} at {one.arm}"] += count
            elif outcome not in (*WELL, NOT_SENT) and one.number < first_bin:
                unexplained[f"{outcome} at {one.arm} before anything was done"] += count
    if not unexplained:
        return _ok("answers", f"{lived.label}: every answer was right, or is explained by the incident.")
    most, _ = unexplained.most_common(1)[0]
    return Check(
        check="answers",
        status="invalid",
        detail=f"{lived.label}: {unexplained.total()} failures that the incident does not explain, most"
        f" often: {most}. Lower the rate, use a quieter machine, or try the server by hand: bench.py serve.",
    )


def _lag(lived: IncidentRecord) -> Check:
    lag_us = lived.timeline.lag_p99_ns / 1e3
    told = f"{lived.label}: 99 % of arrivals were sent within {lag_us:.0f} us of their schedule"
    if lag_us <= LAG_WARNING_US:
        return _ok("arrivals on time", f"{told}.")
    return Check(
        check="arrivals on time",
        status="warning",
        detail=f"{told}: moments hold this lag; lower the rate or use a quieter machine.",
    )


def _ok(check: str, detail: str) -> Check:
    return Check(check=check, status="ok", detail=detail)
