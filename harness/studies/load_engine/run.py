"""Implementation of the command `verify engine`: all load generators run once per round, in random order."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from harness.studies.goals import goals_table
from harness.studies.load_engine import wrk
from harness.studies.load_engine.cases import CASES, EngineCase, TrialOutcome
from harness.studies.load_engine.rows import EngineRow, goals, rows
from harness.studies.load_engine.runner import engine_runner
from harness.suites import catalog
from harness.suites.arms import arms_of_schemes
from harness.system import run_lock
from harness.system.output import Output

#: Scheme without a store, so that only a server and an engine are measured.
_SCHEME: Final = "token"
#: Server processes that take turns, so that the results do not depend on one process.
_INSTANCES: Final = 4


def measure(rounds: int, seconds: int, seed: int, output: Output, *, wait: bool) -> None:
    """Measure all load generators and print the results.

    Raises:
        EnvironmentFailedError: An engine or a server failed, or another run is in progress.
    """
    with run_lock.machine_lock(Path(), wait=wait, log=output.log):
        measured = rows(measure_rounds(rounds, seconds, seed, output.log))
    output.json(json.dumps([asdict(row) for row in measured], indent=1))
    render(measured, output.console)


def measure_rounds(
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
    with engine_runner(arms_of_schemes([catalog.schemes()[_SCHEME]]).values(), _INSTANCES) as runner:
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


def render(rows: Sequence[EngineRow], console: Console) -> None:
    """Print the measured rates and latencies, and the goals for them, in 80 columns."""
    for table in (_rates(rows), _latencies(rows), goals_table(goals(rows), "not measured")):
        console.print(table)
        console.print()


def _table(words: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in words:
        table.add_column(heading, no_wrap=True)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _rates(rows: Sequence[EngineRow]) -> Table:
    table = _table(("engine", "path", "load"), ("req/s", "CPU µs/req", "server"))
    for row in rows:
        spins = "lag_p99" in row.percentiles
        table.add_row(
            row.engine,
            row.path,
            row.load.removesuffix(" constant"),
            f"{row.throughput:,.0f}",
            "spins" if spins else f"{row.client_cpu:.1f}",
            f"{row.server_busy:.0%}",
        )
    return table


def _latencies(rows: Sequence[EngineRow]) -> Table:
    table = _table(("service time reported by", "path"), ("p50 µs", "p90 µs", "p99 µs", "lag p99 µs"))
    for row in rows:
        percentiles = row.percentiles
        table.add_row(
            row.engine,
            row.path,
            *(f"{percentiles[f'service_{name}']:,.0f}" for name in ("p50", "p90", "p99")),
            f"{percentiles['lag_p99']:,.0f}" if "lag_p99" in percentiles else "",
        )
    return table
