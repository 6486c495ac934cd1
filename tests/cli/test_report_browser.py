"""A report as a reader has it: opened from disk in a browser, by pointer and keyboard, in both themes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from itertools import cycle
from pathlib import Path
from typing import Any, get_args

import pytest
from playwright.sync_api import Browser, Page
from rich.console import Console

from harness.report import write
from harness.report.charts.parts.draw import figures
from harness.report.compare.run import compare_runs
from harness.results import archive
from harness.results.base import Verdict
from harness.results.model import Result
from harness.system.output import Output
from tests.browser import browser
from tests.harness.report.test_report_incidents import OUTAGE, with_incidents

pytestmark = pytest.mark.slow

PUBLISHED = Path(__file__).parents[2] / "results" / "published"
#: The least contrast of text that WCAG 2.2 asks for (AA), and that of large text.
CONTRAST, LARGE_CONTRAST = 4.5, 3.0

#: Every text on the page that is worse to read than the standard allows: its words, its contrast. Colours
#: come as the browser computed them; what lies behind a text is the nearest part with a colour of its own.
PALE_TEXT = """
([least, large]) => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).slice(0, 3).map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((channels(colour)[3] ?? 1) > 0) return colour;
    }
    throw new Error("nothing behind");
  };
  const pale = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (walker.nextNode()) {
    const words = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (!words || ["SCRIPT", "title"].includes(element.tagName)) continue;
    const style = getComputedStyle(element);
    const drawn = element.namespaceURI.endsWith("svg");
    if (drawn && element.closest(".on-colour")) continue;
    const [one, other] = [luminance(drawn ? style.fill : style.color), luminance(behind(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    seen += 1;
    if (contrast < (isLarge ? large : least)) pale.push([words, Math.round(contrast * 100) / 100]);
  }
  return [seen, pale];
}
"""
#: What of a page reaches further to the right than the page is wide, unless it scrolls in a box of its own.
TOO_WIDE = """
() => [...document.body.querySelectorAll("*")]
  .filter((one) => !one.parentElement.closest(".scroll") && !one.matches(".unseen"))
  .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .map((one) => one.outerHTML.slice(0, 80))
"""


#: Which element has the focus, and whether it shows.
FOCUS = """
() => {
  const now = document.activeElement;
  const at = [...document.querySelectorAll("main *")].indexOf(now);
  return [at, at >= 0 && getComputedStyle(now).outlineStyle !== "none"];
}
"""
#: Boxes that would have to be scrolled.
CUT = """
() => [...document.querySelectorAll(".scroll")].filter((one) => one.scrollWidth > one.clientWidth)
  .map((one) => one.getAttribute("aria-label"))
"""


@pytest.fixture(scope="module")
def started() -> Iterator[Browser]:
    """One browser for all."""
    with browser() as one:
        yield one


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published quick run with an incident added, as a run would leave it."""
    result = archive.load(PUBLISHED / "20261125-quick")
    place = tmp_path_factory.mktemp("report")
    write.write(with_incidents(result, OUTAGE), place)
    return place


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run as if every verdict and every status of a check had come of it; no verdict is withheld."""
    result = archive.load(PUBLISHED / "20261125-quick")
    verdicts = cycle(get_args(Verdict))
    rows = [row.model_copy(update={"verdict": next(verdicts)}) for row in result.comparisons]
    warned = [check.model_copy(update={"status": "warning"}) for check in result.validity[:2]]
    changed = {"comparisons": rows, "validity": [*warned, *result.validity[2:]]}
    place = tmp_path_factory.mktemp("varied")
    write.write(with_incidents(result.model_copy(update=changed), OUTAGE), place)
    return place


@contextmanager
def opened(browser: Browser, file: Path, **context: Any) -> Iterator[Page]:
    """A page opened from disk; afterwards nothing may have been complained of or asked for."""
    with browser.new_context(offline=True, **context) as own:
        page, trouble, asked = own.new_page(), [], []
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        yield page
        assert trouble == []
        assert [url for url in asked if url != file.as_uri() and not url.startswith("data:")] == []


def column(page: Page, table: str, number: int) -> list[str]:
    """The cells of a column of the first table whose caption is this."""
    found = page.locator("table", has=page.locator("caption", has_text=table)).first
    return found.locator(f"tbody tr > :nth-child({number})").all_text_contents()


def test_the_answer_is_above_the_fold_of_a_phone(started: Browser, folder: Path) -> None:
    """Who won, by how much and how surely, before anything is touched."""
    with opened(started, folder / "report.html", viewport={"width": 360, "height": 640}) as page:
        assert "token beats cookie" in page.locator("h1").inner_text()
        assert "19.9 %" in page.locator("h1").inner_text()
        boxes = [one.bounding_box() for one in page.locator("header > *").all()]
        assert len(boxes) == 4
        assert all(box is not None and box["y"] >= 0 and box["y"] + box["height"] <= 640 for box in boxes)
        assert "99 % CI +18.3 to +21.5 %" in page.locator("header").inner_text()


def test_every_figure_is_there_and_seen(started: Browser, folder: Path) -> None:
    """As many as apply, each with a name for those who do not see it, and marks that tell their values."""
    with opened(started, folder / "report.html", viewport={"width": 1200, "height": 900}) as page:
        drawn = page.get_by_role("img")
        names = {one.get_attribute("aria-labelledby") for one in drawn.all()}
        wanted = {"cost", "incidents", "instances", "latency", "ratios", "throughput"}
        assert names == {f"{name}-shows" for name in wanted} <= {f"{name}-shows" for name, _ in figures()}
        for one in drawn.all():
            box = one.bounding_box()
            assert box is not None
            assert box["width"] > 600
            assert box["height"] > 150
        assert page.get_by_role("img", name="Ratios between schemes").count() == 1
        assert page.locator("svg use > title, svg g > title").count() > 80


@pytest.mark.parametrize("width", [360, 800, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_and_nothing_sticks_out(
    started: Browser, varied: Path, scheme: str, width: int
) -> None:
    """Contrast as WCAG asks for, of all that is unfolded; wide tables scroll, the page does not."""
    viewport = {"width": width, "height": 900}
    with opened(started, varied / "report.html", viewport=viewport, color_scheme=scheme) as page:
        page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        seen, pale = page.evaluate(PALE_TEXT, [CONTRAST, LARGE_CONTRAST])
        assert seen > 1000
        assert pale == []
        assert page.evaluate("() => document.documentElement.scrollWidth") == width
        assert page.evaluate(TOO_WIDE) == []


def test_themes_differ_in_page_and_figures(started: Browser, folder: Path) -> None:
    """A dark page has no white figure in it, and colours of arms that stand out from the dark."""
    parts = ["body", ".drawing", '.drawing path[fill="#ffffff"]', '.drawing [fill="#0072b2"]']
    looks = []
    for scheme in ("light", "dark"):
        with opened(started, folder / "report.html", color_scheme=scheme) as page:
            looks.append(
                [
                    page.locator(part).first.evaluate(
                        "(one) => [getComputedStyle(one).backgroundColor, getComputedStyle(one).fill]"
                    )
                    for part in parts
                ]
            )
    assert all(light != dark for light, dark in zip(*looks, strict=True))


def test_tables_sort_by_click_and_by_key(started: Browser, folder: Path) -> None:
    """By the number, not by its letters; up, down, and as written; and say which."""
    with opened(started, folder / "report.html", viewport={"width": 1200, "height": 900}) as page:
        written = column(page, "With verdict", 4)
        numbers = sorted(written, key=float)
        assert written != numbers
        button = page.get_by_role("region", name="Comparisons with a verdict").get_by_role(
            "button", name="ratio"
        )
        head = button.locator("xpath=..")
        button.click()
        assert column(page, "With verdict", 4) == numbers
        assert head.get_attribute("aria-sort") == "ascending"
        button.focus()
        page.keyboard.press("Enter")
        assert column(page, "With verdict", 4) == numbers[::-1]
        assert head.get_attribute("aria-sort") == "descending"
        page.keyboard.press("Space")
        assert column(page, "With verdict", 4) == written
        assert head.get_attribute("aria-sort") is None


def test_thousands_sort_as_numbers_and_words_as_words(started: Browser, folder: Path) -> None:
    """10,380 comes after 9,000; rows move as a whole."""
    with opened(started, folder / "report.html") as page:
        table = page.locator("table", has=page.locator("caption", has_text="Speed")).first
        table.get_by_role("button", name="throughput").click()
        assert column(page, "Speed", 1) == ["cookie", "token", "anonymous"]
        table.get_by_role("button", name="scheme").click()
        assert column(page, "Speed", 1) == ["anonymous", "cookie", "token"]
        assert column(page, "Speed", 2)[1].startswith("10,380")


def test_the_keyboard_reaches_all_and_shows_where_it_is(started: Browser, folder: Path) -> None:
    """First a way past the contents; then every link, table, figure and head, each with an outline."""
    with opened(started, folder / "report.html", viewport={"width": 1000, "height": 800}) as page:
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.textContent") == "Skip to the report"
        page.keyboard.press("Enter")
        assert page.evaluate("() => document.activeElement.id") == "main"
        stops = page.locator("main :is(a, button, summary, [tabindex='0'])")
        shown = stops.evaluate_all("(all) => all.filter((one) => one.checkVisibility()).length")
        assert 50 < shown < stops.count()
        outlines = []
        for _ in range(shown):
            page.keyboard.press("Tab")
            outlines.append(page.evaluate(FOCUS))
        assert all(outlined for _, outlined in outlines)
        assert len({at for at, _ in outlines}) == shown


def test_without_a_script_everything_is_there(started: Browser, folder: Path) -> None:
    """Tables as they were written, what is folded opens; only sorting is missing."""
    with opened(started, folder / "report.html", java_script_enabled=False) as page:
        assert page.get_by_role("button").count() == 0
        assert len(column(page, "With verdict", 1)) == 6
        folded = page.locator("details", has_text="further comparisons (no verdict)")
        folded.locator("summary").click()
        assert folded.locator("tbody tr").last.is_visible()


def test_printed_nothing_is_cut_off(started: Browser, folder: Path) -> None:
    """Even in the dark it is black on white; tables do not scroll, what is folded is shown."""
    a4 = {"width": 720, "height": 1000}
    with opened(started, folder / "report.html", viewport=a4, color_scheme="dark") as page:
        page.emulate_media(media="print")
        page.evaluate("() => dispatchEvent(new Event('beforeprint'))")
        assert page.evaluate("() => document.documentElement.scrollWidth") == 720
        assert page.evaluate(CUT) == []
        assert page.locator("details tbody tr").last.is_visible()
        assert page.evaluate("() => getComputedStyle(document.body).color") == "rgb(26, 28, 31)"
        assert page.pdf().startswith(b"%PDF")


def test_several_results_on_one_page(started: Browser, tmp_path: Path) -> None:
    """Opens without an error, both figures there, narrow and wide."""
    both = [str(PUBLISHED / name) for name in ("20261125-capacity", "20261125-capacity-2")]
    compare_runs(both, tmp_path, tmp_path, Output(Console(file=StringIO())))
    for width in (360, 1600):
        with opened(started, tmp_path / "report.html", viewport={"width": width, "height": 900}) as page:
            assert "No verdict (the runs were not interleaved)" in page.locator("h1").inner_text()
            assert page.get_by_role("img").count() == 2
            assert page.evaluate("() => document.documentElement.scrollWidth") == width


def test_an_invalid_run_says_so_first(started: Browser, tmp_path: Path) -> None:
    """In the place of the answer, in the colour of what is wrong."""
    good = archive.load(PUBLISHED / "20261125-quick")
    bad = Result.model_validate(
        good.model_dump() | {"validity": [{"check": "errors", "status": "invalid", "detail": "12 failed"}]}
    )
    write.write(bad, tmp_path)
    with opened(started, tmp_path / "report.html", viewport={"width": 360, "height": 640}) as page:
        assert page.locator("h1").inner_text() == "INVALID: do not use these figures."
        assert "errors: 12 failed" in page.locator("header").inner_text()
        assert (
            page.evaluate("() => getComputedStyle(document.querySelector('h1')).color") == "rgb(176, 0, 32)"
        )
