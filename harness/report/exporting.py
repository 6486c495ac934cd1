"""What the command `export` does."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.errors import SuiteError
from harness.report.exports import formats
from harness.results import archive
from harness.results.model import Result

#: Formats that tell of incidents; the others are made for estimates.
_WITH_INCIDENTS: Final = ("markdown",)


def export(which: str, names: Sequence[str], out: Path | None, results: Path) -> None:
    """Write a stored result in formats by name, and print each file that was written.

    Args:
        which: A run: its folder, result file or id, or `latest`.
        names: Of the formats.
        out: Folder for the files; None for the run's own.
        results: Where runs are looked for.

    Raises:
        SuiteError: There is no such format or result.
        EnvironmentFailedError: The files cannot be written.
    """
    require(names)
    place = archive.find(which, results)
    result = archive.load(place)
    if result.incidents and any(name not in _WITH_INCIDENTS for name in names):
        print(f"incidents are in {', '.join(_WITH_INCIDENTS)} alone, and in result.json", file=sys.stderr)
    for file in write(result, names, out or (place if place.is_dir() else place.parent)):
        print(file)


def require(names: Sequence[str]) -> None:
    """Refuse formats that there are not.

    Raises:
        SuiteError: Names those there are.
    """
    known = formats()
    if unknown := [name for name in names if name not in known]:
        raise SuiteError(f"--format: expected one of {', '.join(known)} (got {unknown[0]!r})")


def write(result: Result, names: Sequence[str], folder: Path) -> list[Path]:
    """Write a result in these formats, and return the files.

    Raises:
        EnvironmentFailedError: They cannot be written.
    """
    known = formats()
    return [file for name in names for file in archive.save_texts(known[name].files(result), folder)]


def list_formats() -> None:
    """Print what there is to choose from."""
    for one in formats().values():
        print(f"{one.name:<24} {one.title}")
