"""The file that a calibration keeps: what was probed, then a line for each trial as it is done."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from harness import disk
from harness.calibrate.kinds import Probe, Trial
from harness.errors import SuiteError

FILE: Final = "trials.jsonl"


class _Head(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    machine: str
    probe: Probe


class Ledger:
    """A calibration's file, new or to be continued.

    Attributes:
        probe: What the size of the work was reckoned from.
        trials: Those that are done.
    """

    def __init__(self, path: Path, head: _Head, trials: list[Trial]) -> None:
        self._path = path
        self._head = head
        self.trials = trials

    @property
    def seed(self) -> int:
        """Of the first trial; the others count on from it."""
        return self._head.seed

    @property
    def probe(self) -> Probe:
        """What the size of the work was reckoned from."""
        return self._head.probe

    @classmethod
    def begin(cls, folder: Path, seed: int, machine: str, probe: Probe) -> Self:
        """Begin a new one."""
        ledger = cls(folder / FILE, _Head(seed=seed, machine=machine, probe=probe), [])
        ledger._save()
        return ledger

    @classmethod
    def find(cls, folder: Path, machine: str) -> Self | None:
        """The one in this folder; None where there is none.

        Raises:
            SuiteError: It cannot be read, or was made on another machine.
        """
        path = folder / FILE
        if not path.exists():
            return None
        try:
            head, *lines = path.read_text(encoding="utf-8").splitlines()
            found = cls(
                path, _Head.model_validate_json(head), [Trial.model_validate_json(line) for line in lines]
            )
        except (OSError, ValueError, ValidationError) as error:
            raise SuiteError(
                f"{path}: no list of trials: {str(error).splitlines()[0]}. Name another folder with --out."
            ) from error
        if found._head.machine != machine:
            raise SuiteError(
                f"{path} was made on another machine ({found._head.machine}; this is {machine}): name another"
                " folder with --out."
            )
        return found

    def add(self, trial: Trial) -> None:
        """Keep a trial that is done: on disk when this returns."""
        self.trials.append(trial)
        self._save()

    def _save(self) -> None:
        lines = [self._head.model_dump_json(), *(trial.model_dump_json() for trial in self.trials)]
        disk.write_atomically(self._path, ("\n".join(lines) + "\n").encode())
