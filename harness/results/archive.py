"""Writes, lists, finds and reads stored results; files are written atomically."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic_core import from_json

from harness.errors import BenchError, EnvironmentFailedError, SuiteError
from harness.results.model import SCHEMA_VERSION, Result, RunInfo
from harness.system import files

RESULT_FILE: Final = "result.json"
PAGE_FILE: Final = "report.html"
MARKDOWN_FILE: Final = "report.md"
SUMMARY_FILE: Final = "check.md"
COMPARISON_FILE: Final = "comparison.json"
HISTORY_FILE: Final = "history.json"
WAIT_FILE: Final = "wait.json"

#: Larger files, in bytes, are neither read nor served; no file of a run is nearly as large.
MOST_BYTES: Final = 256_000_000


def prepare(folder: Path, room: float = 0) -> None:
    """Create the folder of a run, before anything is measured.

    Args:
        folder: Run directory; created if missing.
        room: Bytes that will be written to it, roughly.

    Raises:
        SuiteError: The folder already holds a result.
        EnvironmentFailedError: The folder cannot be created or written, or the disk has too little space.
    """
    if (folder / RESULT_FILE).exists():
        raise SuiteError(f"{folder} already holds a result: name another folder with --out, or remove it.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise EnvironmentFailedError(
            f"{folder} cannot be written: {error.strerror}. Name another with --out."
        ) from error
    files.require_room(folder, room, "--out")


def save(result: Result, folder: Path) -> Path:
    """Write result.json, whole or not at all, and return its path."""
    return _write(result, folder / RESULT_FILE)


def save_texts(texts: Mapping[str, str], folder: Path) -> list[Path]:
    """Write texts to files by name, each whole or not at all, and return their paths; create the folder."""
    _make(folder, folder)
    for name, text in texts.items():
        files.write_atomically(folder / name, text.encode())
    return [folder / name for name in texts]


def save_baseline(result: Result, file: Path) -> None:
    """Write a baseline for later runs: the result without its distributions and vitals."""
    baseline = result.model_copy(update={"distributions": [], "vitals": []})
    _make(file.parent, file)
    _write(baseline, file)


def _make(folder: Path, wanted: Path) -> None:
    """Create a folder; an error names the path that was wanted."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise files.failure(error, wanted) from error


def _write(result: Result, file: Path) -> Path:
    files.write_atomically(file, (result.model_dump_json(indent=1) + "\n").encode())
    return file


def set_exit_code(folder: Path, code: int) -> None:
    """Store the exit code of a run in its result; best effort: without a result, nothing is written."""
    with contextlib.suppress(BenchError):
        save(load(folder).ended_with(code), folder)


def load(path: Path) -> Result:
    """Return the result at the path of its file or its folder.

    Raises:
        SuiteError: There is no result, or it has another schema version.
    """
    file = path / RESULT_FILE if path.is_dir() else path
    try:
        text = files.read_regular(file, MOST_BYTES, follow=True)
    except OSError as error:
        raise SuiteError(
            f"{file}: no result there ({error.strerror}). `bench.py list` shows the results."
        ) from None
    return parse(text, file)


def parse(content: bytes, name: object, leave_out: Iterable[str] = ()) -> Result:
    """Return the result in a file's content.

    Args:
        content: JSON text.
        name: Name of the file in error messages.
        leave_out: Lists of the result that are not needed and are left empty.

    Raises:
        SuiteError: The content is not a result, or has another schema version.
    """
    try:
        fields = from_json(content, allow_inf_nan=False)
        version = fields.get("schema_version")
        if version != SCHEMA_VERSION:
            raise SuiteError(f"{name}: schema version {version}; this tool reads {SCHEMA_VERSION}.")
        return Result.model_validate(fields | {part: [] for part in leave_out})
    except (ValueError, AttributeError) as error:
        raise SuiteError(f"{name}: not a result file: {str(error).splitlines()[0]}") from error


def runs(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the runs below a folder, oldest first, as folder and `run` section; skip unreadable results."""
    rows = []
    for file in folder.glob(f"**/{RESULT_FILE}"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            run = RunInfo.model_validate(json.loads(files.read_regular(file, MOST_BYTES, follow=True))["run"])
            rows.append((file.parent, run.model_dump()))
    yield from sorted(rows, key=lambda row: str(row[1]["started_at"]))


def find(wanted: str, folder: Path) -> Path:
    """Return the path of a result given as a file, a folder, a run's id below `folder`, or `latest`.

    Raises:
        SuiteError: There is no such result, or the id is ambiguous.
    """
    if Path(wanted).exists():
        return Path(wanted)
    stored = list(runs(folder))
    matches = [path for path, run in stored if wanted in (run["id"], path.name)]
    if wanted == "latest":
        matches = [path for path, _ in stored[-1:]]
    if not matches:
        raise SuiteError(f"{wanted}: no such result; `bench.py list` shows the results in {folder}.")
    if len(matches) > 1:
        raise SuiteError(f"{wanted} is ambiguous: {', '.join(map(str, matches))}. Name the folder.")
    return matches[0]
