"""How far away a session is: the round trip to the store against checking a token."""

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

#: Fresh processes that measure the parts: they are the unit, as instances of servers are.
PROCESSES: Final = 8
CONFIDENCE: Final = 0.99


def round_trip(lab: Lab) -> Outcome:
    """Measure the parts by themselves, and whole reads over a sweep of distances."""
    url = lab.store_url()
    taken = [
        json.loads(processes.run_module("harness.studies.claims.microbenchmark", ["--store", url]))
        for _ in range(PROCESSES)
    ]
    result = lab.measured(SUITE)
    return judge(
        {part: [one[part] for one in taken] for part in ("hmac", "verify", "get")},
        break_even.find(result, "token", "cookie"),
    )


def judge(parts: dict[str, list[float]], meeting: BreakEven | None) -> Outcome:
    """What the parts (us, one value a process) and the break-even round trip say together."""
    micro = ratio(parts["verify"], parts["get"], CONFIDENCE)
    figures = [
        _part("HMAC-SHA256 of a token by itself", parts["hmac"]),
        _part("whole verification of a token by PyJWT", parts["verify"]),
        _part("GET of a session by redis-py, store on the same machine", parts["get"]),
        ClaimFigure(name="GET / verification", value=micro.value, ci=(micro.low, micro.high)),
    ]
    if meeting is None:
        return Outcome(verdict="inconclusive", because="no sweep of distances was measured", figures=figures)
    figures += [
        ClaimFigure(
            name="break-even round trip, whole reads",
            value=meeting.value,
            unit="us",
            ci=(meeting.low, meeting.high),
        ),
        ClaimFigure(name="nearest round trip measured", value=meeting.nearest, unit="us"),
        ClaimFigure(name="a read's wait for each us of round trip", value=meeting.slope, unit="us"),
    ]
    verdict = _verdict(micro, meeting)
    because = {
        "supported": f"with the store on the same machine a GET takes {micro.value:.1f} times a verification,"
        f" and a whole read by session is slower at every distance{_how_far(meeting)}",
        "refuted": f"a session that is less than {meeting.value:,.0f} us away is found sooner than a token is"
        " checked",
        "inconclusive": "the parts and whole reads do not both show which takes longer",
    }
    return Outcome(verdict=verdict, because=because[verdict], figures=figures)


def _verdict(micro: Ratio, meeting: BreakEven) -> Verdict:
    if micro.low > 1 and meeting.high < meeting.nearest:
        return "supported"
    if micro.high < 1 and meeting.low > meeting.nearest:
        return "refuted"
    return "inconclusive"


def _how_far(meeting: BreakEven) -> str:
    if meeting.high < 0:
        return f": it would have to save {-meeting.value:,.0f} us elsewhere to draw level"
    return f" above {meeting.value:,.0f} us"


def _part(name: str, values: list[float]) -> ClaimFigure:
    whole: Estimate = geometric_mean(values, CONFIDENCE)
    ends = None if whole.low is None or whole.high is None else (whole.low, whole.high)
    return ClaimFigure(name=name, value=whole.value, unit="us", ci=ends)


CLAIMS: Final = (
    Claim(
        1,
        "a network round trip (finding a session) takes longer than calculating an HMACSHA256 and parsing a"
        " token",
        "article",
        "measured",
        f"the parts by themselves in {PROCESSES} fresh processes (HMAC alone, whole verification, a GET from"
        " a store on the same machine), and whole reads by token and cookie over a sweep of round trips",
        "supported when the nearest GET takes longer than a verification and a session's read would be slower"
        " at the nearest round trip; refuted when both are the other way round",
        round_trip,
    ),
)
