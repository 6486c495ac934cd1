"""The straight lines that a result has for a scheme: over distance, length of profile, and sessions. Pure.

Each is None where fewer than two levels were measured.
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
#: No longer profile is tried than this (bytes): who serves it may be asked for more by nobody here.
PROFILES_TRIED: Final = 1 << 15
#: A read costs the same whatever a login did.
_PASSWORDS: Final = "password_cost"
_USERS: Final = re.compile(r"closed, (\d+) users")


def rows(
    result: Result, scenario: str, scheme: str, metric: str, along: str | None = None
) -> list[Measurement]:
    """What was measured of a scheme in whole scenarios of this name, under the first load that it ran under.

    Args:
        result: Where.
        scenario: Its name.
        scheme: The arm.
        metric: Of `METRICS`.
        along: The parameter by which the rows differ; those that differ by others are left out.
    """
    differing = {along} if along else set()
    found = [
        row
        for row in result.measurements
        if (row.scenario, row.arm, row.metric) == (scenario, scheme, metric)
        and row.params.keys() - {_PASSWORDS} == differing
    ]
    return [row for row in found if row.load == found[0].load]


def users(row: Measurement) -> int | None:
    """How many people the load logged in, where it tells: a closed one does."""
    found = _USERS.fullmatch(row.load)
    return int(found[1]) if found else None


def latency(result: Result, scheme: str) -> LinearFit | None:
    """Median service time of a read (us) over the measured round trip to the store (us)."""
    rtt_us = {row.params[DELAY]: row.value for row in rows(result, DISTANCE, scheme, "store_rtt", DELAY)}
    waits = rows(result, DISTANCE, scheme, "service_p50", DELAY)
    found = [(rtt_us[row.params[DELAY]], row) for row in waits if row.params[DELAY] in rtt_us]
    return LinearFit.through(found, alike=True)


def by_profile(result: Result, scheme: str, metric: str) -> LinearFit | None:
    """A metric of a read, in its unit, over the length of the profile (bytes)."""
    return LinearFit.through(_along(result, PAYLOAD, scheme, metric, "profile_bytes"))


def longest_profile(result: Result, scheme: str) -> int | None:
    """Bytes of the longest profile that a server reads a credential of; None where no end to it was found."""
    found = [
        int(row.value)
        for row in result.measurements
        if (row.scenario, row.arm, row.metric) == (PAYLOAD, scheme, "longest_profile")
    ]
    return min((one for one in found if one < PROFILES_TRIED), default=None)


def memory_by_profile(result: Result, scheme: str) -> LinearFit | None:
    """What a session takes in the store (bytes) over the length of the profile (bytes).

    Each length was measured with a store's keys of its own, and these are of the load's users alone.
    """
    found = _along(result, PAYLOAD, scheme, "store_memory", "profile_bytes")
    people = {users(row) for _, row in found}
    if len(people) != 1 or (count := people.pop()) is None:
        return None
    return LinearFit.through(found, 1 / count)


def memory_by_sessions(result: Result, scheme: str) -> LinearFit | None:
    """What a scheme's keys take in the store (bytes) over how many are logged in."""
    return LinearFit.through(_along(result, POPULATION, scheme, "store_memory", "sessions"))


def latency_by_sessions(result: Result, scheme: str) -> LinearFit | None:
    """Median service time of a read (us) over how many others are logged in."""
    return LinearFit.through(_along(result, POPULATION, scheme, "service_p50", "sessions"), alike=True)


def _along(
    result: Result, scenario: str, scheme: str, metric: str, key: str
) -> list[tuple[float, Measurement]]:
    return [(float(row.params[key]), row) for row in rows(result, scenario, scheme, metric, key)]
