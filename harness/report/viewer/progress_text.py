"""Progress of a running benchmark as text and numbers for a page. Pure."""

from __future__ import annotations

from typing import NamedTuple

from harness.report.content import format as fmt
from harness.results.progress_file import Progress


class ProgressText(NamedTuple):
    """Progress as the page shows it: folder, line above the bar, the bar's value and maximum, line below."""

    place: str
    title: str
    done: int
    total: int
    text: str


def describe_progress(place: str, progress: Progress) -> ProgressText:
    """Return a run's progress as the page shows it."""
    title = f"{progress.run}: suite {progress.suite}, {', '.join(progress.arms)}"
    words = [progress.doing if progress.scenario is None else f"{progress.scenario}: {progress.doing}"]
    if progress.total and progress.done:
        words.append(fmt.whole_percent(round(progress.done / progress.total, 2)))
    if progress.left_s is not None:
        words.append(f"{progress.left_s:.0f} s left of this scenario")
    words += [f"{arm} {rate:,.0f}/s" for arm, rate in progress.rates.items()]
    return ProgressText(place, title, min(progress.done, progress.total), progress.total, ", ".join(words))
