"""Where a Chromium is on this machine, and how it is started."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from playwright.async_api import Browser as AsyncBrowser
from playwright.async_api import async_playwright
from playwright.sync_api import Browser, sync_playwright

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
        return _find(playwright.chromium.executable_path)


@contextmanager
def browser(arguments: Sequence[str] = ()) -> Iterator[Browser]:
    """A browser without a window, ended afterwards.

    Args:
        arguments: Further words of its command line.

    Raises:
        NoBrowserError: There is none.
    """
    with sync_playwright() as playwright:
        path = _find(playwright.chromium.executable_path)
        started = playwright.chromium.launch(executable_path=path, args=[*_own(), *arguments])
        try:
            yield started
        finally:
            started.close()


@asynccontextmanager
async def launched(
    arguments: Sequence[str] = (), *, third_party_cookies: bool = True
) -> AsyncIterator[AsyncBrowser]:
    """The same for a program with an event loop.

    Args:
        arguments: Further words of its command line.
        third_party_cookies: The user's own setting: let other sites than the page's have cookies. What it is
            where nobody has set it differs between Chromiums, and in their private windows.

    Raises:
        NoBrowserError: There is none.
    """
    with TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        _set(Path(profile), third_party_cookies=third_party_cookies)
        async with async_playwright() as playwright:
            first = await playwright.chromium.launch_persistent_context(
                profile,
                executable_path=_find(playwright.chromium.executable_path),
                args=[*_own(), *arguments],
                handle_sigint=False,
                handle_sigterm=False,
            )
            try:
                if first.browser is None:
                    raise AssertionError("a context that was launched has a browser")
                yield first.browser
            finally:
                await first.close()


def _set(profile: Path, *, third_party_cookies: bool) -> None:
    preferences = profile / "Default" / "Preferences"
    preferences.parent.mkdir()
    setting = {"profile": {"cookie_controls_mode": 0 if third_party_cookies else 1}}
    preferences.write_text(json.dumps(setting))


def _own() -> list[str]:
    # As root, which containers often are, it starts only without its sandbox: it is shown nothing but ours.
    return ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def _find(own: str) -> str:
    if named := os.environ.get(VARIABLE):
        if not Path(named).is_file():
            raise NoBrowserError(f"{VARIABLE} is {named}, and there is no such file; {HOW}.")
        return named
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
