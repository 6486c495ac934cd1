"""Removal of what this tool wrote to disk: runs, comparisons, cached environments.

Only what this tool certainly wrote is removed. A folder counts as a run by its result or its recordings, not
by its name. Of its files, those that a run writes and that git does not track are removed; the folder itself
is removed only if nothing else is left in it.
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

#: Folder of the runs that the docs quote.
_PUBLISHED: Final = "published"
_RECORDINGS: Final = "recording-*.jsonl.gz"
_FIGURES: Final = (
    *plugins.names("harness.report.charts"),
    *("between-arms", "over-base", "wait"),
)
#: Every file that a run or a comparison writes; other files are kept, and their names are printed.
_WRITTEN: Final = (
    *(RESULT_FILE, COMPARISON_FILE, _RECORDINGS, f".{RESULT_FILE}.part", f".{COMPARISON_FILE}.part"),
    *(PAGE_FILE, MARKDOWN_FILE, PROGRESS_FILE, WAIT_FILE, f".{WAIT_FILE}.part"),
    *("check.md", HISTORY_FILE, "history-*.png", "history-*.svg"),
    *(f"{figure}.{kind}" for figure in _FIGURES for kind in ("png", "svg")),
    *(name for export in formats().values() for name in export.names),
)
#: Default name of a run's folder; a run that failed early leaves it empty.
_DEFAULT_NAME: Final = re.compile(r"\d{8}-\d{6}-.+")


@dataclass(frozen=True)
class Removable:
    """Folder that this tool wrote and may remove.

    Attributes:
        folder: Path of the folder.
        kind: Kind of its content.
        files: Files in it to remove; empty for a cached environment, which is removed as a whole.
        others: Names of other files in it; they are kept, and the folder with them.
        size: Bytes that are freed.
        begun: Start of the run, in seconds since 1970.
        changed: Time of the last write to it, in seconds since 1970.
    """

    folder: Path
    kind: Kind
    files: tuple[Path, ...]
    others: tuple[str, ...]
    size: int
    begun: float
    changed: float


def find(results: Path, cache: Path) -> list[Removable]:
    """Return what this tool wrote below these folders, oldest first; published runs are skipped."""
    candidates = [*_runs(results), *_cached(cache)]
    return sorted(candidates, key=lambda candidate: (candidate.begun, str(candidate.folder)))


def choose(
    candidates: Sequence[Removable],
    *,
    now: float,
    older_than_days: float,
    keep: int,
    busy_since: float | None,
) -> list[Removable]:
    """Return the folders to remove.

    Args:
        candidates: All removable folders, oldest first.
        now: Current time, in seconds since 1970.
        older_than_days: Minimum age in days.
        keep: Number of the newest runs to keep.
        busy_since: Start of the oldest program of this tool that is running, in seconds since 1970, or None.
            Folders written since then, and all cached environments, may be in use.
    """
    runs = [candidate for candidate in candidates if candidate.kind == "run"]
    kept = runs[len(runs) - keep :] if keep else []
    return [
        candidate
        for candidate in candidates
        if candidate not in kept
        and now - candidate.begun >= older_than_days * 86400
        and not (busy_since is not None and _may_be_in_use(candidate, busy_since))
    ]


def _may_be_in_use(candidate: Removable, since: float) -> bool:
    return candidate.kind == "cached environment" or candidate.changed >= since


def remove(removables: Sequence[Removable], results: Path) -> None:
    """Remove these folders, inner ones first; the folder of results itself is kept.

    Raises:
        EnvironmentFailedError: A file cannot be removed; the folders before it are gone.
    """
    for removable in sorted(removables, key=lambda removable: -len(removable.folder.parts)):
        try:
            if removable.kind == "cached environment":
                shutil.rmtree(removable.folder)
                continue
            for file in removable.files:
                file.unlink(missing_ok=True)
            if removable.folder != results and not any(removable.folder.iterdir()):
                removable.folder.rmdir()
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
    """Return the files below a folder that git tracks; none if there is no git."""
    names = git.output_or_none(results, "ls-files", "-z") or ""
    return {results / name for name in names.split("\0") if name}


def _recognised(
    folder: Path, folders: Sequence[str], names: Sequence[str]
) -> tuple[Kind | None, float | None]:
    """Return a folder's kind by its content, and its start if recorded; None for folders of other origin."""
    content = _json(folder / RESULT_FILE) if RESULT_FILE in names else {}
    run = content.get("run")
    if (
        isinstance(content.get("schema_version"), int)
        and isinstance(run, dict)
        and {"id", "suite"} <= run.keys()
    ):
        return "run", _time(run.get("started_at"))
    content = _json(folder / COMPARISON_FILE) if COMPARISON_FILE in names else {}
    if isinstance(content.get("schema_version"), int) and "same_machine" in content:
        return "comparison", None
    content = _json(folder / HISTORY_FILE) if HISTORY_FILE in names else {}
    if isinstance(content.get("schema_version"), int) and "series" in content:
        return "history", None
    content = _json(folder / WAIT_FILE) if WAIT_FILE in names else {}
    if isinstance(content.get("schema_version"), int) and "clicks" in content:
        return "run", _time(content.get("started_at"))
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
    """Yield each entry of the cache folder, which only this tool writes to."""
    if not cache.is_dir():
        return
    for folder in sorted(path for path in cache.iterdir() if path.is_dir() and not path.is_symlink()):
        sizes = [Path(path, name).lstat().st_size for path, _, names in os.walk(folder) for name in names]
        changed = folder.lstat().st_mtime
        yield Removable(folder, "cached environment", (), (), sum(sizes), changed, changed)
