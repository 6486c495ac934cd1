"""Finds and starts a Chromium on this machine."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from playwright.async_api import Browser, async_playwright
from playwright.sync_api import sync_playwright

#: Names of the executable in distributions.
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
#: Environment variable with the path of another Chromium.
VARIABLE: Final = "CHROMIUM"
HOW: Final = f"`make browser` installs one; or set {VARIABLE} to the path of a Chromium"


class NoBrowserError(Exception):
    """There is no Chromium on this machine; the message explains how to get one."""


def find() -> str:
    """Return the path of a Chromium: that of the environment variable, Playwright's, or the system's.

    Raises:
        NoBrowserError: There is no Chromium.
    """
    with sync_playwright() as playwright:
        return _find(playwright.chromium.executable_path)


@asynccontextmanager
async def launched(
    arguments: Sequence[str] = (), *, third_party_cookies: bool = True
) -> AsyncIterator[Browser]:
    """Start a headless browser in an event loop, and close it afterwards.

    Args:
        arguments: Additional command-line arguments.
        third_party_cookies: Whether the user's settings allow third-party cookies. The default differs
            between versions of Chromium, and in private windows.

    Raises:
        NoBrowserError: There is no Chromium.
    """
    with TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        _write_preferences(Path(profile), third_party_cookies=third_party_cookies)
        async with async_playwright() as playwright:
            first = await playwright.chromium.launch_persistent_context(
                profile,
                executable_path=_find(playwright.chromium.executable_path),
                args=[*sandbox_arguments(), *arguments],
                handle_sigint=False,
                handle_sigterm=False,
            )
            try:
                if first.browser is None:
                    raise AssertionError("a launched context has a browser")
                yield first.browser
            finally:
                await first.close()


def _write_preferences(profile: Path, *, third_party_cookies: bool) -> None:
    preferences = profile / "Default" / "Preferences"
    preferences.parent.mkdir()
    setting = {"profile": {"cookie_controls_mode": 0 if third_party_cookies else 1}}
    preferences.write_text(json.dumps(setting))


def sandbox_arguments() -> list[str]:
    """Return Chromium's argument for root, common in containers: it then starts only without its sandbox.

    It loads only our pages.
    """
    return ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []


def _find(playwright_path: str) -> str:
    if path := os.environ.get(VARIABLE):
        if not Path(path).is_file():
            raise NoBrowserError(f"{VARIABLE} is {path}, and there is no such file; {HOW}.")
        return path
    if Path(playwright_path).is_file():
        return playwright_path
    if path := next((path for name in _NAMES if (path := shutil.which(name))), None):
        return path
    raise NoBrowserError(f"there is no Chromium on this machine: {HOW}.")
