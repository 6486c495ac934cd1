"""Filters of the list of results by suite, arm and machine, from the query of a URL. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from harness.report.viewer.summary import Summary

#: Filters by name, with the values of a result that they are compared with.
_FILTERS: Final[dict[str, Callable[[Summary], Iterable[str]]]] = {
    "suite": lambda result: [result.kept.run.suite],
    "arm": lambda result: result.arms,
    "machine": lambda result: [result.machine],
}


@dataclass(frozen=True)
class Field:
    """One filter: its name, its options, and the selected option (empty for any)."""

    name: str
    options: Sequence[str]
    chosen: str


@dataclass(frozen=True)
class Choice:
    """Selected option of each filter, by name; a missing name means any."""

    wanted: Mapping[str, str]

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Choice:
        """Return the choice in a query; other parameters are ignored."""
        return cls({name: query[name] for name in _FILTERS if query.get(name)})

    def among(self, results: Iterable[Summary]) -> list[Summary]:
        """Return the results that match, in their order."""
        return [
            result
            for result in results
            if all(value in _FILTERS[name](result) for name, value in self.wanted.items())
        ]

    def fields(self, results: Sequence[Summary]) -> list[Field]:
        """Return the filters with the options of these results; a selected option is always among them."""
        return [
            Field(
                name,
                sorted(
                    {value for result in results for value in values_of(result)}
                    | {*filter(None, [self.wanted.get(name)])}
                ),
                self.wanted.get(name, ""),
            )
            for name, values_of in _FILTERS.items()
        ]

    @property
    def query(self) -> str:
        """Return the query of a URL, with its question mark; empty without a selection."""
        return f"?{urlencode(self.wanted)}" if self.wanted else ""
