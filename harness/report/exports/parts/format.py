"""The formats of other tools, one file a format in the folder above. Pure.

A file has `NAME`, `TITLE`, `FILES`, and `texts(result)`, which returns the text of each of `FILES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.results.model import Comparison, Measurement, Result
from harness.system import plugins


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: As the command line has it.
        title: For people.
        names: Of its files.
        texts: From a result to the text of each.
    """

    name: str
    title: str
    names: tuple[str, ...]
    texts: Callable[[Result], tuple[str, ...]]

    def files(self, result: Result) -> dict[str, str]:
        """The text of each file by its name."""
        return dict(zip(self.names, self.texts(result), strict=True))


def formats() -> dict[str, Format]:
    """Every format in this folder, by name."""
    found = (
        Format(module.NAME, module.TITLE, module.FILES, module.texts)
        for module in plugins.modules("harness.report.exports").values()
    )
    return {one.name: one for one in sorted(found, key=lambda one: one.name)}


def series(row: Measurement) -> str:
    """What a figure is of, the same in every run of a suite: `saturation (closed, 8 users), token`."""
    return f"{with_params(row)} ({row.load}), {row.arm}"


def with_params(row: Measurement | Comparison) -> str:
    """The scenario and what sets it apart: `login, password_cost=owasp`."""
    return ", ".join([row.scenario, *(f"{key}={value}" for key, value in sorted(row.params.items()))])
