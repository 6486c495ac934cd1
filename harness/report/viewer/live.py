"""Runs under way, as a stream of server-sent events; nothing is looked at while nobody listens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from typing import Final

from aiohttp import web

from harness.report.viewer.progress_text import describe_progress
from harness.report.viewer.result_index import Shelf
from harness.results import progress_file
from harness.results.progress_file import Progress
from harness.system import run_lock

#: Pages that may listen at a time.
MOST: Final = 16
#: Seconds between two looks.
_EVERY_S: Final = 1.0
#: Looks without news after which the line is tried, so that one whose page is gone is found out.
_SILENT_LOOKS: Final = 15
#: Milliseconds after which a browser calls again where the line broke.
_RETRY_MS: Final = 2000


class Live:
    """Who listens to the runs below a folder.

    Args:
        shelf: The folder.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._listeners = 0

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Send what is under way whenever it changes, until the page goes."""
        if self._listeners >= MOST:
            raise web.HTTPServiceUnavailable(
                text="503: too many pages listen\n", headers={"Retry-After": "10"}
            )
        self._listeners += 1
        try:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            if request.method != "HEAD":
                await self._tell(response)
            return response
        except ConnectionError:  # the page is gone
            return response
        finally:
            self._listeners -= 1

    async def _tell(self, response: web.StreamResponse) -> None:
        places = (await asyncio.to_thread(self._shelf.look)).under_way.keys()
        await response.write(f"retry: {_RETRY_MS}\n\n".encode())
        last, silent = "", 0
        while True:
            running = self._look(places)
            places = running.keys()
            news = json.dumps(
                [describe_progress(place, progress)._asdict() for place, progress in running.items()]
            )
            silent = 0 if news != last else silent + 1
            if news != last:
                await response.write(f"event: progress\ndata: {news}\n\n".encode())
            elif silent % _SILENT_LOOKS == 0:
                await response.write(b": nothing new\n\n")
            last = news
            await asyncio.sleep(_EVERY_S)

    def _look(self, places: Collection[str]) -> dict[str, Progress]:
        """The runs of these places that still live, and the one that has the machine; a few small files."""
        running = {
            place: progress_file.read(self._shelf.root / place) for place in [*places, *self._at_work()]
        }
        return {place: progress for place, progress in sorted(running.items()) if progress is not None}

    def _at_work(self) -> list[str]:
        """The place of the run that has the machine, where it is below our folder."""
        folder = run_lock.folder()
        try:
            return [] if folder is None else [self._shelf.place(folder.resolve())]
        except (OSError, ValueError):  # elsewhere
            return []
