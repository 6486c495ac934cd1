"""Reads and writes `comparison.json`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from harness.errors import SuiteError
from harness.system import files

if TYPE_CHECKING:  # it imports NumPy, which is not needed to list and read results
    from harness.report.compare.compare import Compared


COMPARISON_FILE: Final = "comparison.json"


def parse_comparison(content: bytes, name: object) -> Compared:
    """Return the comparison in the content of a file; `name` is its name in error messages.

    Raises:
        SuiteError: The content is not a comparison, or of another version.
    """
    from harness.report.compare.compare import Compared

    try:
        return Compared.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SuiteError(f"{name}: not a comparison: {where}: {first['msg']}") from error


def save_comparison(compared: Compared, folder: Path) -> Path:
    """Write comparison.json atomically and return its path."""
    path = folder / COMPARISON_FILE
    files.write_atomically(path, (compared.model_dump_json(indent=1) + "\n").encode())
    return path
