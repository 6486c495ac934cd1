"""The cases of `bench.py verify engine`, and the result of a trial. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: Connections under saturation, as in the suites.
CONNECTIONS: Final = 8
#: Arrivals per second in open loop, which one core must sustain.
RATE: Final = 3000
#: Low, so that single responses are measured and not a queue in the load generator.
TRUTH_CONNECTIONS: Final = 2
TRUTH_RATE: Final = 500


@dataclass(frozen=True)
class EngineCase:
    """A load generator on one path.

    Attributes:
        engine: `ours`, `ours-open`, `fast-http-user`, `http-user` or `wrk`.
        path: Path of the requests.
        connections: Number of users.
        rate: Arrivals per second; 0 in closed loop.
    """

    engine: str
    path: str
    connections: int = CONNECTIONS
    rate: int = 0

    @property
    def has_truth(self) -> bool:
        """Whether the server reports the true times of its responses."""
        return self.path in TRUTH_PATHS

    @property
    def load(self) -> str:
        """Return the load in words."""
        if self.rate:
            return f"open, {self.rate}/s constant"
        return f"closed, {self.connections} users"


PATHS: Final = ("/public", "/api/restricted")
TRUTH_PATHS: Final = ("/fixed", "/bimodal")
#: By engine, since one process of an engine runs all of its cases.
CASES: Final[Mapping[str, tuple[EngineCase, ...]]] = {
    "ours": (
        *(EngineCase("ours", path) for path in PATHS),
        *(EngineCase("ours", path, TRUTH_CONNECTIONS) for path in TRUTH_PATHS),
    ),
    "ours-open": (
        *(EngineCase("ours-open", path, rate=RATE) for path in PATHS),
        *(EngineCase("ours-open", path, rate=TRUTH_RATE) for path in TRUTH_PATHS),
    ),
    "fast-http-user": tuple(EngineCase("fast-http-user", path) for path in PATHS),
    "http-user": tuple(EngineCase("http-user", path) for path in PATHS),
    "wrk": tuple(EngineCase("wrk", path) for path in PATHS),
}


@dataclass(frozen=True)
class TrialOutcome:
    """Result of one trial.

    Attributes:
        requests: Requests answered in the measured part.
        errors: Failed requests and wrong responses, as far as the engine checks them.
        elapsed_ns: Duration of the measured part, ns.
        cpu_ns: CPU time of the engine in the measured part, ns.
        server_busy: CPU usage of the server in the measured part, as a fraction of a core.
        percentiles: Percentiles by name, µs (`dropped_arrivals` is a fraction).
        truth: True percentiles of the same responses, µs, if the server reports them.
    """

    requests: int
    errors: int
    elapsed_ns: float
    cpu_ns: float
    server_busy: float
    percentiles: Mapping[str, float]
    truth: Mapping[str, float]

    @property
    def throughput(self) -> float:
        """Return the responses per second."""
        return self.requests / self.elapsed_ns * 1e9

    @property
    def client_cpu(self) -> float:
        """Return the CPU time of the engine per request, µs."""
        return self.cpu_ns / self.requests / 1e3
