"""What incidents came to, as tables and sentences. Pure.

Incidents are described, not judged: each arm lived through each once, with one instance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.protocol.incidents import is_failure
from harness.report.content import format as fmt
from harness.report.content.tables import Table
from harness.results.incidents import Incident, StaleAccess
from harness.results.model import Result

AT_LEAST: Final = "\N{GREATER-THAN OR EQUAL TO}"
AT_MOST: Final = "\N{LESS-THAN OR EQUAL TO}"
#: What a failure means, by the word that its outcome ends with, or by the outcome.
_MEANINGS: Final = {
    "503": "503: the server could not ask its store, or had too many logins waiting.",
    "401": "401: the credential was not good any more; who got it logged in again.",
    "500": "500: the server failed.",
    "lost connection": "lost connection: the server hung up before it answered.",
    "timeout": "timeout: no answer came within the load's limit.",
    "not sent": "not sent: arrivals at which all people of the arm still waited for an answer.",
}
_JUDGED: Final = (
    "Described, not judged: one instance of each arm lived through it once, and all of them shared the"
    " servers' CPUs."
)


@dataclass(frozen=True)
class SharedIncident:
    """One incident, with a row for each arm that lived through it."""

    rows: Sequence[Incident]

    @property
    def name(self) -> str:
        """What happened, and its parameters: `key rotation, overlap=true`."""
        first = self.rows[0]
        return ", ".join([first.kind, *(f"{key}={value}" for key, value in first.params.items())])

    @property
    def title(self) -> str:
        """The name and the load, which is that of each arm: `store outage (open, 50/s constant)`."""
        return f"{self.name} ({self.rows[0].load}, each arm)"

    @property
    def failures(self) -> list[str]:
        """The failures that any arm met, most frequent first."""
        counts = sum((Counter(row.outcomes) for row in self.rows), Counter[str]())
        return [outcome for outcome, _ in counts.most_common() if is_failure(outcome)]

    @property
    def is_about_accounts(self) -> bool:
        """Whether what counts is for how long single accounts stayed in, and what ending them costs."""
        return any(row.price for row in self.rows)


def incidents(result: Result) -> list[SharedIncident]:
    """The incidents of a run, in the order they happened."""
    found: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[Incident]] = {}
    for row in result.incidents:
        found.setdefault((row.scenario, row.load, tuple(row.params.items())), []).append(row)
    return [SharedIncident(rows) for rows in found.values()]


def tables(together: SharedIncident) -> list[Table]:
    """Two an incident, so that each fits a terminal of 80 columns."""
    if together.is_about_accounts:
        return [_stale_table(together), *_price_tables(together)]
    return [_failures_table(together), _recovery_table(together)]


def sentences(together: SharedIncident) -> list[str]:
    """What it meant, arm by arm; those that fared alike in one sentence."""
    told: dict[str, list[str]] = {}
    for row in together.rows:
        texts = [_stayed_in(row)] if together.is_about_accounts else [_fared(row), *_readmitted(row)]
        for text in texts:
            told.setdefault(text, []).append(row.arm)
    by_arms = [f"{', '.join(arms)}: {text}" for text, arms in told.items()]
    return [*by_arms, *_meanings(together.failures), _JUDGED]


def _failures_table(together: SharedIncident) -> Table:
    failures = together.failures
    heads = ["arm", "requests", "failed\n%", *(outcome.replace(" ", "\n") for outcome in failures)]
    rows = [
        [
            row.arm,
            fmt.whole(row.requests),
            fmt.number(100 * row.share_failed),
            *(fmt.whole(row.outcomes.get(outcome, 0)) for outcome in failures),
        ]
        for row in together.rows
    ]
    return Table("Failures", heads, rows)


def _recovery_table(together: SharedIncident) -> Table:
    rows = [
        [
            row.arm,
            _s(row.failed_for_s),
            _well_after(row),
            fmt.whole(row.logins),
            fmt.whole(row.peak_logins_per_s),
        ]
        for row in together.rows
    ]
    return Table("Recovery", ["arm", "failing\nfor s", "well\nafter s", "logins", "logins,\nmost/s"], rows)


def _well_after(row: Incident) -> str:
    return "not yet" if row.well_after_s is None else _s(row.well_after_s)


def _stale_table(together: SharedIncident) -> Table:
    what = [one.what for one in together.rows[0].stale]
    heads = ["arm", *(f"{name.replace(' ', chr(10), 1)}, s" for name in what), "stale\nreads"]
    rows = [
        [row.arm, *(_seconds(one) for one in row.stale), fmt.whole(sum(one.reads for one in row.stale))]
        for row in together.rows
    ]
    return Table("Worked on for", heads, rows)


def _seconds(stale: StaleAccess) -> str:
    """At least, where nothing was refused to the end; at most, where the first read after it was."""
    bound = AT_LEAST if stale.at_least else "" if stale.reads else AT_MOST
    return f"{bound}{_s(stale.seconds)}"


def _s(seconds: float) -> str:
    """Seconds, as finely as bins tell them."""
    return f"{seconds:.2f}"


def _price_tables(together: SharedIncident) -> Iterator[Table]:
    rows = [
        [row.arm, fmt.whole(price.store_ops), fmt.number(price.server_cpu_us), fmt.number(price.store_cpu_us)]
        for row in together.rows
        if (price := row.price) is not None
    ]
    if rows:
        heads = ["arm", "store\nops", "server\nCPU us", "store\nCPU us"]
        yield Table("One revocation", heads, rows)


def _fared(row: Incident) -> str:
    if not row.failed and not row.not_sent:
        return "nothing failed."
    counts = sorted(row.outcomes.items(), key=lambda item: -item[1])
    failures = ", ".join(f"{name}: {count:,}" for name, count in counts if is_failure(name))
    text = f"{fmt.percent(row.share_failed)} failed ({failures}) within {_s(row.failed_for_s)} s"
    if row.logins:
        text += f", {row.logins:,} logged in again, at most {row.peak_logins_per_s:,} in a second"
    if row.well_after_s is None:
        return f"{text}; it was not well yet at the end."
    return f"{text}; all was well {_s(row.well_after_s)} s after {row.events[-1].what!r}."


def _readmitted(row: Incident) -> Iterator[str]:
    """Who was let in again that had been ended."""
    for one in row.stale:
        if one.readmitted:
            yield f"whoever had been {_said(one)} before was let in again: {_reads(one.readmitted)} answered."


def _stayed_in(row: Incident) -> str:
    """For how long the accounts stayed in."""
    stale = row.stale
    kept = [one for one in stale if one.at_least]
    late = [one for one in stale if not one.at_least and one.reads]
    ended = [one for one in stale if not one.at_least and not one.reads]
    parts = []
    if ended:
        parts.append(f"no read was let in that was sent after the account was {_names(ended)}")
    parts += [f"{_reads(one.reads)} let in for {_s(one.seconds)} s after it was {_said(one)}" for one in late]
    if kept:
        text = f"what the account held still worked at the end of the run after it was {_names(kept)}"
        parts.append(f"{text}; it lives for {fmt.duration(row.credential_lives_s)}")
    return f"{'; '.join(parts)}."


def _reads(count: int) -> str:
    return f"{count:,} read was" if count == 1 else f"{count:,} reads were"


def _names(stale: Iterable[StaleAccess]) -> str:
    names = [_said(one) for one in stale]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _said(stale: StaleAccess) -> str:
    return "given another password" if stale.what == "password changed" else stale.what


def _meanings(failures: Sequence[str]) -> Iterator[str]:
    for word, meaning in _MEANINGS.items():
        if any(outcome in (word, f"login {word}") for outcome in failures):
            yield meaning
