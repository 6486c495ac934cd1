"""Results with a known truth, as suite `claims` leaves them: over distances, profiles and sessions."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from harness.analysis.stats.estimate import geometric_mean, mean
from harness.results.metrics import METRICS
from harness.results.model import Measurement, Result

STORED: Final = Path(__file__).parent / "data" / "result.json"
CONFIDENCE: Final = 0.99
USERS: Final = 8
CLOSED: Final = f"closed, {USERS} users"
OPEN: Final = "open, 200/s constant"
#: Round trips to the store as measured, by the delay that was asked for.
RTT_US: Final = {0.0: 60.0, 0.5: 570.0, 1.0: 1080.0, 2.0: 2090.0, 5.0: 5110.0}
PROFILES: Final = (300, 1000, 2000, 4000)
SESSIONS: Final = (10_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class Truth:
    """What a scheme costs: us, bytes and operations of a read, and what a session takes in the store."""

    read_us: float
    per_rtt: float
    server_us: float
    store_us: float
    us_per_byte: float
    request_bytes: float
    bytes_per_byte: float
    session_bytes: float
    session_bytes_per_byte: float

    @property
    def asks(self) -> bool:
        """Whether a read costs a store operation."""
        return self.per_rtt > 0


TRUTHS: Final[Mapping[str, Truth]] = {
    "token": Truth(180, 0, 80, 0, 0.010, 492, 4 / 3, 0, 0),
    "token-cookie": Truth(182, 0, 82, 0, 0.010, 511, 4 / 3, 0, 0),
    "token-denylist": Truth(200, 1.00, 92, 7, 0.010, 506, 4 / 3, 144, 0),
    "opaque-bearer": Truth(195, 1.02, 84, 9, 0.002, 111, 0, 544, 1),
    "cookie": Truth(205, 1.02, 89, 9, 0.002, 112, 0, 512, 1),
}
REFRESH_US: Final = 400.0
REFRESH_OPS: Final = 5.0
REFRESH_BYTES: Final = 300.0
SWEPT: Final = ("token", "token-denylist", "cookie")


@cache
def _stored() -> Result:
    """A whole result: its run and environment stand in every one here."""
    return Result.model_validate_json(STORED.read_text(encoding="utf-8"))


class Sweeps:
    """Rows of measurements with noise between instances.

    Args:
        seed: Of the noise.
        noise: Standard deviation of an instance, as a fraction; 0 for exact figures.
        instances: Of each arm.
        truths: By arm.
    """

    def __init__(
        self, seed: int = 1, noise: float = 0.01, instances: int = 8, truths: Mapping[str, Truth] = TRUTHS
    ) -> None:
        self._dice = random.Random(seed)  # noqa: S311 - a reproducible simulation
        self._noise = noise
        self._instances = instances
        self._truths = truths

    def result(self, *parts: Iterable[Measurement]) -> Result:
        """A result of these rows: every kind where none are given."""
        rows = [row for part in parts or self.every() for row in part]
        run = _stored().run.model_copy(update={"suite": "claims", "confidence": CONFIDENCE})
        return _stored().model_copy(
            update={
                "run": run,
                "measurements": rows,
                "comparisons": [],
                "distributions": [],
                "validity": [],
            }
        )

    def every(self) -> list[list[Measurement]]:
        """All kinds, as the suite has them in order."""
        return [self.reads(), self.distances(), self.payloads(), self.populations()]

    def reads(self, arms: Sequence[str] = tuple(TRUTHS)) -> list[Measurement]:
        """Scenario saturation."""
        return [row for arm in arms for row in self._closed("saturation", {}, arm, 0)]

    def refreshes(self) -> list[Measurement]:
        """Scenario refresh, of `token-refresh`: a fourth of its CPU is the store's."""
        found = {
            "total_cpu": [REFRESH_US * f for f in self._factors()],
            "store_cpu": [REFRESH_US / 4 * f for f in self._factors()],
            "store_ops": [REFRESH_OPS] * self._instances,
            "request_bytes": [REFRESH_BYTES] * self._instances,
        }
        return [
            row_of("refresh", CLOSED, {}, "token-refresh", metric, points) for metric, points in found.items()
        ]

    def payloads(self, arms: Sequence[str] = ("token", "cookie")) -> list[Measurement]:
        """Scenario payload."""
        return [
            row
            for size in PROFILES
            for arm in arms
            for row in self._closed("payload", {"profile_bytes": size}, arm, size)
        ]

    def longest(self, found: Mapping[str, int]) -> list[Measurement]:
        """What scenario payload found of the longest profile, by arm."""
        params = {"profile_bytes": PROFILES[0]}
        return [
            row_of("payload", CLOSED, params, arm, "longest_profile", [size]) for arm, size in found.items()
        ]

    def distances(
        self, arms: Sequence[str] = SWEPT, rtt_us: Mapping[float, float] = RTT_US
    ) -> list[Measurement]:
        """Scenario distance: the same instances at every distance, so each is slow or fast in all."""
        rows = []
        for arm in arms:
            truth, own = self._truths[arm], self._factors()
            for delay, rtt in rtt_us.items():
                there = [truth.read_us + truth.per_rtt * rtt] * self._instances
                points = [one * f * g for one, f, g in zip(there, own, self._factors(), strict=True)]
                params = {"store_delay_ms": delay}
                rows += [
                    row_of("distance", OPEN, params, arm, "service_p50", points),
                    row_of("distance", OPEN, params, arm, "store_rtt", [rtt]),
                    row_of("distance", OPEN, params, arm, "store_ops", [float(truth.asks)] * self._instances),
                ]
        return rows

    def populations(self, arms: Sequence[str] = SWEPT) -> list[Measurement]:
        """Scenario population."""
        rows = []
        for count in SESSIONS:
            for arm in arms:
                truth, params = self._truths[arm], {"sessions": count}
                memory = truth.session_bytes * (count + USERS)
                reads = [truth.read_us * f for f in self._factors()]
                rows.append(row_of("population", OPEN, params, arm, "store_memory", [memory]))
                rows.append(row_of("population", OPEN, params, arm, "service_p50", reads))
        return rows

    def _closed(self, scenario: str, params: dict[str, Any], arm: str, size: int) -> list[Measurement]:
        truth = self._truths[arm]
        server = [(truth.server_us + truth.us_per_byte * size) * f for f in self._factors()]
        store = [truth.store_us * f for f in self._factors()]
        total = [one + other for one, other in zip(server, store, strict=True)]
        memory = USERS * (truth.session_bytes + truth.session_bytes_per_byte * size)
        same = [1.0] * self._instances
        found = {
            "throughput": [1e6 / one for one in total],
            "server_cpu": server,
            "store_cpu": store,
            "total_cpu": total,
            "request_bytes": [(truth.request_bytes + truth.bytes_per_byte * size) * one for one in same],
            "store_ops": [float(truth.asks) * one for one in same],
            "store_memory": [memory],
        }
        return [row_of(scenario, CLOSED, params, arm, metric, points) for metric, points in found.items()]

    def _factors(self) -> list[float]:
        return [math.exp(self._dice.gauss(0, self._noise)) for _ in range(self._instances)]


def row_of(
    scenario: str, load: str, params: dict[str, Any], arm: str, metric: str, points: Sequence[float]
) -> Measurement:
    """A row with its value and interval."""
    log = METRICS[metric].scale == "log"
    estimate = (geometric_mean if log else mean)(points, CONFIDENCE)
    ends = None if estimate.low is None or estimate.high is None else (estimate.low, estimate.high)
    return Measurement(
        scenario=scenario,
        load=load,
        params=params,
        arm=arm,
        metric=metric,
        unit=METRICS[metric].unit,
        value=estimate.value,
        ci=ends,
        instances=len(points),
        points=list(points),
        samples=1000 * len(points),
    )
