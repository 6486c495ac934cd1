"""Which files of runs and comparisons are served, as what, and how they are reached and nothing else is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from harness.report.compare.file import COMPARISON_FILE
from harness.results.archive import MARKDOWN_FILE, MOST_BYTES, PAGE_FILE, RESULT_FILE
from harness.system import files

_NOTHING: Final = "sandbox; default-src 'none'; frame-ancestors 'none'"
#: A figure has its own style in it.
_FIGURE: Final = f"{_NOTHING}; style-src 'unsafe-inline'; img-src data:"
#: A report is one page with its own style and script. Without `allow-same-origin` it is a stranger to us: it
#: can read no other page of ours, and ask for nothing anywhere.
_REPORT: Final = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline';"
    " img-src data:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class FileKind:
    """A kind of file.

    Attributes:
        content_type: What a browser is told that it is.
        policy: Its Content-Security-Policy, should a browser show it as a page.
        is_download: True where a browser is to save it.
        is_figure: True for what is shown on the page of a run.
    """

    content_type: str
    policy: str = _NOTHING
    is_download: bool = False
    is_figure: bool = False


#: By pattern of the name.
_KINDS: Final = {
    RESULT_FILE: FileKind("application/json"),
    COMPARISON_FILE: FileKind("application/json"),
    PAGE_FILE: FileKind("text/html; charset=utf-8", _REPORT),
    MARKDOWN_FILE: FileKind("text/plain; charset=utf-8"),
    "check.md": FileKind("text/plain; charset=utf-8"),
    "recording-*.jsonl.gz": FileKind("application/gzip", is_download=True),
    "*.png": FileKind("image/png", is_figure=True),
    "*.svg": FileKind("image/svg+xml", _FIGURE, is_figure=True),
}


def kind_of(name: str) -> FileKind | None:
    """The kind of a file by its name; None for what is not served."""
    if name.startswith(".") or not is_text(name):
        return None
    return next((kind for pattern, kind in _KINDS.items() if fnmatchcase(name, pattern)), None)


def is_text(name: str) -> bool:
    """Whether the name of a file or a folder is UTF-8, so that a page can hold it."""
    try:
        name.encode()
    except UnicodeEncodeError:  # each byte that is not stands in it as half a surrogate pair
        return False
    return True


def parts_of(raw: str) -> list[str] | None:
    """The parts of a path as it stood in a URL, decoded; None where one is hidden, leads up or is odd.

    An encoded slash does not part a path, so that each place has one address only.
    """
    try:
        parts = [unquote_to_bytes(part).decode() for part in raw.split("/")]
    except UnicodeDecodeError:
        return None
    fine = all(part and not part.startswith(".") and not set(part) & {"/", "\\", "\0"} for part in parts)
    return parts if fine else None


def read(root: Path, place: Sequence[str], name: str) -> bytes:
    """The content of a regular file, no part of whose path below the root is a link.

    Raises:
        OSError: There is none, or it is too large.
    """
    with _folder(root, place) as folder:
        return files.read_regular(name, MOST_BYTES, folder)


def names(root: Path, place: Sequence[str]) -> list[str]:
    """The files in a folder that are served, in the order of their names; none where it is no folder."""
    with contextlib.suppress(OSError), _folder(root, place) as folder, os.scandir(folder) as entries:
        return sorted(one.name for one in entries if kind_of(one.name) and one.is_file(follow_symlinks=False))
    return []


@contextlib.contextmanager
def _folder(root: Path, place: Sequence[str]) -> Iterator[int]:
    """A folder, open, reached part by part."""
    how = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    here = os.open(root, how)
    try:
        for part in place:
            inner = os.open(part, how | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = inner
        yield here
    finally:
        os.close(here)
