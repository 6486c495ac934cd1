"""Running benchmarks as a stream of server-sent events; files are read only while a page is connected."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Collection
from typing import Final

from aiohttp import web

from harness.report.viewer.result_index import ResultIndex
from harness.report.viewer.summary import describe_progress
from harness.results import progress_file
from harness.results.progress_file import Progress
from harness.system import run_lock

#: Maximum number of connected pages.
MOST: Final = 16
#: Seconds between two reads of the progress files.
_INTERVAL_S: Final = 1.0
#: Reads without changes after which a comment is sent, to detect a page that is gone.
_SILENT_READS: Final = 15
#: Milliseconds after which a browser reconnects.
_RETRY_MS: Final = 2000


class Live:
    """Streams to the pages that follow the runs below a folder.

    Args:
        results: Index of the folder.
    """

    def __init__(self, results: ResultIndex) -> None:
        self._results = results
        self._listeners = 0

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Send the running benchmarks whenever they change, until the page disconnects."""
        if self._listeners >= MOST:
            raise web.HTTPServiceUnavailable(
                text="503: too many pages are connected\n", headers={"Retry-After": "10"}
            )
        self._listeners += 1
        try:
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            if request.method != "HEAD":
                await self._send(response)
            return response
        except ConnectionError:  # the page is gone
            return response
        finally:
            self._listeners -= 1

    async def _send(self, response: web.StreamResponse) -> None:
        places = (await asyncio.to_thread(self._results.scan)).under_way.keys()
        await response.write(f"retry: {_RETRY_MS}\n\n".encode())
        last, silent = "", 0
        while True:
            running = self._read(places)
            places = running.keys()
            state = json.dumps(
                [describe_progress(place, progress)._asdict() for place, progress in running.items()]
            )
            silent = 0 if state != last else silent + 1
            if state != last:
                await response.write(f"event: progress\ndata: {state}\n\n".encode())
            elif silent % _SILENT_READS == 0:
                await response.write(b": no change\n\n")
            last = state
            await asyncio.sleep(_INTERVAL_S)

    def _read(self, places: Collection[str]) -> dict[str, Progress]:
        """Return the runs that are still running: those of these folders, and the one that holds the lock."""
        candidates = {*places}
        with contextlib.suppress(OSError, ValueError):  # the lock is held by a run elsewhere
            if (folder := run_lock.folder()) is not None:
                candidates.add(self._results.place(folder.resolve()))
        running = {place: progress_file.read(self._results.root / place) for place in sorted(candidates)}
        return {place: progress for place, progress in running.items() if progress is not None}
