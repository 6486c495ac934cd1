"""Outcome of incidents as tables and sentences. Pure.

Incidents have no verdicts: each scheme goes through each of them once, with one server process.
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
#: Meaning of a failure, by the word that its outcome ends with, or by the outcome.
_MEANINGS: Final = {
    "503": "503: the server could not reach its store, or had too many logins waiting.",
    "401": "401: the credential was no longer valid; the user logged in again.",
    "500": "500: the server failed.",
    "lost connection": "lost connection: the server closed the connection before it responded.",
    "timeout": "timeout: no response came within the load's time limit.",
    "not sent": "not sent: arrivals while all users of the scheme were still waiting for a response.",
}
_NO_VERDICT: Final = (
    "No verdict: one server process per scheme went through it once, and all of them shared the servers'"
    " CPUs."
)


@dataclass(frozen=True)
class SharedIncident:
    """One incident, with a row for each arm."""

    rows: Sequence[Incident]

    @property
    def name(self) -> str:
        """Return what happened, and its parameters: `key rotation, overlap=true`."""
        first = self.rows[0]
        return ", ".join([first.kind, *(f"{key}={value}" for key, value in first.params.items())])

    @property
    def title(self) -> str:
        """Return the name and the load of each scheme: `store outage (open, 50/s constant, each scheme)`."""
        return f"{self.name} ({self.rows[0].load}, each scheme)"

    @property
    def failures(self) -> list[str]:
        """Return the failures of all arms, most frequent first."""
        counts = sum((Counter(row.outcomes) for row in self.rows), Counter[str]())
        return [outcome for outcome, _ in counts.most_common() if is_failure(outcome)]

    @property
    def is_about_accounts(self) -> bool:
        """Whether the incident revokes access of accounts: then stale access and cost are reported."""
        return any(row.price for row in self.rows)


def incidents(result: Result) -> list[SharedIncident]:
    """Return the incidents of a run, in the order they happened."""
    grouped: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[Incident]] = {}
    for row in result.incidents:
        grouped.setdefault((row.scenario, row.load, tuple(row.params.items())), []).append(row)
    return [SharedIncident(rows) for rows in grouped.values()]


def tables(incident: SharedIncident) -> list[Table]:
    """Return two tables per incident, so that each fits a terminal of 80 columns."""
    if incident.is_about_accounts:
        return [_stale_table(incident), *_cost_tables(incident)]
    return [_failures_table(incident), _recovery_table(incident)]


def sentences(incident: SharedIncident) -> list[str]:
    """Return the outcome per arm; arms with the same outcome share a sentence."""
    arms_by_text: dict[str, list[str]] = {}
    for row in incident.rows:
        texts = [_access(row)] if incident.is_about_accounts else [_outcome(row), *_readmitted(row)]
        for text in texts:
            arms_by_text.setdefault(text, []).append(row.arm)
    by_arms = [f"{', '.join(arms)}: {text}" for text, arms in arms_by_text.items()]
    return [*by_arms, *_meanings(incident.failures), _NO_VERDICT]


def _failures_table(incident: SharedIncident) -> Table:
    failures = incident.failures
    heads = ["scheme", "requests", "failed\n%", *(outcome.replace(" ", "\n") for outcome in failures)]
    rows = [
        [
            row.arm,
            fmt.whole(row.requests),
            fmt.number(100 * row.share_failed),
            *(fmt.whole(row.outcomes.get(outcome, 0)) for outcome in failures),
        ]
        for row in incident.rows
    ]
    return Table("Failures", heads, rows)


def _recovery_table(incident: SharedIncident) -> Table:
    rows = [
        [
            row.arm,
            _s(row.failed_for_s),
            _recovered_after(row),
            fmt.whole(row.logins),
            fmt.whole(row.peak_logins_per_s),
        ]
        for row in incident.rows
    ]
    heads = ["scheme", "failing\nfor s", "recovered\nafter s", "logins", "peak\nlogins/s"]
    return Table("Recovery", heads, rows)


def _recovered_after(row: Incident) -> str:
    return "not yet" if row.well_after_s is None else _s(row.well_after_s)


def _stale_table(incident: SharedIncident) -> Table:
    names = [access.what for access in incident.rows[0].stale]
    heads = ["scheme", *(f"{name.replace(' ', chr(10), 1)}, s" for name in names), "stale\nreads"]
    rows = [
        [
            row.arm,
            *(_seconds(access) for access in row.stale),
            fmt.whole(sum(access.reads for access in row.stale)),
        ]
        for row in incident.rows
    ]
    return Table("Stale access", heads, rows)


def _seconds(stale: StaleAccess) -> str:
    """Return the duration: a lower bound if no read was refused, an upper bound if the first one was."""
    bound = AT_LEAST if stale.at_least else "" if stale.reads else AT_MOST
    return f"{bound}{_s(stale.seconds)}"


def _s(seconds: float) -> str:
    """Return seconds to the resolution of the time bins."""
    return f"{seconds:.2f}"


def _cost_tables(incident: SharedIncident) -> Iterator[Table]:
    rows = [
        [row.arm, fmt.whole(price.store_ops), fmt.number(price.server_cpu_us), fmt.number(price.store_cpu_us)]
        for row in incident.rows
        if (price := row.price) is not None
    ]
    if rows:
        heads = ["scheme", "store\nops", "server\nCPU µs", "store\nCPU µs"]
        yield Table("Cost of one revocation", heads, rows)


def _outcome(row: Incident) -> str:
    if not row.failed and not row.not_sent:
        return "nothing failed."
    counts = sorted(row.outcomes.items(), key=lambda item: -item[1])
    failures = ", ".join(f"{name}: {count:,}" for name, count in counts if is_failure(name))
    text = f"{fmt.percent(row.share_failed)} failed ({failures}) within {_s(row.failed_for_s)} s"
    if row.logins:
        text += f", {row.logins:,} logged in again, at most {row.peak_logins_per_s:,} in a second"
    if row.well_after_s is None:
        return f"{text}; not recovered at the end of the run."
    return f"{text}; recovered {_s(row.well_after_s)} s after {row.events[-1].what!r}."


def _readmitted(row: Incident) -> Iterator[str]:
    """Yield the revoked credentials that were accepted again."""
    for access in row.stale:
        if access.readmitted:
            reads = _reads(access.readmitted)
            yield (
                f"after the account was {_action(access)}, its old credential became valid again:"
                f" {reads} accepted."
            )


def _access(row: Incident) -> str:
    """Return for how long the accounts kept access."""
    kept = [access for access in row.stale if access.at_least]
    late = [access for access in row.stale if not access.at_least and access.reads]
    immediate = [access for access in row.stale if not access.at_least and not access.reads]
    parts = []
    if immediate:
        parts.append(f"no read was accepted after the account was {_actions(immediate)}")
    parts += [
        f"{_reads(access.reads)} accepted for {_s(access.seconds)} s after it was {_action(access)}"
        for access in late
    ]
    if kept:
        text = f"the old credential still worked at the end of the run after the account was {_actions(kept)}"
        parts.append(f"{text}; it stays valid for {fmt.duration(row.credential_lives_s)}")
    return f"{'; '.join(parts)}."


def _reads(count: int) -> str:
    return f"{count:,} read was" if count == 1 else f"{count:,} reads were"


def _actions(stale: Iterable[StaleAccess]) -> str:
    actions = [_action(access) for access in stale]
    return actions[0] if len(actions) == 1 else f"{', '.join(actions[:-1])} and {actions[-1]}"


def _action(stale: StaleAccess) -> str:
    return "given another password" if stale.what == "password changed" else stale.what


def _meanings(failures: Sequence[str]) -> Iterator[str]:
    for word, meaning in _MEANINGS.items():
        if any(outcome in (word, f"login {word}") for outcome in failures):
            yield meaning
