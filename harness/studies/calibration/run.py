"""Implementation of the command `verify trials`, with and without `--gate`."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from harness.analysis.stats.sequential import LOOKS
from harness.errors import SuiteError
from harness.measure import run_folder
from harness.results import archive
from harness.studies.calibration import console as tables
from harness.studies.calibration.commits import COMMITS, Commit, GateTrial
from harness.studies.calibration.commits import summary as gate_summary
from harness.studies.calibration.error_rates import summary, usual
from harness.studies.calibration.gate import Gates
from harness.studies.calibration.trial import Trials
from harness.studies.calibration.trial_kinds import KINDS, RATES, SHAPES, Trial, TrialKind
from harness.studies.calibration.trial_log import Ledger, TrialLog, gate_log
from harness.system.cpus import cpu_model
from harness.system.output import Output

#: Space for recordings and tallies of a trial.
_TEMPORARY_BYTES: Final = 50e6

_K = TypeVar("_K", TrialKind, Commit)
_T = TypeVar("_T", Trial, GateTrial)


def chosen(names: Sequence[str], *, shapes: bool) -> list[TrialKind]:
    """Return the kinds with these names, or those for error rates; on request the other shapes, too.

    Raises:
        SuiteError: There is no kind with one of the names.
    """
    if unknown := [name for name in names if name not in KINDS]:
        raise SuiteError(f"there is no kind of trial {unknown[0]!r}; there are: {', '.join(KINDS)}.")
    named = [kind for name, kind in KINDS.items() if name in names]
    return [*(named or RATES), *(kind for kind in SHAPES if shapes and kind not in named)]


def calibrate(
    kinds: Sequence[TrialKind], trials: int, folder: Path, seed: int | None, output: Output, *, wait: bool
) -> None:
    """Make trials until the folder has this many of each kind, and print the error rates.

    Raises:
        BenchError: A trial failed; the trials before it are kept.
    """
    log = output.log
    with run_folder.machine_lock(folder, _TEMPORARY_BYTES, wait=wait, log=log):
        ledger = Ledger.find(folder, cpu_model()) or _begin(folder, seed)
        if seed not in (None, ledger.seed):
            raise SuiteError(
                f"{folder} was begun with --seed {ledger.seed}: omit the option to continue it, or name"
                " another folder with --out."
            )
        todo = missing(kinds, [trial.kind for trial in ledger.trials], trials)
        if ledger.trials:
            revisions = ", ".join(sorted({str(trial.revision)[:12] for trial in ledger.trials}))
            log(f"{len(ledger.trials)} trials of {revisions} are in {folder} already; {len(todo)} to go")
        maker = Trials()
        _make(todo, ledger, lambda kind, later: maker.make(kind, ledger.seed + later), _in_words, log)
    output.json(json.dumps(summary(ledger.trials), indent=1))
    tables.render(ledger.trials, output.console)


def calibrate_gate(trials: int, folder: Path, seed: int | None, output: Output, *, wait: bool) -> None:
    """Make trials of the gate: commits of known effect, and the answer of `bench.py check` to each.

    Raises:
        BenchError: A trial failed; the trials before it are kept.
    """
    log = output.log
    with run_folder.machine_lock(folder, _TEMPORARY_BYTES, wait=wait, log=log):
        gates = gate_log(folder, cpu_model())
        todo = missing(COMMITS, [trial.kind for trial in gates.trials], trials)
        if gates.trials:
            log(f"{len(gates.trials)} trials of the gate are in {folder} already; {len(todo)} to go")
        archive.prepare(folder)
        maker = Gates()

        def make(commit: Commit, later: int) -> GateTrial:
            return maker.make(commit, None if seed is None else seed + later)

        _make(todo, gates, make, _gate_in_words, log)
    output.json(json.dumps(gate_summary(gates.trials), indent=1))
    tables.render_gate(gates.trials, output.console)


def _make(
    todo: Sequence[_K],
    finished: TrialLog[_T],
    make: Callable[[_K, int], _T],
    in_words: Callable[[_K, _T], str],
    log: Callable[[str], None],
) -> None:
    """Make these trials, each with a larger seed than the one before, and store them one by one."""
    begun = time.monotonic()
    for number, kind in enumerate(todo, 1):
        trial = make(kind, LOOKS * len(finished.trials))
        finished.add(trial)
        left = (time.monotonic() - begun) / number * (len(todo) - number)
        log(f"{number} of {len(todo)}, {left / 60:.0f} min left; {in_words(kind, trial)}")


def _gate_in_words(commit: Commit, trial: GateTrial) -> str:
    named = ", ".join(trial.named) or "nothing"
    answer = "right" if trial.right else "WRONG" if trial.answered else "no answer"
    return f"{commit.title}: exit code {trial.exit_code}, named {named}: {answer} ({trial.seconds:.0f} s)"


def _begin(folder: Path, seed: int | None) -> Ledger:
    archive.prepare(folder)
    return Ledger.begin(folder, secrets.randbelow(2**31) if seed is None else seed, cpu_model())


def _in_words(kind: TrialKind, trial: Trial) -> str:
    if trial.verdict is None or trial.ratio is None or trial.ci is None:
        return f"{kind.title}: invalid ({', '.join(trial.invalid)})"
    low, high = trial.ci
    parts = [f"{trial.verdict} ({trial.ratio:.3f}, {low:.3f} to {high:.3f}; {trial.seconds:.0f} s)"]
    if trial.measured_added is not None:
        parts.append(f"{trial.measured_added:.2%} added")
    parts += [f"{tool}: {usual(*rates)}" for tool, rates in trial.usual.items()]
    return f"{kind.title}: {'; '.join(parts)}"


def missing(kinds: Sequence[_K], done: Sequence[str], trials: int) -> list[_K]:
    """Return the kinds of the trials still to be made, in turn, so that conditions are alike for all kinds.

    Args:
        kinds: All kinds.
        done: Names of the kinds of finished trials.
        trials: Number of trials per kind.
    """
    return [kind for number in range(trials) for kind in kinds if done.count(kind.name) <= number]
