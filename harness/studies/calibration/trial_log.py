"""The files of a calibration, with a line for each finished trial."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict

from harness.errors import SuiteError
from harness.studies.calibration.commits import GateTrial
from harness.studies.calibration.trial_kinds import Trial
from harness.system import files

FILE: Final = "trials.jsonl"
GATE_FILE: Final = "gates.jsonl"


class _Head(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    machine: str


class Ledger:
    """The file of a calibration, new or to be continued.

    Attributes:
        trials: Finished trials.
    """

    def __init__(self, path: Path, head: _Head, trials: list[Trial]) -> None:
        self._path = path
        self._head = head
        self.trials = trials

    @property
    def seed(self) -> int:
        """Return the seed of the first trial; further trials use larger ones."""
        return self._head.seed

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
        lines = _lines(path)
        if not lines:
            return None
        with _named(path):
            head = _Head.model_validate_json(lines[0])
            trials = [Trial.model_validate_json(line) for line in lines[1:]]
        _require_machine(path, head.machine, machine)
        return cls(path, head, trials)

    def add(self, trial: Trial) -> None:
        """Store a finished trial; it is on disk when this returns."""
        self.trials.append(trial)
        self._save()

    def _save(self) -> None:
        _write(self._path, [self._head, *self.trials])


def gate_trials(folder: Path, machine: str) -> list[GateTrial]:
    """Return the finished trials of the gate; none if there is no file yet.

    Raises:
        SuiteError: The file cannot be read, or was written on another machine.
    """
    path = folder / GATE_FILE
    lines = _lines(path)
    with _named(path):
        trials = [GateTrial.model_validate_json(line) for line in lines]
    for trial in trials:
        _require_machine(path, trial.machine, machine)
    return trials


def keep_gate_trials(folder: Path, trials: Sequence[GateTrial]) -> None:
    """Store all trials of the gate; they are on disk when this returns."""
    _write(folder / GATE_FILE, trials)


def _lines(path: Path) -> list[str]:
    with _named(path):
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Turn errors of reading into errors that name the file and the remedy."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise SuiteError(
            f"{path}: not a list of trials: {str(error).splitlines()[0]}. Name another folder with --out."
        ) from error


def _require_machine(path: Path, then: str, now: str) -> None:
    if then != now:
        raise SuiteError(
            f"{path} is from another machine ({then}; this is {now}): name another folder with --out."
        )


def _write(path: Path, rows: Sequence[BaseModel]) -> None:
    files.write_atomically(path, "".join(f"{row.model_dump_json()}\n" for row in rows).encode())
