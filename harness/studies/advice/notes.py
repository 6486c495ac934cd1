"""Notes on the extrapolations and assumptions of an answer. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from harness.analysis.stats import sweeps
from harness.analysis.stats.linear_fit import LinearFit
from harness.report.content import format as fmt
from harness.results.model import Result
from harness.studies.advice import model
from harness.studies.advice.answer import Column, SchemeRow
from harness.studies.advice.model import NotMeasuredError
from harness.studies.advice.question import AdviceQuestion


def notes(result: Result, question: AdviceQuestion, rows: Sequence[SchemeRow]) -> list[str]:
    """Return all notes, extrapolations first."""
    return [*_extrapolations(result, question, rows), *_assumptions(result, question, rows)]


def _extrapolations(result: Result, question: AdviceQuestion, rows: Sequence[SchemeRow]) -> Iterator[str]:
    if line := _exceeded_line(rows, "latency", lambda scheme: sweeps.latency(result, scheme)):
        at = f"{fmt.number(question.store_rtt_us)} µs"
        yield f"~ extrapolated: latency, at a store round trip of {at}; measured: {_range(line)} µs"
    if line := _exceeded_line(rows, "cpu", lambda scheme: sweeps.by_profile(result, scheme, "total_cpu")):
        at = f"{question.profile_bytes:,} bytes"
        yield f"~ extrapolated: everything that depends on the payload, at {at}; measured: {_range(line)}"
    beyond = [row.scheme for row in rows if row.store_memory and row.store_memory.extrapolated]
    lines = {scheme: sweeps.memory_by_sessions(result, scheme) for scheme in beyond}
    measured = [line for line in lines.values() if line is not None]
    if measured and question.profile_bytes is None:
        at = f"{question.sessions:,} sessions"
        yield f"~ extrapolated: store memory, at {at}; measured: {_range(measured[0])}"
    few = [scheme for scheme, line in lines.items() if line is None or question.profile_bytes is not None]
    if few:
        yield (
            f"~ extrapolated: store memory of {', '.join(few)}; scaled up from that of the few users of the"
            " load"
        )
    if busy := [row.scheme for row in rows if _needs_several_processes(result, question, row.scheme)]:
        yield (
            f"~ extrapolated: CPU; {fmt.number(question.rate)} reads per second are more than one server"
            f" process answered ({', '.join(busy)}), and the CPU of several is assumed to be proportional"
        )


def _assumptions(result: Result, question: AdviceQuestion, rows: Sequence[SchemeRow]) -> Iterator[str]:
    if any(row.latency for row in rows):
        loads = {row.load for row in result.measurements if row.scenario == sweeps.DISTANCE}
        yield f"latency is that of a lightly loaded server ({'; '.join(sorted(loads))}), without queueing"
        if question.profile_bytes is not None:
            yield "latency is that of short payloads: round trip and payload were not measured together"
    if any(row.cpu for row in rows):
        yield "CPU is that of saturated servers; at lower load, each read costs more"
    for row in rows:
        if row.renewed_every_s is not None:
            yield (
                f"{row.scheme} is calculated with tokens of {fmt.number(row.renewed_every_s)} s and"
                f" {fmt.number(question.refreshes(row.renewed_every_s))} refreshes per second: all"
                f" {question.sessions:,} sessions stay active"
            )
    lingering = [
        row.scheme
        for row in rows
        if row.after_block and row.after_logout and row.after_block.seconds == 0 != row.after_logout.seconds
    ]
    if lingering:
        yield (
            f"{', '.join(lingering)}: a block revokes an account's credentials immediately, a logout does"
            " not: a copy stays valid"
        )


def _exceeded_line(
    rows: Sequence[SchemeRow], column: Column, line_of: Callable[[str], LinearFit | None]
) -> LinearFit | None:
    """Return the line of the first scheme with an extrapolated column; all have the same levels."""
    schemes = (row.scheme for row in rows if (quantity := row.get(column)) and quantity.extrapolated)
    return next((line for scheme in schemes if (line := line_of(scheme)) is not None), None)


def _range(line: LinearFit) -> str:
    return f"{fmt.number(line.first)} to {fmt.number(line.last)}"


def _needs_several_processes(result: Result, question: AdviceQuestion, scheme: str) -> bool:
    try:
        most = model.per_read(result, scheme, "throughput", question.profile_bytes)
    except NotMeasuredError:
        return False
    return question.rate > most.value
