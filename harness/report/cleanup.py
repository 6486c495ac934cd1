"""What this tool has left on the disk, and how it goes: runs, comparisons, cached environments.

Only what is surely ours is touched. A folder counts as a run by its result or its recordings, not by its
name. Of its files those go that a run writes and git does not track, and the folder itself only when nothing
else is left in it.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from harness.errors import EnvironmentFailedError
from harness.report.compare.file import COMPARISON_FILE
from harness.report.exports.parts.format import formats
from harness.results.archive import HISTORY_FILE, MARKDOWN_FILE, MOST_BYTES, PAGE_FILE, RESULT_FILE, WAIT_FILE
from harness.results.progress_file import PROGRESS_FILE
from harness.system import files as disk
from harness.system import git, plugins

Kind = Literal["run", "comparison", "history", "cached environment"]

#: The runs that the docs quote.
_PUBLISHED: Final = "published"
_RECORDINGS: Final = "recording-*.jsonl.gz"
_FIGURES: Final = (
    *plugins.names("harness.report.charts"),
    *("between-arms", "over-base", "wait"),
)
#: Every file that a run or a comparison writes; what is missing here stays, and is named.
_WRITTEN: Final = (
    *(RESULT_FILE, COMPARISON_FILE, _RECORDINGS, f".{RESULT_FILE}.part", f".{COMPARISON_FILE}.part"),
    *(PAGE_FILE, MARKDOWN_FILE, PROGRESS_FILE, WAIT_FILE, f".{WAIT_FILE}.part"),
    *("check.md", HISTORY_FILE, "history-*.png", "history-*.svg"),
    *(f"{figure}.{kind}" for figure in _FIGURES for kind in ("png", "svg")),
    *(name for one in formats().values() for name in one.names),
)
#: What `run` calls a folder where no other name is given: one that failed early leaves it empty.
_DEFAULT_NAME: Final = re.compile(r"\d{8}-\d{6}-.+")


@dataclass(frozen=True)
class Removable:
    """A folder of ours.

    Attributes:
        folder: Where it is.
        kind: What it is.
        files: The files in it that go; empty for a cached environment, which goes as a whole.
        others: Names of what is in it and not ours: they stay, and the folder with them.
        size: Bytes that are freed.
        begun: When it was begun, in seconds since 1970.
        changed: When anything in it was last written.
    """

    folder: Path
    kind: Kind
    files: tuple[Path, ...]
    others: tuple[str, ...]
    size: int
    begun: float
    changed: float


def find(results: Path, cache: Path) -> list[Removable]:
    """Everything of ours below these folders, oldest first; what is published is not looked at."""
    found = [*_runs(results), *_cached(cache)]
    return sorted(found, key=lambda leaving: (leaving.begun, str(leaving.folder)))


def choose(
    leavings: Sequence[Removable], *, now: float, older_than_days: float, keep: int, busy_since: float | None
) -> list[Removable]:
    """Those that are to go.

    Args:
        leavings: What there is, oldest first.
        now: The time, in seconds since 1970.
        older_than_days: Only what was begun longer ago.
        keep: So many of the newest runs stay.
        busy_since: When the oldest of our programs began that run now, or None: what was written since may be
            its, and so may any cached environment.
    """
    runs = [leaving for leaving in leavings if leaving.kind == "run"]
    kept = runs[len(runs) - keep :] if keep else []
    return [
        leaving
        for leaving in leavings
        if leaving not in kept
        and now - leaving.begun >= older_than_days * 86400
        and not (busy_since is not None and _may_be_in_use(leaving, busy_since))
    ]


def _may_be_in_use(leaving: Removable, since: float) -> bool:
    return leaving.kind == "cached environment" or leaving.changed >= since


def remove(leavings: Sequence[Removable], results: Path) -> None:
    """Remove these, inner folders first; the folder of results itself stays.

    Raises:
        EnvironmentFailedError: One cannot be removed; those before are gone.
    """
    for leaving in sorted(leavings, key=lambda leaving: -len(leaving.folder.parts)):
        try:
            if leaving.kind == "cached environment":
                shutil.rmtree(leaving.folder)
                continue
            for file in leaving.files:
                file.unlink(missing_ok=True)
            if leaving.folder != results and not any(leaving.folder.iterdir()):
                leaving.folder.rmdir()
        except OSError as error:
            raise EnvironmentFailedError(f"{error.filename} cannot be removed: {error.strerror}.") from error


def _runs(results: Path) -> Iterator[Removable]:
    tracked = _tracked(results)
    for path, folders, names in os.walk(results):
        folder = Path(path)
        if _PUBLISHED in folders:
            folders.remove(_PUBLISHED)
        kind, begun = _recognised(folder, folders, names)
        if kind is None:
            continue
        written = (file for pattern in _WRITTEN for file in sorted(folder.glob(pattern)))
        files = tuple(file for file in written if file not in tracked)
        if names and not files:
            continue
        others = sorted({*folders, *names} - {file.name for file in files})
        changed = max(entry.lstat().st_mtime for entry in (folder, *files))
        size = sum(file.lstat().st_size for file in files)
        yield Removable(folder, kind, files, tuple(others), size, begun or changed, changed)


def _tracked(results: Path) -> set[Path]:
    """The files below a folder that git keeps; none where there is no git."""
    names = git.output_or_none(results, "ls-files", "-z") or ""
    return {results / name for name in names.split("\0") if name}


def _recognised(
    folder: Path, folders: Sequence[str], names: Sequence[str]
) -> tuple[Kind | None, float | None]:
    """What a folder is by its content, and when it was begun if that is told; None for what is not ours."""
    about = _json(folder / RESULT_FILE) if RESULT_FILE in names else {}
    run = about.get("run")
    if (
        isinstance(about.get("schema_version"), int)
        and isinstance(run, dict)
        and {"id", "suite"} <= run.keys()
    ):
        return "run", _time(run.get("started_at"))
    about = _json(folder / COMPARISON_FILE) if COMPARISON_FILE in names else {}
    if isinstance(about.get("schema_version"), int) and "same_machine" in about:
        return "comparison", None
    about = _json(folder / HISTORY_FILE) if HISTORY_FILE in names else {}
    if isinstance(about.get("schema_version"), int) and "series" in about:
        return "history", None
    about = _json(folder / WAIT_FILE) if WAIT_FILE in names else {}
    if isinstance(about.get("schema_version"), int) and "clicks" in about:
        return "run", _time(about.get("started_at"))
    if any(_is_recording(file) for file in folder.glob(_RECORDINGS)):
        return "run", None
    if not folders and not names and _DEFAULT_NAME.fullmatch(folder.name):
        return "run", None
    return None, None


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(disk.read_regular(path, MOST_BYTES, follow=True))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _is_recording(path: Path) -> bool:
    try:
        with (
            disk.open_regular(path, follow=True) as packed,
            gzip.open(packed, "rt", encoding="utf-8") as file,
        ):
            first = json.loads(file.readline())
    except (OSError, ValueError, EOFError):
        return False
    return isinstance(first, dict) and "plan" in first


def _time(text: object) -> float | None:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return None


def _cached(cache: Path) -> Iterator[Removable]:
    """Each entry of the cache folder, which nobody but us writes to."""
    if not cache.is_dir():
        return
    for folder in sorted(path for path in cache.iterdir() if path.is_dir() and not path.is_symlink()):
        sizes = [Path(path, name).lstat().st_size for path, _, names in os.walk(folder) for name in names]
        changed = folder.lstat().st_mtime
        yield Removable(folder, "cached environment", (), (), sum(sizes), changed, changed)
