"""What lies in the folder of a server of somebody else's, told by a digest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from harness.system import git

#: Folders whose contents a lock file names, or that no program is.
_NOT_SOURCE: Final = frozenset({"node_modules", "__pycache__", "venv"})
#: Of a file that is longer, only name and length count: it is no source, and would take long to read.
_LONGEST: Final = 1 << 20


def digest(folder: Path) -> str:
    """SHA-256, in hex, over names and contents of a folder's files.

    They are those that git lists there, new ones too, ignored ones not; without a checkout all but hidden
    ones and packages.
    """
    whole = hashlib.sha256()
    for path in sorted(_files(folder)):
        size = path.stat().st_size
        name, content = os.fsencode(path.relative_to(folder)), path.read_bytes() if size <= _LONGEST else b""
        whole.update(b"%d:%b%d:%b" % (len(name), name, size, content))
    return whole.hexdigest()


def _files(folder: Path) -> Iterable[Path]:
    listed = git.says(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard") or ""
    found = [path for name in listed.split("\0") if name and (path := folder / name).is_file()]
    return found or _walk(folder)


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [one for one in folders if one not in _NOT_SOURCE and not one.startswith(".")]
        yield from (path for one in files if not one.startswith(".") and (path := Path(place, one)).is_file())
