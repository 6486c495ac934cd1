"""Linear fits of a scheme over store distance, profile length and number of sessions. Pure.

Each is None if fewer than two levels were measured.
"""

from __future__ import annotations

import re
from typing import Final

from harness.analysis.stats.linear_fit import LinearFit
from harness.results.model import Measurement, Result

DISTANCE: Final = "distance"
PAYLOAD: Final = "payload"
POPULATION: Final = "population"
DELAY: Final = "store_delay_ms"
#: Length of the longest profile that is tried, in bytes; a server that accepts it has no known limit.
PROFILES_TRIED: Final = 1 << 15
#: Parameter that is ignored, since the cost of a read does not depend on the login.
_PASSWORDS: Final = "password_cost"
_USERS: Final = re.compile(r"closed, (\d+) users")


def rows(
    result: Result, scenario: str, scheme: str, metric: str, along: str | None = None
) -> list[Measurement]:
    """Return the measurements of a scheme in a scenario, without single steps, under the first load only.

    Args:
        result: Result to read.
        scenario: Name of the scenario.
        scheme: Arm.
        metric: Name in `METRICS`.
        along: Parameter that varies between the rows; rows with other parameters are excluded.
    """
    differing = {along} if along else set()
    matches = [
        row
        for row in result.measurements
        if (row.scenario, row.arm, row.metric) == (scenario, scheme, metric)
        and row.params.keys() - {_PASSWORDS} == differing
    ]
    return [row for row in matches if row.load == matches[0].load]


def users(row: Measurement) -> int | None:
    """Return the number of users that a closed load logged in; None for an open load."""
    match = _USERS.fullmatch(row.load)
    return int(match[1]) if match else None


def latency(result: Result, scheme: str) -> LinearFit | None:
    """Return the median service time of a read (us) over the measured round trip to the store (us)."""
    rtt_us = {row.params[DELAY]: row.value for row in rows(result, DISTANCE, scheme, "store_rtt", DELAY)}
    latencies = rows(result, DISTANCE, scheme, "service_p50", DELAY)
    points = [(rtt_us[row.params[DELAY]], row) for row in latencies if row.params[DELAY] in rtt_us]
    return LinearFit.through(points, alike=True)


def by_profile(result: Result, scheme: str, metric: str) -> LinearFit | None:
    """Return a metric of a read, in its unit, over the length of the profile (bytes)."""
    return LinearFit.through(_along(result, PAYLOAD, scheme, metric, "profile_bytes"))


def longest_profile(result: Result, scheme: str) -> int | None:
    """Return the longest profile, in bytes, that a server accepts in a credential; None without a limit."""
    lengths = [
        int(row.value)
        for row in result.measurements
        if (row.scenario, row.arm, row.metric) == (PAYLOAD, scheme, "longest_profile")
    ]
    return min((length for length in lengths if length < PROFILES_TRIED), default=None)


def memory_by_profile(result: Result, scheme: str) -> LinearFit | None:
    """Return the store memory of a session (bytes) over the length of the profile (bytes).

    Each length was measured with separate keys in the store, which belong to the load's users alone.
    """
    points = _along(result, PAYLOAD, scheme, "store_memory", "profile_bytes")
    user_counts = {users(row) for _, row in points}
    if len(user_counts) != 1 or (count := user_counts.pop()) is None:
        return None
    return LinearFit.through(points, 1 / count)


def memory_by_sessions(result: Result, scheme: str) -> LinearFit | None:
    """Return the store memory of a scheme's keys (bytes) over the number of sessions."""
    return LinearFit.through(_along(result, POPULATION, scheme, "store_memory", "sessions"))


def latency_by_sessions(result: Result, scheme: str) -> LinearFit | None:
    """Return the median service time of a read (us) over the number of other sessions."""
    return LinearFit.through(_along(result, POPULATION, scheme, "service_p50", "sessions"), alike=True)


def _along(
    result: Result, scenario: str, scheme: str, metric: str, key: str
) -> list[tuple[float, Measurement]]:
    return [(float(row.params[key]), row) for row in rows(result, scenario, scheme, metric, key)]
