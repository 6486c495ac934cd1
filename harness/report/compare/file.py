"""`comparison.json`: written and read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from harness.errors import SuiteError
from harness.system import files

if TYPE_CHECKING:  # it imports NumPy, which listing and reading results need not wait for
    from harness.report.compare.compare import Compared


COMPARISON_FILE: Final = "comparison.json"


def parse_comparison(content: bytes, name: object) -> Compared:
    """A comparison from its file's content; `name` is what it is called in errors.

    Raises:
        SuiteError: It is none, or of another version.
    """
    from harness.report.compare.compare import Compared

    try:
        return Compared.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SuiteError(f"{name}: not a comparison: {where}: {first['msg']}") from error


def save_comparison(compared: Compared, folder: Path) -> Path:
    """Write comparison.json, whole or not at all, and return its path."""
    path = folder / COMPARISON_FILE
    files.write_atomically(path, (compared.model_dump_json(indent=1) + "\n").encode())
    return path
