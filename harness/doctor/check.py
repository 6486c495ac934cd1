"""Parts of a check of the doctor: the machine that it reads, and the judgement that it returns.

The limits of the checks are rules of thumb: they show whether something is present that changes results by
microseconds, not by how many. That is measured in the run itself, by its confidence intervals and validity
checks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.doctor.activity import Activity
from harness.results.environment import Severity
from harness.suites.model import Suite
from harness.system.cpus import Placement


@dataclass(frozen=True)
class Machine:
    """Machine under examination, with the suite that is to run on it.

    Attributes:
        suite: Suite to be measured, for its requirements.
        folder: Folder of results.
        seen: Activity during the check.
        cpus: CPUs that may be used.
        placement: CPUs that a run would assign to each role.
        root: Root of the file system that the kernel's files are read from.
    """

    suite: Suite
    folder: Path
    seen: Activity
    cpus: frozenset[int]
    placement: Placement
    root: Path


@dataclass(frozen=True)
class Judgement:
    """Severity of a reading, its value, and the remedy; None if nothing needs to be done."""

    concern: Severity
    detail: str
    remedy: str | None = None


#: Checks of one theme by name, in the order in which they are made. Each reads a value and judges it; None if
#: this system does not report the value, which is not guessed.
Checks = Mapping[str, Callable[[Machine], Judgement | None]]


def graded(detail: str, remedy: str, *, warning: bool) -> Judgement:
    """Return a warning with its remedy, or that the value is in order."""
    return Judgement("warning", detail, remedy) if warning else Judgement("ok", detail)


def megabytes(size: float) -> str:
    """Return a number of bytes as text."""
    return f"{size / 1e6:,.0f} MB"
