"""What the command `export` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness import archive
from harness.errors import SuiteError
from harness.exports import formats


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
    known = formats()
    if unknown := [name for name in names if name not in known]:
        raise SuiteError(f"--format: expected one of {', '.join(known)} (got {unknown[0]!r})")
    place = archive.find(which, results)
    result = archive.load(place)
    folder = out or (place if place.is_dir() else place.parent)
    for name in names:
        for file in archive.save_texts(known[name].files(result), folder):
            print(file)


def list_formats() -> None:
    """Print what there is to choose from."""
    for one in formats().values():
        print(f"{one.name:<24} {one.title}")
