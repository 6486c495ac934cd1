"""The list of answers: kept after each claim, so that a command that was stopped goes on where it was."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.errors import SuiteError
from harness.results.claims import ClaimAnswer, Outcome
from harness.results.environment import Git
from harness.studies.claims.claim import Claim
from harness.studies.lab import LabSetting
from harness.system import files

FILE: Final = "claims.json"


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    setting: LabSetting
    git: Git
    claims: list[ClaimAnswer]


class Answers:
    """The answers in a folder, those that it held already and those that are added.

    Args:
        folder: Made where it is missing.
        setting: Of what is added.
        git: Of which revision.

    Raises:
        SuiteError: What is there cannot be read, or is of another setting.
    """

    def __init__(self, folder: Path, setting: LabSetting, git: Git) -> None:
        self._path = folder / FILE
        self._file = _File(setting=setting, git=git, claims=[])
        if self._path.exists():
            self._file = _read(self._path)
            if self._file.setting != setting:
                raise SuiteError(
                    f"{self._path} holds answers about other servers or from another machine: name another"
                    " folder with --out."
                )

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What a folder holds."""
        there = _read(folder / FILE)
        return cls(folder, there.setting, there.git)

    @property
    def all(self) -> list[ClaimAnswer]:
        """By number."""
        return sorted(self._file.claims, key=lambda answer: answer.number)

    def has(self, number: int) -> bool:
        """Whether a claim was answered: one that could not be run was not."""
        return any(one.number == number and one.verdict != "not run" for one in self._file.claims)

    def add(self, answer: ClaimAnswer) -> None:
        """Keep an answer, in the place of an older one: on disk when this returns.

        Raises:
            SuiteError: A browser of another version showed the others.
        """
        kept = [one for one in self._file.claims if one.number != answer.number]
        others = {one.browser for one in kept if one.browser} - {answer.browser}
        if answer.browser and others:
            raise SuiteError(
                f"{self._path} holds what Chromium {', '.join(sorted(others))} showed, and this one is"
                f" {answer.browser}: name another folder with --out."
            )
        self._file.claims = [*kept, answer]
        files.write_atomically(self._path, (self._file.model_dump_json(indent=1) + "\n").encode())


def answer_of(claim: Claim, outcome: Outcome) -> ClaimAnswer:
    """Return a claim and its outcome as the list keeps them."""
    return ClaimAnswer(
        number=claim.number,
        says=claim.says,
        by=claim.by,
        kind=claim.kind,
        experiment=claim.experiment,
        rule=claim.rule,
        verdict=outcome.verdict,
        because=outcome.because,
        figures=outcome.figures,
        browser=outcome.browser,
    )


def _read(path: Path) -> _File:
    try:
        return _File.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, ValidationError) as error:
        raise SuiteError(
            f"{path}: no list of answers: {str(error).splitlines()[0]}. Name another folder with --out."
        ) from error
