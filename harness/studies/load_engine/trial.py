"""All engines in one interleaved run: in each round every engine once, in an order of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from harness.studies.load_engine import wrk
from harness.studies.load_engine.cases import CASES, EngineCase, TrialOutcome
from harness.studies.load_engine.runner import EngineRunner
from harness.suites import catalog
from harness.suites.arms import arms_of_schemes

#: Needs no store: what is measured is a server and an engine, nothing else.
_SCHEME: Final = "token"
#: Server processes that take turns, so that none of them is all there is.
_INSTANCES: Final = 4


def measure(
    rounds: int, seconds: int, seed: int, log: Callable[[str], None]
) -> Mapping[EngineCase, Sequence[TrialOutcome]]:
    """Measure every engine in every round; wrk where it is installed.

    Args:
        rounds: How many; each starts a fresh process of every engine.
        seconds: Length of each bout, without its warm-up.
        seed: Shuffles each round.
        log: Told how far it is.

    Raises:
        EnvironmentFailedError: An engine or a server failed.
    """
    engines = [name for name in CASES if name != "wrk" or wrk.is_there()]
    if "wrk" not in engines:
        log("wrk is not installed, so nothing is held against it (Debian: apt-get install wrk)")
    found: dict[EngineCase, list[TrialOutcome]] = {case: [] for name in engines for case in CASES[name]}
    order = random.Random(seed)  # noqa: S311 - a reproducible order, not a secret
    log(f"{rounds} rounds of {', '.join(engines)}; about {_forecast_s(rounds, seconds, engines):.0f} s")
    with EngineRunner(arms_of_schemes([catalog.schemes()[_SCHEME]]).values(), _INSTANCES) as ring:
        for number in range(rounds):
            rates = []
            for name in order.sample(engines, len(engines)):
                for case, outcome in ring.fight(CASES[name], number, seconds):
                    found[case].append(outcome)
                    if case.path == "/public" and not case.rate:
                        rates.append(f"{name} {outcome.throughput:,.0f}/s")
            log(f"round {number + 1} of {rounds}; /public: {', '.join(rates)}")
    return found


def _forecast_s(rounds: int, seconds: int, engines: Sequence[str]) -> float:
    bouts = sum(len(CASES[name]) for name in engines)
    return 5 + rounds * (len(engines) * 1.2 + bouts * (seconds + 0.4))
