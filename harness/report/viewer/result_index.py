"""The results below a folder, read again only where they have changed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import SuiteError
from harness.report.compare import file
from harness.report.compare.file import COMPARISON_FILE
from harness.report.viewer import files
from harness.report.viewer.comparison import ComparisonSummary, comparison
from harness.report.viewer.summary import NONSENSE, NOT_NEEDED, Summary, summary
from harness.results import archive
from harness.results import progress_file as under_way
from harness.results.archive import PAGE_FILE, RESULT_FILE
from harness.results.progress_file import PROGRESS_FILE, Progress

#: When a file was last written, and how long it is.
_Stamp = tuple[int, int]
#: What a file says, or why it cannot be read.
_Entry = Summary | ComparisonSummary | str
_NO_RESULT: Final = "it cannot be read"
_NO_NAME: Final = "the name of its folder is not UTF-8"


@dataclass(frozen=True)
class IndexedResults:
    """What there is.

    Attributes:
        results: Newest first; of runs under way what they have so far is no result.
        comparisons: Of results that were set side by side on a page, the newest first.
        unreadable: The files that are none of ours or cannot be read, each with the reason.
        under_way: The runs that measure now, by place.
    """

    results: Sequence[Summary]
    comparisons: Sequence[ComparisonSummary]
    unreadable: dict[str, str]
    under_way: dict[str, Progress]


class Shelf:
    """A folder of results; its methods may be called by several threads.

    Args:
        root: The folder. Links in it are not followed, and hidden folders not looked into.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._known: dict[str, tuple[_Stamp, _Entry]] = {}
        self._lock = threading.Lock()

    def look(self) -> IndexedResults:
        """Everything that is there now."""
        with self._lock:
            found: dict[str, tuple[_Stamp, _Entry]] = {}
            running: dict[str, Progress] = {}
            for place, names in self._folders():
                result = _path(place, RESULT_FILE)
                if not files.is_text(place):
                    if RESULT_FILE in names:
                        found[result] = (0, 0), _NO_NAME
                elif PROGRESS_FILE in names and (progress := under_way.read(self.root / place)) is not None:
                    running[place] = progress
                elif RESULT_FILE in names:
                    found[result] = self._read(place, RESULT_FILE, _summary)
                elif {COMPARISON_FILE, PAGE_FILE} <= {*files.names(self.root, parts(place))}:
                    found[_path(place, COMPARISON_FILE)] = self._read(place, COMPARISON_FILE, _comparison)
            self._known = found
        entries = {path: entry for path, (_, entry) in found.items()}
        results = [entry for entry in entries.values() if isinstance(entry, Summary)]
        comparisons = [entry for entry in entries.values() if isinstance(entry, ComparisonSummary)]
        return IndexedResults(
            sorted(results, key=lambda one: (one.started_at, one.place), reverse=True),
            sorted(comparisons, key=lambda one: one.place, reverse=True),
            {_legible(path): entry for path, entry in entries.items() if isinstance(entry, str)},
            running,
        )

    def place(self, folder: Path) -> str:
        """The path of a folder from the root, empty for the root itself.

        Raises:
            ValueError: It lies elsewhere.
        """
        place = folder.relative_to(self.root).as_posix()
        return "" if place == "." else place

    def _folders(self) -> Iterator[tuple[str, Sequence[str]]]:
        """Every folder, by its place, with its files."""
        for path, folders, names in os.walk(self.root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            yield self.place(Path(path)), names

    def _read(
        self, place: str, name: str, understood: Callable[[str, bytes], Summary | ComparisonSummary]
    ) -> tuple[_Stamp, _Entry]:
        """What a file says, or why it cannot be read; where it has not changed, what it said before."""
        stamp: _Stamp = (0, 0)
        try:
            about = (self.root / place / name).lstat()
            stamp = (about.st_mtime_ns, about.st_size)
            if (known := self._known.get(_path(place, name))) is not None and known[0] == stamp:
                return known
            return stamp, understood(place, files.read(self.root, parts(place), name))
        except OSError as error:
            return (0, 0), f"{_NO_RESULT}: {error.strerror or error}"
        except SuiteError as error:
            return stamp, str(error).removeprefix("it: ")
        except NONSENSE as error:
            return stamp, f"its figures make no sense: {error}"


def parts(place: str) -> list[str]:
    """The names on the way to a place."""
    return place.split("/") if place else []


def _summary(place: str, content: bytes) -> Summary:
    return summary(place, archive.parse(content, "it", NOT_NEEDED))


def _comparison(place: str, content: bytes) -> ComparisonSummary:
    return comparison(place, file.parse_comparison(content, "it"))


def _path(place: str, name: str) -> str:
    return "/".join([*parts(place), name])


def _legible(path: str) -> str:
    """A path for reading; bytes that are not UTF-8 are told as such."""
    return path.encode(errors="backslashreplace").decode()
