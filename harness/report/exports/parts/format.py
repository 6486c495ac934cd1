"""Export formats of other tools, one file per format in the folder above. Pure.

A file has `NAME`, `TITLE`, `FILES`, and `texts(result)`, which returns the text of each of `FILES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter

from harness.results import base
from harness.results.model import Comparison, Measurement, Result
from harness.system import plugins


@dataclass(frozen=True)
class Format:
    """Export format.

    Attributes:
        name: Name on the command line.
        title: Description for people.
        names: Names of the files.
        texts: Function that returns the text of each file for a result.
    """

    name: str
    title: str
    names: tuple[str, ...]
    texts: Callable[[Result], tuple[str, ...]]

    def files(self, result: Result) -> dict[str, str]:
        """Return the text of each file by its name."""
        return dict(zip(self.names, self.texts(result), strict=True))


def formats() -> dict[str, Format]:
    """Return all formats, by name."""
    known = (
        Format(module.NAME, module.TITLE, module.FILES, module.texts)
        for module in plugins.modules("harness.report.exports").values()
    )
    return {export.name: export for export in sorted(known, key=attrgetter("name"))}


def series(row: Measurement) -> str:
    """Return the name of a series, the same in all runs of a suite: `saturation (closed, 8 users), token`."""
    return f"{with_params(row)} ({row.load}), {row.arm}"


def with_params(row: Measurement | Comparison) -> str:
    """Return the scenario with its parameters: `login, password_cost=owasp`."""
    return base.with_params(row.scenario, dict(sorted(row.params.items())))
