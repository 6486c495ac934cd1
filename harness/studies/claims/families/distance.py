"""The claim about distance: the round trip to the store compared with the check of a token."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from harness.analysis.stats import break_even
from harness.analysis.stats.estimate import geometric_mean, ratio
from harness.results.claims import Outcome
from harness.studies.claims.claim import SUITE, Claim, estimated, figure, inconclusive, judged
from harness.system import processes

if TYPE_CHECKING:
    from harness.analysis.stats.break_even import BreakEven
    from harness.studies.lab import Lab

#: Fresh processes that measure the parts. The process is the unit, as the server instance is in a run.
PROCESSES: Final = 8
CONFIDENCE: Final = 0.99
_PARTS: Final = {
    "hmac": "HMAC-SHA256 of a token alone",
    "verify": "whole verification of a token by PyJWT",
    "get": "GET of a session by redis-py, store on the same machine",
}


def round_trip(lab: Lab) -> Outcome:
    """Measure the parts separately, and whole reads over a sweep of round trips."""
    url = lab.store_url()
    times_us = [
        json.loads(processes.run_module("harness.studies.claims.microbenchmark", ["--store", url]))
        for _ in range(PROCESSES)
    ]
    result = lab.measured(SUITE)
    return judge(
        {part: [times[part] for times in times_us] for part in _PARTS},
        break_even.find(result, "token", "cookie"),
    )


def judge(parts: dict[str, list[float]], meeting: BreakEven | None) -> Outcome:
    """Judge the claim from the times of the parts (µs, a value per process) and the break-even round trip."""
    micro = ratio(parts["verify"], parts["get"], CONFIDENCE)
    figures = [
        *(estimated(name, geometric_mean(parts[part], CONFIDENCE), "us") for part, name in _PARTS.items()),
        estimated("GET / verification", micro),
    ]
    if meeting is None:
        return inconclusive("no sweep of round trips was run", figures)
    figures += [
        figure("break-even round trip, whole reads", meeting.value, "us", (meeting.low, meeting.high)),
        figure("shortest round trip measured", meeting.nearest, "us"),
        figure("latency of a read per µs of round trip", meeting.slope, "us"),
    ]
    at = f"{meeting.value:,.0f} µs"
    above = f", even at zero (break-even: {at})" if meeting.high < 0 else f" above {at}"
    return judged(
        figures,
        supported=micro.low > 1 and meeting.high < meeting.nearest,
        refuted=micro.high < 1 and meeting.low > meeting.nearest,
        if_supported=f"with the store on the same machine a GET takes {micro.value:.1f} times as long as a"
        f" verification, and a whole read with a session is slower at every round trip{above}",
        if_refuted=f"a session with a round trip below {at} is read sooner than a token is checked",
        otherwise="the parts and whole reads do not agree on which takes longer",
    )


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
