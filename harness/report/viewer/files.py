"""Files of runs and comparisons: which are served, with which type and policy, and access to them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from harness.results import archive
from harness.system import files

_STRICT: Final = "sandbox; default-src 'none'; frame-ancestors 'none'"
#: A chart has inline style.
_CHART: Final = f"{_STRICT}; style-src 'unsafe-inline'; img-src data:"
#: A report is one page with inline style and script. Without `allow-same-origin` it has an origin of its own:
#: it can neither read other pages of the viewer nor send requests.
_REPORT: Final = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline';"
    " img-src data:; font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True)
class FileKind:
    """Kind of file.

    Attributes:
        content_type: Value of the Content-Type header.
        policy: Content-Security-Policy, in case a browser shows the file as a page.
        is_download: Whether a browser should save it.
        is_figure: Whether it is shown on the page of a run.
    """

    content_type: str
    policy: str = _STRICT
    is_download: bool = False
    is_figure: bool = False


#: Kinds by file name pattern.
_KINDS: Final = {
    archive.RESULT_FILE: FileKind("application/json"),
    archive.COMPARISON_FILE: FileKind("application/json"),
    archive.PAGE_FILE: FileKind("text/html; charset=utf-8", _REPORT),
    archive.MARKDOWN_FILE: FileKind("text/plain; charset=utf-8"),
    archive.SUMMARY_FILE: FileKind("text/plain; charset=utf-8"),
    "recording-*.jsonl.gz": FileKind("application/gzip", is_download=True),
    "*.png": FileKind("image/png", is_figure=True),
    "*.svg": FileKind("image/svg+xml", _CHART, is_figure=True),
}


def kind_of(name: str) -> FileKind | None:
    """Return the kind of a file by its name; None if it is not served."""
    if name.startswith(".") or not is_text(name):
        return None
    return next((kind for pattern, kind in _KINDS.items() if fnmatchcase(name, pattern)), None)


def is_text(name: str) -> bool:
    """Whether the name of a file or a folder is UTF-8, so that a page can show it."""
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that are not UTF-8 are half surrogate pairs in the name
        return False
    return True


def parts_of(raw: str) -> list[str] | None:
    """Return the decoded parts of a URL path; None if a part is hidden, leads up or has invalid characters.

    An encoded slash does not separate parts, so that each folder has only one address.
    """
    try:
        parts = [unquote_to_bytes(part).decode() for part in raw.split("/")]
    except UnicodeDecodeError:
        return None
    valid = all(part and not part.startswith(".") and not set(part) & {"/", "\\", "\0"} for part in parts)
    return parts if valid else None


def read(root: Path, place: Sequence[str], name: str) -> bytes:
    """Return the content of a regular file; no part of its path below the root may be a link.

    Raises:
        OSError: There is no such file, or it is too large.
    """
    with _folder(root, place) as folder:
        return files.read_regular(name, archive.MOST_BYTES, folder)


def names(root: Path, place: Sequence[str]) -> list[str]:
    """Return the names of the files in a folder that are served, sorted; none if it is not a folder."""
    with contextlib.suppress(OSError), _folder(root, place) as folder, os.scandir(folder) as entries:
        return sorted(
            entry.name for entry in entries if kind_of(entry.name) and entry.is_file(follow_symlinks=False)
        )
    return []


@contextlib.contextmanager
def _folder(root: Path, place: Sequence[str]) -> Iterator[int]:
    """Yield a descriptor of a folder, opened part by part without following links."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    descriptor = os.open(root, flags)
    try:
        for part in place:
            inner = os.open(part, flags | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)
