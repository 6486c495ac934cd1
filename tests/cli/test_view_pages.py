"""The viewer's pages in a real browser: they fit, they move, they filter, and strangers stay strangers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests import viewing
from tests.browser import browser
from tests.viewing import Viewer, put, put_comparison, stored, under_way

pytestmark = pytest.mark.slow

HOSTILE = '"><script>document.title = "broken"</script><img src=x onerror=alert(1)>'
#: One self-contained page, as a report is, which tries what no report may.
REPORT = """<!doctype html><title>report</title><style>p { color: rgb(1, 2, 3) }</style><p id="ran">no</p>
<script>
document.getElementById("ran").textContent = "yes";
const told = [];
const note = (name, attempt) => {
  try { attempt(); told.push(name) } catch (error) { told.push(`no ${name}`) }
};
note("cookies", () => document.cookie);
note("storage", () => localStorage.length);
fetch("/").then(() => told.push("fetch"), () => told.push("no fetch"))
  .then(() => { document.title = told.join(", ") });
</script>"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs: one with a report and a figure, one of a stranger, one with long names."""
    results = tmp_path_factory.mktemp("pages") / "results"
    run = put(results / "20261101-quick", started_at="2026-11-01T08:00:00+00:00")
    (run / "report.html").write_text(REPORT)
    (run / "cost.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>')
    result = stored(suite=HOSTILE, id=HOSTILE, started_at="2026-10-01T08:00:00+00:00")
    put(results / "hostile", result)
    long = "20261001-a-suite-whose-name-was-made-by-a-program-that-knows-no-end-of-words"
    put(results / long, cpu="A CPU " + "whose maker is proud " * 6, started_at="2026-09-01T08:00:00+00:00")
    put_comparison(results / "compared", HOSTILE, long)
    return results


@pytest.fixture(scope="module")
def viewer(results: Path) -> Iterator[Viewer]:
    """A viewer of them."""
    with viewing.viewing(results) as running:
        yield running


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real browser."""
    with browser() as started:
        yield started


@contextmanager
def opened(chromium: Browser, width: int = 1200, *, scripts: bool = True) -> Iterator[Page]:
    """A page that must run without a word on its console and without a dialog."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, java_script_enabled=scripts)
    said: list[str] = []

    def note(message: ConsoleMessage) -> None:
        said.append(f"{message.type}: {message.text}")

    page = context.new_page()
    page.on("console", note)
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
    try:
        yield page
        assert said == []
    finally:
        context.close()


@pytest.mark.parametrize("width", [360, 768, 1600])
def test_pages_fit(viewer: Viewer, chromium: Browser, results: Path, width: int) -> None:
    """No page is wider than its window, with long names, figures, and a run under way."""
    with under_way(results / "hostile") as file, opened(chromium, width) as page:
        file.write("measuring", "saturation", done=3, total=12)
        for path in ("/", "/trends", "/runs/20261101-quick/"):
            page.goto(viewer.url + path)
            assert page.title() != "broken"
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_a_filter_is_a_plain_form(viewer: Viewer, chromium: Browser) -> None:
    """It works without scripts, by keyboard, and keeps what was chosen on the way to the trends."""
    with opened(chromium, scripts=False) as page:
        page.goto(viewer.url)
        assert page.locator("tbody tr").count() == 3
        page.get_by_label("suite").select_option(HOSTILE)
        page.get_by_role("button", name="Show").press("Enter")
        assert page.locator("tbody tr").count() == 1
        assert page.get_by_label("suite").input_value() == HOSTILE
        page.get_by_role("link", name="Trends").press("Enter")
        assert page.get_by_label("suite").input_value() == HOSTILE
        page.get_by_role("link", name="Results", exact=True).press("Enter")
        page.get_by_role("link", name="Show all").press("Enter")
        assert page.locator("tbody tr").count() == 3


def test_the_first_tab_leads_past_the_head(viewer: Viewer, chromium: Browser) -> None:
    """For those who go by keyboard."""
    with opened(chromium) as page:
        page.goto(viewer.url)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"


def test_a_run_under_way_moves_its_bar_and_becomes_a_result(
    viewer: Viewer, chromium: Browser, results: Path
) -> None:
    """It appears, moves and goes by itself; what the reader chose stays."""
    folder = put(results / "live", started_at="2026-11-02T08:00:00+00:00")
    with opened(chromium) as page:
        page.goto(viewer.url + "/?suite=quick")
        page.locator("tbody a", has_text="live").wait_for()
        with under_way(folder) as file:
            file.write("starting servers")
            page.locator("progress").wait_for()
            page.locator("tbody a", has_text="live").wait_for(state="detached")
            page.get_by_text("starting servers").wait_for()
            assert page.locator("progress").get_attribute("value") is None
            file.write("measuring", "saturation", done=3, total=12, rates={"token": 12000.0})
            page.get_by_text("saturation: measuring, 25 %, token 12,000/s").wait_for()
            assert page.locator("progress").evaluate("bar => [bar.value, bar.max]") == [3, 12]
            file.write("measuring", "saturation", done=9, total=12)
            page.get_by_text("saturation: measuring, 75 %").wait_for()
            assert page.locator("progress").evaluate("bar => bar.value") == 9
        page.locator("tbody a", has_text="live").wait_for()
        assert page.locator("progress").count() == 0
        assert page.get_by_label("suite").input_value() == "quick"


def test_without_scripts_the_page_says_how_far_a_run_is(
    viewer: Viewer, chromium: Browser, results: Path
) -> None:
    """And leads to itself, to look again."""
    with under_way(results / "hostile") as file, opened(chromium, scripts=False) as page:
        file.write("measuring", "saturation", done=3, total=12)
        page.goto(viewer.url)
        assert page.get_by_text("saturation: measuring, 25 %").is_visible()
        file.write("measuring", "saturation", done=6, total=12)
        page.get_by_role("link", name="Refresh").click()
        assert page.get_by_text("saturation: measuring, 50 %").is_visible()


def test_a_report_runs_its_own_script_and_reads_nothing_of_ours(viewer: Viewer, chromium: Browser) -> None:
    """It is a stranger: no cookie, no storage, no answer of the viewer's."""
    page = chromium.new_context().new_page()
    page.goto(f"{viewer.url}/runs/20261101-quick/report.html")
    page.wait_for_function("document.title.includes('fetch')")
    assert page.title() == "no cookies, no storage, no fetch"
    assert page.locator("#ran").text_content() == "yes"
    assert page.locator("#ran").evaluate("it => getComputedStyle(it).color") == "rgb(1, 2, 3)"
    page.context.close()


class _Stranger(BaseHTTPRequestHandler):
    """Another site: a page that embeds, frames, fetches and follows the viewer."""

    viewer = ""

    def do_GET(self) -> None:
        """The page."""
        page = f"""<title>wait</title><iframe src="{self.viewer}/"></iframe><script>
        const told = [];
        const tried = [
          fetch("{self.viewer}/").then(() => told.push("fetch"), () => 0),
          new Promise((done) => {{
            const picture = new Image();
            picture.onload = () => done(told.push("picture"));
            picture.onerror = done;
            picture.src = "{self.viewer}/runs/20261101-quick/cost.svg";
          }}),
          new Promise((done) => {{
            const stream = new EventSource("{self.viewer}/live");
            stream.onopen = () => done(told.push("stream"));
            stream.onerror = done;
          }}),
        ];
        Promise.all(tried).then(() => {{ document.title = `got: ${{told.join(", ")}}` }});
        </script>"""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_: object) -> None:
        """Not a word."""


def test_another_sites_page_gets_nothing(viewer: Viewer, chromium: Browser) -> None:
    """Neither by fetch, as a picture, as a stream, nor in a frame."""
    _Stranger.viewer = viewer.url
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Stranger)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    page = chromium.new_context().new_page()
    try:
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_function("document.title.startsWith('got:')")
        assert page.title() == "got:"
        assert not any("Results" in frame.content() for frame in page.frames[1:])
    finally:
        page.context.close()
        server.shutdown()
        thread.join()
        server.server_close()
