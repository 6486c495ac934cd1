"""A real browser for tests: where there is none they skip, but not in CI, which installs one."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

from browserlab import chromium


def there_is_one() -> bool:
    """Whether there is a browser; fails where there has to be one (`REQUIRE_BROWSER` is set)."""
    try:
        chromium.find()
    except chromium.NoBrowserError as error:
        if os.environ.get("REQUIRE_BROWSER"):
            pytest.fail(str(error))
        return False
    return True


def require() -> None:
    """Skip where there is no browser."""
    if not there_is_one():
        pytest.skip(chromium.HOW)


@contextmanager
def browser(arguments: Sequence[str] = ()) -> Iterator[Browser]:
    """A browser without a window."""
    require()
    path = chromium.find()
    with sync_playwright() as playwright:
        arguments = [*chromium.sandbox_arguments(), *arguments]
        started = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield started
        finally:
            started.close()
