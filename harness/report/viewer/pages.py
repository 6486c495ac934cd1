"""The pages, from templates: every value is escaped, and one that is missing is an error."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.report.content import model
from harness.report.history.series import History
from harness.report.viewer import files, trend
from harness.report.viewer.filters import Choice
from harness.report.viewer.progress_text import describe_progress
from harness.report.viewer.result_index import IndexedResults, parts
from harness.report.viewer.summary import ended
from harness.results.archive import PAGE_FILE
from harness.results.model import Result

#: Results whose trends are drawn, the newest: more marks would be on top of each other.
MOST_DRAWN: Final = 100


def address(place: str, name: str = "") -> str:
    """The path of a run's page, or of one of its files."""
    return "/runs/" + "/".join(quote(part, safe="") for part in [*parts(place), name])


def when(started_at: str) -> str:
    """A time as people write it; what is none stays as it is."""
    try:
        return f"{datetime.fromisoformat(started_at).astimezone(UTC):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):
        return started_at


_PAGES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_PAGES.filters.update(when=when)
_PAGES.globals.update(address=address, report_file=PAGE_FILE)


def index(seen: IndexedResults, choice: Choice, reports: set[str], now: datetime) -> str:
    """The list of results.

    Args:
        seen: What there is.
        choice: What of it is shown.
        reports: Places that have a report.
        now: The time.
    """
    return _PAGES.get_template("index.html").render(
        results=choice.among(seen.results),
        total=len(seen.results),
        comparisons=seen.comparisons,
        unreadable=seen.unreadable,
        running=[describe_progress(place, progress) for place, progress in seen.under_way.items()],
        fields=choice.fields(seen.results),
        choice=choice,
        reports=reports,
        now=f"{now:%H:%M:%S}",
    )


def run(place: str, result: Result, names: Sequence[str], *, is_under_way: bool) -> str:
    """The page of one run: what its report says, its figures and files.

    Args:
        place: Its folder.
        result: What was found.
        names: Of its files that are served.
        is_under_way: Whether it still measures.
    """
    figures = [name for name in names if (kind := files.kind_of(name)) is not None and kind.is_figure]
    shown = [name for name in figures if name.endswith(".svg") or f"{name[:-4]}.svg" not in figures]
    return _PAGES.get_template("run.html").render(
        choice=Choice({}),
        place=place,
        result=result,
        report=model.report(result),
        ended="under way" if is_under_way else ended(result),
        figures=shown,
        names=names,
    )


def trends(history: History | str, seen: IndexedResults, choice: Choice) -> str:
    """Figures from run to run, or why there are none."""
    shown = choice.among(seen.results)
    return _PAGES.get_template("trends.html").render(
        history=history if isinstance(history, History) else None,
        reason="" if isinstance(history, History) else history,
        trends=trend.trends(history) if isinstance(history, History) else [],
        chosen=len(shown),
        most=MOST_DRAWN,
        machines=sorted({one.machine for one in shown[:MOST_DRAWN]}),
        fields=choice.fields(seen.results),
        choice=choice,
        width=trend.WIDTH,
        height=trend.HEIGHT,
    )


def missing() -> str:
    """The page where there is none."""
    return _PAGES.get_template("missing.html").render(choice=Choice({}))
