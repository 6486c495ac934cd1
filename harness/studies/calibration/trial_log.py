"""The files of a calibration, with a line for each finished trial."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Generic, Self, TypeVar

from harness.errors import SuiteError
from harness.results.base import Model
from harness.studies.calibration.commits import GateTrial
from harness.studies.calibration.trial_kinds import Trial
from harness.system import files

FILE: Final = "trials.jsonl"
GATE_FILE: Final = "gates.jsonl"

_T = TypeVar("_T", bound=Model)


class _Head(Model):
    seed: int
    machine: str


class TrialLog(Generic[_T]):
    """A file of trials.

    Args:
        path: Path of the file.
        trials: Finished trials.
        head: Lines before those of the trials.
    """

    def __init__(self, path: Path, trials: list[_T], *head: Model) -> None:
        self._path = path
        self._head = head
        self.trials = trials

    def add(self, trial: _T) -> None:
        """Store a finished trial; it is on disk when this returns."""
        self.trials.append(trial)
        self._save()

    def _save(self) -> None:
        rows: list[Model] = [*self._head, *self.trials]
        files.write_atomically(self._path, "".join(f"{row.model_dump_json()}\n" for row in rows).encode())


class Ledger(TrialLog[Trial]):
    """The file of a calibration of verdicts, new or to be continued.

    Attributes:
        seed: Seed of the first trial; further trials use larger ones.
    """

    def __init__(self, path: Path, head: _Head, trials: list[Trial]) -> None:
        super().__init__(path, trials, head)
        self.seed = head.seed

    @classmethod
    def begin(cls, folder: Path, seed: int, machine: str) -> Self:
        """Create a new file."""
        ledger = cls(folder / FILE, _Head(seed=seed, machine=machine), [])
        ledger._save()
        return ledger

    @classmethod
    def find(cls, folder: Path, machine: str) -> Self | None:
        """Return the file in this folder; None if there is none.

        Raises:
            SuiteError: The file cannot be read, or was written on another machine.
        """
        path = folder / FILE
        with _lines(path) as lines:
            if not lines:
                return None
            head = _Head.model_validate_json(lines[0])
            trials = [Trial.model_validate_json(line) for line in lines[1:]]
        _require_machine(path, head.machine, machine)
        return cls(path, head, trials)


def gate_log(folder: Path, machine: str) -> TrialLog[GateTrial]:
    """Return the file of trials of the gate, which is written with the first trial.

    Raises:
        SuiteError: The file cannot be read, or was written on another machine.
    """
    path = folder / GATE_FILE
    with _lines(path) as lines:
        trials = [GateTrial.model_validate_json(line) for line in lines]
    for trial in trials:
        _require_machine(path, trial.machine, machine)
    return TrialLog(path, trials)


@contextlib.contextmanager
def _lines(path: Path) -> Iterator[list[str]]:
    """Yield the lines of a file, none if it does not exist; errors name the file and the remedy."""
    try:
        yield path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    except (OSError, ValueError) as error:
        raise SuiteError(
            f"{path}: not a list of trials: {str(error).splitlines()[0]}. Name another folder with --out."
        ) from error


def _require_machine(path: Path, then: str, now: str) -> None:
    if then != now:
        raise SuiteError(
            f"{path} is from another machine ({then}; this is {now}): name another folder with --out."
        )
