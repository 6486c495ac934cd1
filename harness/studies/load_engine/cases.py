"""What `bench.py verify engine` puts against what, and what one bout found. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

#: Connections under saturation, as the suites have.
CONNECTIONS: Final = 8
#: Arrivals a second in open loop, which one core must keep up with.
RATE: Final = 3000
#: Few and far between, so that what is measured is one answer and not a queue in the load generator.
TRUTH_CONNECTIONS: Final = 2
TRUTH_RATE: Final = 500


@dataclass(frozen=True)
class EngineCase:
    """One engine on one path.

    Attributes:
        engine: `ours`, `ours-open`, `fast-http-user`, `http-user` or `wrk`.
        path: What it asks for.
        connections: Users.
        rate: Arrivals a second; 0 in closed loop.
    """

    engine: str
    path: str
    connections: int = CONNECTIONS
    rate: int = 0

    @property
    def has_truth(self) -> bool:
        """Whether its server knows how long its answers took."""
        return self.path in TRUTH_PATHS

    @property
    def load(self) -> str:
        """The load in words."""
        if self.rate:
            return f"open, {self.rate}/s constant"
        return f"closed, {self.connections} users"


PATHS: Final = ("/public", "/api/restricted")
TRUTH_PATHS: Final = ("/fixed", "/bimodal")
#: By engine, since one process of an engine goes through all of its cases.
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
    """What one bout found.

    Attributes:
        requests: Answered in the measured part.
        errors: Of these, how many failed or answered wrongly, as far as the engine looks.
        elapsed_ns: Length of the measured part.
        cpu_ns: CPU time of the engine in it.
        server_busy: The server's share of its CPU in it.
        percentiles: By name, in us (`dropped_arrivals` is a fraction).
        truth: The true percentiles of the same answers, in us, where the server knows them.
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
        """Answers a second."""
        return self.requests / self.elapsed_ns * 1e9

    @property
    def client_cpu(self) -> float:
        """CPU time of the engine a request, in us."""
        return self.cpu_ns / self.requests / 1e3
