"""The viewer's addresses: the list, trends, runs and comparisons with files, the stream of what runs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aiohttp import web

from harness.errors import SuiteError
from harness.report.compare.file import COMPARISON_FILE
from harness.report.history.series import History, history
from harness.report.viewer import files, guard, pages
from harness.report.viewer.filters import Choice
from harness.report.viewer.live import Live
from harness.report.viewer.result_index import IndexedResults, Shelf
from harness.report.viewer.summary import NONSENSE, NOT_NEEDED, Summary
from harness.results import archive, progress_file
from harness.results.archive import PAGE_FILE, RESULT_FILE

#: Its own style, script and picture, by name.
_OWN: Final = {
    "view.css": "text/css; charset=utf-8",
    "view.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


def create_app(root: Path) -> web.Application:
    """The viewer of the results below a folder."""
    viewer = _Viewer(Shelf(root))
    app = web.Application(middlewares=[guard.refuse_strangers])
    app.on_response_prepare.append(guard.forbid)
    app.add_routes(
        [
            web.get("/", viewer.index),
            web.get("/trends", viewer.trends),
            web.get("/live", Live(viewer.shelf).stream),
            web.get("/own/{name}", viewer.own),
            web.get("/{path:.*}", viewer.run),
        ]
    )
    return app


class _Viewer:
    """Answers requests; what touches files or reckons does so beside the event loop."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    async def index(self, request: web.Request) -> web.Response:
        """All results, newest first, and what is under way."""
        choice = Choice.of(request.query)

        def made() -> str:
            seen = self.shelf.look()
            reports = {one.place for one in seen.results if self._has_report(one)}
            return pages.index(seen, choice, reports, datetime.now(UTC))

        return _page(await asyncio.to_thread(made))

    async def trends(self, request: web.Request) -> web.Response:
        """Figures of the results that are chosen, from run to run."""
        choice = Choice.of(request.query)

        def made() -> str:
            seen = self.shelf.look()
            return pages.trends(_history(seen, choice), seen, choice)

        return _page(await asyncio.to_thread(made))

    async def run(self, request: web.Request) -> web.Response:
        """The page of a run, or one of its files."""
        raw = request.rel_url.raw_path
        if not raw.startswith("/runs/"):
            return _missing()
        folder, _, name = raw.removeprefix("/runs/").rpartition("/")
        place, file = files.parts_of(folder) if folder else [], files.parts_of(name) if name else [""]
        if place is None or file is None:
            return _missing()
        return await asyncio.to_thread(self._page if file == [""] else self._file, place, file[0])

    def _page(self, place: list[str], _: str) -> web.Response:
        try:
            result = archive.parse(files.read(self.shelf.root, place, RESULT_FILE), "it", NOT_NEEDED)
            names = files.names(self.shelf.root, place)
            is_under_way = progress_file.read(self.shelf.root.joinpath(*place)) is not None
            return _page(pages.run("/".join(place), result, names, is_under_way=is_under_way))
        except (OSError, SuiteError, *NONSENSE):  # the list says what is wrong with it
            return _missing()

    def _file(self, place: list[str], name: str) -> web.Response:
        there = files.names(self.shelf.root, place)
        kind = files.kind_of(name)
        if kind is None or name not in there or not {RESULT_FILE, COMPARISON_FILE} & {*there}:
            return _missing()
        try:
            content = files.read(self.shelf.root, place, name)
        except OSError:
            return _missing()
        headers = {"Content-Type": kind.content_type, "Content-Security-Policy": kind.policy}
        if kind.is_download:
            headers["Content-Disposition"] = "attachment"
        return web.Response(body=content, headers=headers)

    def _has_report(self, one: Summary) -> bool:
        report = self.shelf.root / one.place / PAGE_FILE
        return report.is_file() and not report.is_symlink()

    async def own(self, request: web.Request) -> web.Response:
        """The style, the script or the icon."""
        name = request.match_info["name"]
        if name not in _OWN:
            return _missing()
        content = Path(__file__).with_name("static").joinpath(name).read_bytes()
        return web.Response(body=content, headers={"Content-Type": _OWN[name]})


def _history(seen: IndexedResults, choice: Choice) -> History | str:
    """The history of the newest of what was chosen, or why there is none."""
    try:
        return history([one.kept for one in choice.among(seen.results)[: pages.MOST_DRAWN]])
    except SuiteError as error:
        return str(error)


def _page(text: str, status: int = 200) -> web.Response:
    return web.Response(text=text, content_type="text/html", status=status)


def _missing() -> web.Response:
    return _page(pages.missing(), 404)
