"""Where a browser is looked for, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from browserlab import chromium
from tests.browser import browser


def test_one_that_is_named_and_missing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not replaced by another in silence."""
    monkeypatch.setenv(chromium.VARIABLE, str(tmp_path / "none"))
    with pytest.raises(chromium.NoBrowserError, match=r"CHROMIUM is .*none, and there is no such file"):
        chromium.find()


def test_where_there_is_none_it_is_told_how_to_get_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither Playwright's own nor one on the path."""
    monkeypatch.delenv(chromium.VARIABLE, raising=False)
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(chromium.NoBrowserError, match="make browser"):
        chromium.find()


def test_a_browser_shows_a_page() -> None:
    """A real one, and it runs scripts."""
    with browser() as started:
        page = started.new_page()
        page.set_content("<p>0</p><script>document.querySelector('p').textContent = 1 + 1</script>")
        assert page.inner_text("p") == "2"
