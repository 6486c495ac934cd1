"""The folder of results: written atomically, listed, read, found again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError
from pydantic_core import from_json

from harness.errors import BenchError, EnvironmentFailedError, SuiteError
from harness.results.model import SCHEMA_VERSION, Result, RunInfo
from harness.system import files

if TYPE_CHECKING:  # it imports NumPy, which listing and reading results need not wait for
    pass

RESULT_FILE: Final = "result.json"
PAGE_FILE: Final = "report.html"
MARKDOWN_FILE: Final = "report.md"
HISTORY_FILE: Final = "history.json"
WAIT_FILE: Final = "wait.json"

#: Larger files are neither read nor served: none of a run is nearly as large.
MOST_BYTES: Final = 256_000_000


def prepare(folder: Path, room: float = 0) -> None:
    """Make the folder of a run, before anything is measured.

    Args:
        folder: Where.
        room: Bytes that will be written there, roughly.

    Raises:
        SuiteError: A result is there already.
        EnvironmentFailedError: It cannot be made or written, or has too little room.
    """
    if (folder / RESULT_FILE).exists():
        raise SuiteError(f"{folder} holds a result already: name another folder with --out, or remove it.")
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
    path = folder / RESULT_FILE
    files.write_atomically(path, (result.model_dump_json(indent=1) + "\n").encode())
    return path


def save_texts(texts: Mapping[str, str], folder: Path) -> list[Path]:
    """Write these files, each whole or not at all, by name; the folder is made where missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise files.failure(error, folder) from error
    for name, text in texts.items():
        files.write_atomically(folder / name, text.encode())
    return [folder / name for name in texts]


def save_baseline(result: Result, file: Path) -> None:
    """Write what a later run is compared with: a result without its distributions and vitals."""
    kept = result.model_copy(update={"distributions": [], "vitals": []})
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise files.failure(error, file) from error
    files.write_atomically(file, (kept.model_dump_json(indent=1) + "\n").encode())


def set_exit_code(folder: Path, code: int) -> None:
    """Name the code with which a run ended, if it finished any scenario and its folder still takes it."""
    with contextlib.suppress(BenchError):
        save(load(folder).ended_with(code), folder)


def load(path: Path) -> Result:
    """Read a result by its file or its folder.

    Raises:
        SuiteError: There is none, or it is of another version.
    """
    file = path / RESULT_FILE if path.is_dir() else path
    try:
        text = files.read_regular(file, MOST_BYTES, follow=True)
    except OSError as error:
        raise SuiteError(
            f"{file}: no result there ({error.strerror}). `bench.py list` names what there is."
        ) from None
    return parse(text, file)


def parse(content: bytes, name: object, leave_out: Iterable[str] = ()) -> Result:
    """A result from its file's content.

    Args:
        content: JSON.
        name: What it is called in errors.
        leave_out: Lists of the result that are not needed, and left empty.

    Raises:
        SuiteError: It is none, or of another version.
    """
    try:
        fields = from_json(content, allow_inf_nan=False)
        version = fields.get("schema_version")
        if version != SCHEMA_VERSION:
            raise SuiteError(f"{name}: schema version {version}; this tool reads {SCHEMA_VERSION}.")
        return Result.model_validate(fields | {part: [] for part in leave_out})
    except (ValueError, AttributeError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise SuiteError(f"{name}: not a result file: {first}") from error


def runs(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The runs below a folder, oldest first: the folder and its `run` section, unreadable ones left out."""
    found = []
    for file in folder.glob(f"**/{RESULT_FILE}"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            run = RunInfo.model_validate(json.loads(files.read_regular(file, MOST_BYTES, follow=True))["run"])
            found.append((file.parent, run.model_dump()))
    yield from sorted(found, key=lambda row: str(row[1]["started_at"]))


def find(wanted: str, folder: Path) -> Path:
    """Where the result lies that a user names: a file, a folder, a run's id below `folder`, or `latest`.

    Raises:
        SuiteError: There is none, or there are several of that id.
    """
    if Path(wanted).exists():
        return Path(wanted)
    there = list(runs(folder))
    found = [path for path, run in there if wanted in (run["id"], path.name)]
    if wanted == "latest":
        found = [path for path, _ in there[-1:]]
    if not found:
        raise SuiteError(f"{wanted}: no such result; `bench.py list` names those in {folder}.")
    if len(found) > 1:
        raise SuiteError(f"{wanted} is the id of several: {', '.join(map(str, found))}. Name the folder.")
    return found[0]
