"""Interleaved run of all load generators: each runs once per round, in random order."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from harness.studies.load_engine import wrk
from harness.studies.load_engine.cases import CASES, EngineCase, TrialOutcome
from harness.studies.load_engine.runner import EngineRunner
from harness.suites import catalog
from harness.suites.arms import arms_of_schemes

#: Scheme without a store, so that only a server and an engine are measured.
_SCHEME: Final = "token"
#: Server processes that take turns, so that the results do not depend on one process.
_INSTANCES: Final = 4


def measure(
    rounds: int, seconds: int, seed: int, log: Callable[[str], None]
) -> Mapping[EngineCase, Sequence[TrialOutcome]]:
    """Measure every engine in every round; wrk only if it is installed.

    Args:
        rounds: Number of rounds; each starts a fresh process of every engine.
        seconds: Duration of each trial, without its warm-up.
        seed: Seed of the order in each round.
        log: Receives progress messages.

    Raises:
        EnvironmentFailedError: An engine or a server failed.
    """
    engines = [name for name in CASES if name != "wrk" or wrk.is_installed()]
    if "wrk" not in engines:
        log("wrk is not installed, so there is no comparison with it (Debian: apt-get install wrk)")
    outcomes: dict[EngineCase, list[TrialOutcome]] = {case: [] for name in engines for case in CASES[name]}
    order = random.Random(seed)  # noqa: S311 - a reproducible order, not a secret
    log(f"{rounds} rounds of {', '.join(engines)}; about {_forecast_s(rounds, seconds, engines):.0f} s")
    with EngineRunner(arms_of_schemes([catalog.schemes()[_SCHEME]]).values(), _INSTANCES) as runner:
        for number in range(rounds):
            rates = []
            for name in order.sample(engines, len(engines)):
                for case, outcome in runner.run_trials(CASES[name], number, seconds):
                    outcomes[case].append(outcome)
                    if case.path == "/public" and not case.rate:
                        rates.append(f"{name} {outcome.throughput:,.0f}/s")
            log(f"round {number + 1} of {rounds}; /public: {', '.join(rates)}")
    return outcomes


def _forecast_s(rounds: int, seconds: int, engines: Sequence[str]) -> float:
    trials = sum(len(CASES[name]) for name in engines)
    return 5 + rounds * (len(engines) * 1.2 + trials * (seconds + 0.4))
