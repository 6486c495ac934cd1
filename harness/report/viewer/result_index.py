"""Index of the results below a folder; files are read again only if they have changed."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from harness.errors import SuiteError
from harness.report.compare.compare import Compared
from harness.report.viewer import files
from harness.report.viewer.summary import (
    NONSENSE,
    NOT_NEEDED,
    ComparisonSummary,
    Summary,
    comparison,
    summary,
)
from harness.results import archive, progress_file
from harness.results.archive import COMPARISON_FILE, PAGE_FILE, RESULT_FILE
from harness.results.progress_file import PROGRESS_FILE, Progress

#: A file's time of last modification in ns and its size in bytes.
_Stamp = tuple[int, int]
#: Content of a file, or the reason why it cannot be read.
_Entry = Summary | ComparisonSummary | str


@dataclass(frozen=True)
class IndexedResults:
    """Content of a results folder.

    Attributes:
        results: Results, newest first; without runs that are still running.
        comparisons: Comparisons that have a page, newest first.
        unreadable: Files that cannot be read or are not results, each with the reason.
        under_way: Running benchmarks, by folder.
    """

    results: Sequence[Summary]
    comparisons: Sequence[ComparisonSummary]
    unreadable: dict[str, str]
    under_way: dict[str, Progress]


class ResultIndex:
    """Index of a results folder; thread-safe.

    Args:
        root: Results folder. Links and hidden folders in it are skipped.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._known: dict[str, tuple[_Stamp, _Entry]] = {}
        self._lock = threading.Lock()

    def scan(self) -> IndexedResults:
        """Return the current content of the folder."""
        with self._lock:
            stamped: dict[str, tuple[_Stamp, _Entry]] = {}
            running: dict[str, Progress] = {}
            for path, folders, names in os.walk(self.root):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                place = self.place(Path(path))
                result = _path(place, RESULT_FILE)
                if not files.is_text(place):
                    if RESULT_FILE in names:
                        stamped[result] = (0, 0), "the name of its folder is not UTF-8"
                elif PROGRESS_FILE in names and (progress := progress_file.read(self.root / place)):
                    running[place] = progress
                elif RESULT_FILE in names:
                    stamped[result] = self._read(place, RESULT_FILE)
                elif {COMPARISON_FILE, PAGE_FILE} <= {*files.names(self.root, parts(place))}:
                    stamped[_path(place, COMPARISON_FILE)] = self._read(place, COMPARISON_FILE)
            self._known = stamped
        entries = {path: entry for path, (_, entry) in stamped.items()}
        results = [entry for entry in entries.values() if isinstance(entry, Summary)]
        comparisons = [entry for entry in entries.values() if isinstance(entry, ComparisonSummary)]
        return IndexedResults(
            sorted(results, key=lambda result: (result.kept.run.started_at, result.place), reverse=True),
            sorted(comparisons, key=lambda compared: compared.place, reverse=True),
            {  # bytes of a path that are not UTF-8 are escaped for display
                path.encode(errors="backslashreplace").decode(): entry
                for path, entry in entries.items()
                if isinstance(entry, str)
            },
            running,
        )

    def place(self, folder: Path) -> str:
        """Return the path of a folder relative to the root, empty for the root itself.

        Raises:
            ValueError: The folder is not below the root.
        """
        place = folder.relative_to(self.root).as_posix()
        return "" if place == "." else place

    def _read(self, place: str, name: str) -> tuple[_Stamp, _Entry]:
        """Return the content of a file, or why it cannot be read; an unchanged file is not read again."""
        stamp: _Stamp = (0, 0)
        try:
            status = (self.root / place / name).lstat()
            stamp = (status.st_mtime_ns, status.st_size)
            if (known := self._known.get(_path(place, name))) is not None and known[0] == stamp:
                return known
            content = files.read(self.root, parts(place), name)
            return stamp, (_summary if name == RESULT_FILE else _comparison)(place, content)
        except OSError as error:
            return (0, 0), f"it cannot be read: {error.strerror or error}"
        except SuiteError as error:
            return stamp, str(error).removeprefix("it: ")
        except NONSENSE as error:
            return stamp, f"its values are not consistent: {error}"


def parts(place: str) -> list[str]:
    """Return the parts of a relative path."""
    return place.split("/") if place else []


def _summary(place: str, content: bytes) -> Summary:
    return summary(place, archive.parse(content, "it", NOT_NEEDED))


def _comparison(place: str, content: bytes) -> ComparisonSummary:
    try:
        compared = Compared.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise SuiteError(f"not a comparison: {where}: {first['msg']}") from error
    return comparison(place, compared)


def _path(place: str, name: str) -> str:
    return "/".join([*parts(place), name])
