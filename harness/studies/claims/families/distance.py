"""The claim about distance: the round trip to the store compared with the check of a token."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from harness.analysis.stats import break_even
from harness.analysis.stats.estimate import Estimate, Ratio, geometric_mean, ratio
from harness.results.claims import ClaimFigure, Outcome, Verdict
from harness.studies.claims.claim import Claim
from harness.studies.suites import SUITE
from harness.system import processes

if TYPE_CHECKING:
    from harness.analysis.stats.break_even import BreakEven
    from harness.studies.lab import Lab

#: Fresh processes that measure the parts. The process is the unit, as the server instance is in a run.
PROCESSES: Final = 8
CONFIDENCE: Final = 0.99


def round_trip(lab: Lab) -> Outcome:
    """Measure the parts separately, and whole reads over a sweep of round trips."""
    url = lab.store_url()
    times_us = [
        json.loads(processes.run_module("harness.studies.claims.microbenchmark", ["--store", url]))
        for _ in range(PROCESSES)
    ]
    result = lab.measured(SUITE)
    return judge(
        {part: [times[part] for times in times_us] for part in ("hmac", "verify", "get")},
        break_even.find(result, "token", "cookie"),
    )


def judge(parts: dict[str, list[float]], meeting: BreakEven | None) -> Outcome:
    """Judge the claim from the times of the parts (µs, a value per process) and the break-even round trip."""
    micro = ratio(parts["verify"], parts["get"], CONFIDENCE)
    figures = [
        _part("HMAC-SHA256 of a token alone", parts["hmac"]),
        _part("whole verification of a token by PyJWT", parts["verify"]),
        _part("GET of a session by redis-py, store on the same machine", parts["get"]),
        ClaimFigure(name="GET / verification", value=micro.value, ci=(micro.low, micro.high)),
    ]
    if meeting is None:
        return Outcome(verdict="inconclusive", because="no sweep of round trips was run", figures=figures)
    figures += [
        ClaimFigure(
            name="break-even round trip, whole reads",
            value=meeting.value,
            unit="us",
            ci=(meeting.low, meeting.high),
        ),
        ClaimFigure(name="shortest round trip measured", value=meeting.nearest, unit="us"),
        ClaimFigure(name="latency of a read per µs of round trip", value=meeting.slope, unit="us"),
    ]
    verdict = _verdict(micro, meeting)
    because = {
        "supported": f"with the store on the same machine a GET takes {micro.value:.1f} times as long as a"
        f" verification, and a whole read with a session is slower at every round trip{_break_even(meeting)}",
        "refuted": f"a session with a round trip below {meeting.value:,.0f} µs is read sooner than a token is"
        " checked",
        "inconclusive": "the parts and whole reads do not agree on which takes longer",
    }
    return Outcome(verdict=verdict, because=because[verdict], figures=figures)


def _verdict(micro: Ratio, meeting: BreakEven) -> Verdict:
    if micro.low > 1 and meeting.high < meeting.nearest:
        return "supported"
    if micro.high < 1 and meeting.low > meeting.nearest:
        return "refuted"
    return "inconclusive"


def _break_even(meeting: BreakEven) -> str:
    if meeting.high < 0:
        return f", even at zero (break-even: {meeting.value:,.0f} µs)"
    return f" above {meeting.value:,.0f} µs"


def _part(name: str, values: list[float]) -> ClaimFigure:
    estimate: Estimate = geometric_mean(values, CONFIDENCE)
    ends = None if estimate.low is None or estimate.high is None else (estimate.low, estimate.high)
    return ClaimFigure(name=name, value=estimate.value, unit="us", ci=ends)


CLAIMS: Final = (
    Claim(
        1,
        "a network round trip (finding a session) takes longer than calculating an HMACSHA256 and parsing a"
        " token",
        "article",
        "measured",
        f"the parts separately in {PROCESSES} fresh processes (HMAC alone, whole verification, a GET from a"
        " store on the same machine), and whole reads with token and cookie over a sweep of round trips",
        "supported when the local GET takes longer than a verification and a read with a session is slower at"
        " the shortest round trip; refuted when both are the other way round",
        round_trip,
    ),
)
