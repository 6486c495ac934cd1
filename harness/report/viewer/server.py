"""Routes of the viewer: list, trends, runs and comparisons with their files, stream of running benchmarks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from harness.errors import SuiteError
from harness.report import html
from harness.report.history.series import History, history
from harness.report.viewer import files, guard, pages
from harness.report.viewer.filters import Choice
from harness.report.viewer.live import Live
from harness.report.viewer.result_index import ResultIndex
from harness.report.viewer.summary import NONSENSE, NOT_NEEDED, Summary
from harness.results import archive, progress_file
from harness.results.archive import COMPARISON_FILE, PAGE_FILE, RESULT_FILE

_FOLDER: Final = Path(__file__).with_name("static")
#: Folders and content types of the static files, by name.
_STATIC: Final = {
    "figures.css": (html.TEMPLATES, "text/css; charset=utf-8"),
    "view.css": (_FOLDER, "text/css; charset=utf-8"),
    "view.js": (_FOLDER, "text/javascript; charset=utf-8"),
    "icon.svg": (_FOLDER, "image/svg+xml"),
}


def create_app(root: Path) -> web.Application:
    """Return the web application for the results below a folder."""
    viewer = _Viewer(ResultIndex(root))
    app = web.Application(middlewares=[guard.refuse_strangers])
    app.on_response_prepare.append(guard.forbid)
    app.add_routes(
        [
            web.get("/", _in_thread(viewer.index)),
            web.get("/trends", _in_thread(viewer.trends)),
            web.get("/live", Live(viewer.results).stream),
            web.get("/own/{name}", _in_thread(viewer.static)),
            web.get("/{path:.*}", _in_thread(viewer.run)),
        ]
    )
    return app


def _in_thread(handler: Callable[[web.Request], web.Response]) -> Handler:
    """Return the handler for the event loop, outside of which it accesses files and calculates."""

    async def handle(request: web.Request) -> web.Response:
        return await asyncio.to_thread(handler, request)

    return handle


class _Viewer:
    """Request handlers, each called in a thread."""

    def __init__(self, results: ResultIndex) -> None:
        self.results = results

    def index(self, request: web.Request) -> web.Response:
        """Return all results, newest first, and running benchmarks."""
        indexed = self.results.scan()
        reports = {result.place for result in indexed.results if self._has_report(result)}
        return _page(pages.index(indexed, Choice.of(request.query), reports, datetime.now(UTC)))

    def trends(self, request: web.Request) -> web.Response:
        """Return the trends across the selected results."""
        choice, indexed = Choice.of(request.query), self.results.scan()
        newest = [result.kept for result in choice.among(indexed.results)[: pages.MOST_DRAWN]]
        try:
            found: History | str = history(newest)
        except SuiteError as error:
            found = str(error)
        return _page(pages.trends(found, indexed, choice))

    def run(self, request: web.Request) -> web.Response:
        """Return the page of a run, or one of its files."""
        raw = request.rel_url.raw_path
        if not raw.startswith("/runs/"):
            return _missing()
        folder, _, name = raw.removeprefix("/runs/").rpartition("/")
        place, file = files.parts_of(folder) if folder else [], files.parts_of(name) if name else [""]
        if place is None or file is None:
            return _missing()
        return self._page(place) if file == [""] else self._file(place, file[0])

    def _page(self, place: list[str]) -> web.Response:
        try:
            result = archive.parse(files.read(self.results.root, place, RESULT_FILE), "it", NOT_NEEDED)
            names = files.names(self.results.root, place)
            is_under_way = progress_file.read(self.results.root.joinpath(*place)) is not None
            return _page(pages.run("/".join(place), result, names, is_under_way=is_under_way))
        except (OSError, SuiteError, *NONSENSE):  # the list shows the reason
            return _missing()

    def _file(self, place: list[str], name: str) -> web.Response:
        served = files.names(self.results.root, place)
        kind = files.kind_of(name)
        if kind is None or name not in served or not {RESULT_FILE, COMPARISON_FILE} & {*served}:
            return _missing()
        try:
            content = files.read(self.results.root, place, name)
        except OSError:
            return _missing()
        headers = {"Content-Type": kind.content_type, "Content-Security-Policy": kind.policy}
        if kind.is_download:
            headers["Content-Disposition"] = "attachment"
        return web.Response(body=content, headers=headers)

    def _has_report(self, result: Summary) -> bool:
        report = self.results.root / result.place / PAGE_FILE
        return report.is_file() and not report.is_symlink()

    def static(self, request: web.Request) -> web.Response:
        """Return a style, the script or the icon."""
        name = request.match_info["name"]
        if name not in _STATIC:
            return _missing()
        folder, content_type = _STATIC[name]
        return web.Response(body=(folder / name).read_bytes(), headers={"Content-Type": content_type})


def _page(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, content_type="text/html", status=status)


def _missing() -> web.Response:
    return _page(pages.missing(), 404)
