"""Which of the results are shown: by suite, arm and machine, as a query of a URL has it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from harness.report.viewer.summary import Summary

#: What can be chosen, and what of a result it is held against.
_CHOICES: Final[dict[str, Callable[[Summary], Iterable[str]]]] = {
    "suite": lambda one: [one.suite],
    "arm": lambda one: one.arms,
    "machine": lambda one: [one.machine],
}


@dataclass(frozen=True)
class Field:
    """One thing to choose: its name, what there is to choose from, and what is chosen (empty for any)."""

    name: str
    options: Sequence[str]
    chosen: str


@dataclass(frozen=True)
class Choice:
    """What was chosen, by name; what is not there, or empty, is any."""

    wanted: Mapping[str, str]

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Choice:
        """What a query chooses; anything else in it is nothing to us."""
        return cls({name: query[name] for name in _CHOICES if query.get(name)})

    def among(self, results: Iterable[Summary]) -> list[Summary]:
        """Those that were chosen, in their order."""
        return [
            one for one in results if all(value in _CHOICES[name](one) for name, value in self.wanted.items())
        ]

    def fields(self, results: Sequence[Summary]) -> list[Field]:
        """What can be chosen among these; what was chosen is there even if no result has it."""
        return [
            Field(
                name,
                sorted(
                    {value for one in results for value in of(one)} | {*filter(None, [self.wanted.get(name)])}
                ),
                self.wanted.get(name, ""),
            )
            for name, of in _CHOICES.items()
        ]

    @property
    def query(self) -> str:
        """As the end of a URL, with its question mark; empty where anything goes."""
        return f"?{urlencode(self.wanted)}" if self.wanted else ""
