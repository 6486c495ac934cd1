"""Where things lie that can be made again, such as environments for other revisions: one folder a user."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

_NAME: Final = "cookies-vs-tokens"


def folder() -> Path:
    """The cache folder, which need not be there: by XDG_CACHE_HOME, else where the system keeps caches."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if given.is_absolute():  # the XDG specification has relative ones ignored
        return given / _NAME
    caches = Path("Library", "Caches") if sys.platform == "darwin" else Path(".cache")
    return Path.home() / caches / _NAME
