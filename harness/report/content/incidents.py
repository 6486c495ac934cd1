"""Outcome of incidents as tables and sentences. Pure.

Incidents have no verdicts: each scheme goes through each of them once, with one server process.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.protocol.incidents import is_failure
from harness.report.content import format as fmt
from harness.report.content.tables import Table
from harness.results.base import with_params
from harness.results.incidents import Incident, StaleAccess
from harness.results.model import Result

_AT_LEAST: Final = "\N{GREATER-THAN OR EQUAL TO}"
_AT_MOST: Final = "\N{LESS-THAN OR EQUAL TO}"
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
        return with_params(self.rows[0].kind, self.rows[0].params)

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
    return _of_accounts(incident) if incident.is_about_accounts else _of_failures(incident)


def sentences(incident: SharedIncident) -> list[str]:
    """Return the outcome per arm; arms with the same outcome share a sentence."""
    arms_by_text: dict[str, list[str]] = {}
    for row in incident.rows:
        texts = [_access(row)] if incident.is_about_accounts else [_outcome(row), *_readmitted(row)]
        for text in texts:
            arms_by_text.setdefault(text, []).append(row.arm)
    failures = {*incident.failures}
    return [
        *(f"{', '.join(arms)}: {text}" for text, arms in arms_by_text.items()),
        *(meaning for word, meaning in _MEANINGS.items() if failures & {word, f"login {word}"}),
        _NO_VERDICT,
    ]


def _of_failures(incident: SharedIncident) -> list[Table]:
    kinds = incident.failures
    failures = [
        [
            *(row.arm, fmt.whole(row.requests), fmt.number(100 * row.share_failed)),
            *(fmt.whole(row.outcomes.get(kind, 0)) for kind in kinds),
        ]
        for row in incident.rows
    ]
    recovery = [
        [
            row.arm,
            _s(row.failed_for_s),
            "not yet" if row.well_after_s is None else _s(row.well_after_s),
            fmt.whole(row.logins),
            fmt.whole(row.peak_logins_per_s),
        ]
        for row in incident.rows
    ]
    heads = ["scheme", "failing\nfor s", "recovered\nafter s", "logins", "peak\nlogins/s"]
    return [
        Table(
            "Failures",
            ["scheme", "requests", "failed\n%", *(kind.replace(" ", "\n") for kind in kinds)],
            failures,
        ),
        Table("Recovery", heads, recovery),
    ]


def _of_accounts(incident: SharedIncident) -> list[Table]:
    names = [access.what for access in incident.rows[0].stale]
    stale = [
        [
            row.arm,
            *(_seconds(access) for access in row.stale),
            fmt.whole(sum(access.reads for access in row.stale)),
        ]
        for row in incident.rows
    ]
    costs = [
        [row.arm, fmt.whole(price.store_ops), fmt.number(price.server_cpu_us), fmt.number(price.store_cpu_us)]
        for row in incident.rows
        if (price := row.price) is not None
    ]
    return [
        Table(
            "Stale access",
            ["scheme", *(f"{name.replace(' ', chr(10), 1)}, s" for name in names), "stale\nreads"],
            stale,
        ),
        Table("Cost of one revocation", ["scheme", "store\nops", "server\nCPU µs", "store\nCPU µs"], costs),
    ]


def _seconds(stale: StaleAccess) -> str:
    """Return the duration: a lower bound if no read was refused, an upper bound if the first one was."""
    bound = _AT_LEAST if stale.at_least else "" if stale.reads else _AT_MOST
    return f"{bound}{_s(stale.seconds)}"


def _s(seconds: float) -> str:
    """Return seconds to the resolution of the time bins."""
    return f"{seconds:.2f}"


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


def _readmitted(row: Incident) -> list[str]:
    """Return the revoked credentials that were accepted again."""
    return [
        f"after the account was {_action(access)}, its old credential became valid again:"
        f" {_reads(access.readmitted)} accepted."
        for access in row.stale
        if access.readmitted
    ]


def _access(row: Incident) -> str:
    """Return for how long the accounts kept access."""
    kept = [access for access in row.stale if access.at_least]
    refused = [access for access in row.stale if not access.at_least]
    immediate = [access for access in refused if not access.reads]
    parts = []
    if immediate:
        parts.append(f"no read was accepted after the account was {_actions(immediate)}")
    parts += [
        f"{_reads(access.reads)} accepted for {_s(access.seconds)} s after it was {_action(access)}"
        for access in refused
        if access.reads
    ]
    if kept:
        text = f"the old credential still worked at the end of the run after the account was {_actions(kept)}"
        parts.append(f"{text}; it stays valid for {fmt.duration(row.credential_lives_s)}")
    return f"{'; '.join(parts)}."


def _reads(count: int) -> str:
    return f"{count:,} read was" if count == 1 else f"{count:,} reads were"


def _actions(stale: Iterable[StaleAccess]) -> str:
    return fmt.joined([_action(access) for access in stale])


def _action(stale: StaleAccess) -> str:
    return "given another password" if stale.what == "password changed" else stale.what
