"""Where a Chromium is on this machine, and how it is started."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Playwright, sync_playwright

#: Names that distributions give it.
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: What somebody sets who has another one, elsewhere.
VARIABLE: Final = "CHROMIUM"
HOW: Final = f"`make browser` installs one; or set {VARIABLE} to the path of one"


class NoBrowserError(Exception):
    """There is no Chromium here; the text says how to get one."""


def find() -> str:
    """The path of a Chromium: the one that is named, Playwright's own, or the system's.

    Raises:
        NoBrowserError: There is none.
    """
    with sync_playwright() as playwright:
        return _find(playwright)


@contextmanager
def browser(arguments: Sequence[str] = ()) -> Iterator[Browser]:
    """A browser without a window, ended afterwards.

    Args:
        arguments: Further words of its command line.

    Raises:
        NoBrowserError: There is none.
    """
    # As root, which containers often are, it starts only without its sandbox: it is shown nothing but ours.
    own = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=_find(playwright), args=[*own, *arguments])
        try:
            yield started
        finally:
            started.close()


def _find(playwright: Playwright) -> str:
    if named := os.environ.get(VARIABLE):
        if not Path(named).is_file():
            raise NoBrowserError(f"{VARIABLE} is {named}, and there is no such file; {HOW}.")
        return named
    own = playwright.chromium.executable_path
    if Path(own).is_file():
        return own
    if found := next((path for name in _NAMES if (path := shutil.which(name))), None):
        return found
    raise NoBrowserError(f"there is no Chromium on this machine: {HOW}.")


if __name__ == "__main__":
    try:
        print(find())
    except NoBrowserError as error:
        sys.exit(str(error))
