"""HTML pages from templates: values are escaped, and a missing value is an error."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from harness.report import html
from harness.report.content import format as fmt
from harness.report.content import model
from harness.report.history.series import History, Point, changes_of
from harness.report.viewer import files
from harness.report.viewer.filters import Choice
from harness.report.viewer.result_index import IndexedResults, parts
from harness.report.viewer.summary import NONSENSE, describe_progress, ended
from harness.results.archive import PAGE_FILE
from harness.results.model import Result

#: Maximum number of results in a trend, the newest: more marks would overlap.
MOST_DRAWN: Final = 100


def address(place: str, name: str = "") -> str:
    """Return the path of a run's page, or of one of its files."""
    return "/runs/" + "/".join(quote(part, safe="") for part in [*parts(place), name])


def when(started_at: str) -> str:
    """Return a time as `YYYY-MM-DD HH:MM`; other text is returned unchanged."""
    try:
        return f"{datetime.fromisoformat(started_at).astimezone(UTC):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):
        return started_at


def value(point: Point) -> str:
    """Return the value of a run with its interval."""
    return fmt.with_interval(point.value, point.ci)


_PAGES: Final = html.environment(Path(__file__).with_name("templates"))
_PAGES.filters.update(when=when, changes=changes_of, value=value)
_PAGES.globals.update(address=address, report_file=PAGE_FILE, choice=Choice({}))


def index(indexed: IndexedResults, choice: Choice, reports: set[str], now: datetime) -> str:
    """Return the list of results.

    Args:
        indexed: All results.
        choice: Filters.
        reports: Folders that have a report.
        now: Current time.
    """
    return _PAGES.get_template("index.html").render(
        results=choice.among(indexed.results),
        total=len(indexed.results),
        comparisons=indexed.comparisons,
        unreadable=indexed.unreadable,
        running=[describe_progress(place, progress) for place, progress in indexed.under_way.items()],
        fields=choice.fields(indexed.results),
        choice=choice,
        reports=reports,
        now=f"{now:%H:%M:%S}",
    )


def run(place: str, result: Result, names: Sequence[str], *, is_under_way: bool) -> str:
    """Return the page of one run: its report, charts and files.

    Args:
        place: Folder of the run, relative to the results folder.
        result: Result of the run.
        names: Names of its files that are served.
        is_under_way: Whether it is still running.
    """
    charts = [name for name in names if (kind := files.kind_of(name)) is not None and kind.is_figure]
    shown = [name for name in charts if name.endswith(".svg") or f"{name[:-4]}.svg" not in charts]
    return _PAGES.get_template("run.html").render(
        place=place,
        result=result,
        report=model.report(result),
        ended="running" if is_under_way else ended(result),
        charts=shown,
        names=names,
    )


def trends(history: History | str, indexed: IndexedResults, choice: Choice) -> str:
    """Return the trends across runs, or a page with the reason why there are none."""
    from harness.report.charts.history import inline_history

    try:
        charts = inline_history(history) if isinstance(history, History) else []
    except NONSENSE as error:
        history, charts = f"the trends cannot be drawn: {error}", []
    shown = choice.among(indexed.results)
    return _PAGES.get_template("trends.html").render(
        history=history,
        charts=charts,
        chosen=len(shown),
        most=MOST_DRAWN,
        machines=sorted({result.machine for result in shown[:MOST_DRAWN]}),
        fields=choice.fields(indexed.results),
        choice=choice,
    )


def missing() -> str:
    """Return the page for an address that does not exist."""
    return _PAGES.get_template("missing.html").render()
