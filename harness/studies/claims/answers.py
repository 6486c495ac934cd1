"""The list of answers, written after each claim so that a stopped command can be resumed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from harness.errors import SuiteError
from harness.results.claims import ClaimAnswer, Outcome
from harness.results.environment import Git
from harness.studies.claims.claim import Claim
from harness.studies.lab import LabSetting
from harness.system import files

FILE: Final = "claims.json"


class AnswersFile(BaseModel):
    """Content of the list."""

    model_config = ConfigDict(extra="forbid")

    setting: LabSetting
    git: Git
    claims: list[ClaimAnswer]


class Answers:
    """The answers in a folder: existing ones and those that are added.

    Args:
        folder: Folder of the list.
        setting: Machine and servers of the answers to add.
        git: Revision of the answers to add.

    Raises:
        SuiteError: The existing list cannot be read, or has another setting.
    """

    def __init__(self, folder: Path, setting: LabSetting, git: Git) -> None:
        self._path = folder / FILE
        self._file = AnswersFile(setting=setting, git=git, claims=[])
        if self._path.exists():
            self._file = load(folder)
            if self._file.setting != setting:
                raise SuiteError(
                    f"{self._path} holds answers for other servers or from another machine: name another"
                    " folder with --out."
                )

    @property
    def all(self) -> list[ClaimAnswer]:
        """Return all answers, by number."""
        return sorted(self._file.claims, key=lambda answer: answer.number)

    def has(self, number: int) -> bool:
        """Whether a claim has an answer other than `not run`."""
        return any(answer.number == number and answer.verdict != "not run" for answer in self._file.claims)

    def add(self, answer: ClaimAnswer) -> None:
        """Store an answer, replacing an older one; it is on disk when this returns.

        Raises:
            SuiteError: The other answers are from another version of the browser.
        """
        others = [other for other in self._file.claims if other.number != answer.number]
        browsers = {other.browser for other in others if other.browser} - {answer.browser}
        if answer.browser and browsers:
            raise SuiteError(
                f"{self._path} holds answers from Chromium {', '.join(sorted(browsers))}, but this is"
                f" {answer.browser}: name another folder with --out."
            )
        self._file.claims = [*others, answer]
        files.write_atomically(self._path, (self._file.model_dump_json(indent=1) + "\n").encode())


def answer_of(claim: Claim, outcome: Outcome) -> ClaimAnswer:
    """Return a claim and its outcome as an entry of the list."""
    return ClaimAnswer(
        number=claim.number,
        says=claim.says,
        by=claim.by,
        kind=claim.kind,
        experiment=claim.experiment,
        rule=claim.rule,
        **dict(outcome),
    )


def load(folder: Path) -> AnswersFile:
    """Return the list in a folder.

    Raises:
        SuiteError: It cannot be read.
    """
    path = folder / FILE
    try:
        return AnswersFile.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SuiteError(
            f"{path}: not a list of answers: {str(error).splitlines()[0]}. Name another folder with --out."
        ) from error
