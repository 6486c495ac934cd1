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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from harness.errors import EnvironmentFailedError
from harness.report.exports.parts.format import formats
from harness.results import archive
from harness.results.archive import COMPARISON_FILE, HISTORY_FILE, MOST_BYTES, RESULT_FILE, WAIT_FILE
from harness.results.progress_file import PROGRESS_FILE
from harness.system import files as disk
from harness.system import git, plugins

Kind = Literal["run", "comparison", "history", "cached environment"]

#: Folder of the runs that the docs quote.
_PUBLISHED: Final = "published"
_RECORDINGS: Final = "recording-*.jsonl.gz"
_FIGURES: Final = (*plugins.names("harness.report.charts"), "between-arms", "over-base", "wait")
#: Every file that a run or a comparison writes; other files are kept, and their names are printed.
_WRITTEN: Final = (
    *(RESULT_FILE, COMPARISON_FILE, _RECORDINGS, f".{RESULT_FILE}.part", f".{COMPARISON_FILE}.part"),
    *(archive.PAGE_FILE, archive.MARKDOWN_FILE, PROGRESS_FILE, WAIT_FILE, f".{WAIT_FILE}.part"),
    *(archive.SUMMARY_FILE, HISTORY_FILE, "history-*.png", "history-*.svg"),
    *(f"{figure}.{kind}" for figure in _FIGURES for kind in ("png", "svg")),
    *(name for export in formats().values() for name in export.names),
)
#: Kind of a folder by a file in it: with this part (empty for the whole), and these keys in the part.
_CONTENT: Final[dict[str, tuple[Kind, str, set[str]]]] = {
    RESULT_FILE: ("run", "run", {"id", "suite"}),
    COMPARISON_FILE: ("comparison", "", {"same_machine"}),
    HISTORY_FILE: ("history", "", {"series"}),
    WAIT_FILE: ("run", "", {"clicks"}),
}
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
        and (
            busy_since is None or (candidate.kind != "cached environment" and candidate.changed < busy_since)
        )
    ]


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
        if (recognised := _recognised(folder, folders, names)) is None:
            continue
        written = (file for pattern in _WRITTEN for file in sorted(folder.glob(pattern)))
        files = tuple(file for file in written if file not in tracked)
        if names and not files:
            continue
        others = sorted({*folders, *names} - {file.name for file in files})
        changed = max(entry.lstat().st_mtime for entry in (folder, *files))
        size = sum(file.lstat().st_size for file in files)
        kind, begun = recognised
        yield Removable(folder, kind, files, tuple(others), size, begun or changed, changed)


def _tracked(results: Path) -> set[Path]:
    """Return the files below a folder that git tracks; none if there is no git."""
    names = git.output_or_none(results, "ls-files", "-z") or ""
    return {results / name for name in names.split("\0") if name}


def _recognised(
    folder: Path, folders: Sequence[str], names: Sequence[str]
) -> tuple[Kind, float | None] | None:
    """Return a folder's kind by its content, and its start if recorded; None for folders of other origin."""
    for file, (kind, part, keys) in _CONTENT.items():
        content = _json(folder / file) if file in names else {}
        about = content.get(part) if part else content
        is_ours = isinstance(content.get("schema_version"), int)
        if is_ours and isinstance(about, dict) and keys <= about.keys():
            return kind, _time(about.get("started_at"))
    is_empty_run = not folders and not names and _DEFAULT_NAME.fullmatch(folder.name)
    if is_empty_run or any("plan" in _json(file, _first_line) for file in folder.glob(_RECORDINGS)):
        return "run", None
    return None


def _whole(path: Path) -> bytes:
    return disk.read_regular(path, MOST_BYTES, follow=True)


def _first_line(path: Path) -> bytes:
    with disk.open_regular(path, follow=True) as packed, gzip.open(packed) as file:
        return file.readline()


def _json(path: Path, read: Callable[[Path], bytes] = _whole) -> dict[str, Any]:
    try:
        content = json.loads(read(path))
    except (OSError, ValueError, EOFError):
        return {}
    return content if isinstance(content, dict) else {}


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
