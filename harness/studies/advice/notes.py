"""What of an answer was asked beyond the measured, and what it takes for granted, in sentences. Pure."""

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
    """Extrapolations first."""
    return [*_beyond(result, question, rows), *_granted(result, question, rows)]


def _beyond(result: Result, question: AdviceQuestion, rows: Sequence[SchemeRow]) -> Iterator[str]:
    line = _left(rows, "latency", lambda scheme: sweeps.latency(result, scheme))
    if line is not None:
        asked = f"{fmt.number(question.store_rtt_us)} us"
        yield f"~ extrapolated: latency, at a round trip of {asked}; measured were {_range(line)} us"
    line = _left(rows, "cpu", lambda scheme: sweeps.by_profile(result, scheme, "total_cpu"))
    if line is not None:
        asked = f"{question.profile_bytes:,} bytes"
        yield f"~ extrapolated: all that goes by a profile's length, at {asked}; measured were {_range(line)}"
    yield from _beyond_sessions(result, question, rows)
    busy = [row.scheme for row in rows if _needs_several_processes(result, question, row.scheme)]
    if busy:
        yield (
            f"~ extrapolated: CPU; {fmt.number(question.rate)} reads a second are more than one server"
            f" process answered here ({', '.join(busy)}), and several are taken to cost in proportion"
        )


def _beyond_sessions(result: Result, question: AdviceQuestion, rows: Sequence[SchemeRow]) -> Iterator[str]:
    beyond = [row.scheme for row in rows if row.store_memory and row.store_memory.extrapolated]
    lines = {scheme: sweeps.memory_by_sessions(result, scheme) for scheme in beyond}
    measured = [line for line in lines.values() if line is not None]
    if measured and question.profile_bytes is None:
        asked = f"{question.sessions:,} sessions"
        yield f"~ extrapolated: store memory, at {asked}; measured were {_range(measured[0])}"
    few = [scheme for scheme, line in lines.items() if line is None or question.profile_bytes is not None]
    if few:
        yield (
            f"~ extrapolated: store memory of {', '.join(few)}; it is what the few users of the load left, so"
            " many times over"
        )


def _granted(result: Result, question: AdviceQuestion, rows: Sequence[SchemeRow]) -> Iterator[str]:
    if any(row.latency for row in rows):
        loads = {row.load for row in result.measurements if row.scenario == sweeps.DISTANCE}
        yield f"latency is that of a server with time to spare ({'; '.join(sorted(loads))}): nobody queues"
        if question.profile_bytes is not None:
            yield "latency is that of short profiles: distance and length were not measured together"
    if any(row.cpu for row in rows):
        yield "CPU is that of servers at their limit; with less to do, each read costs more"
    for row in rows:
        if row.renewed_every_s is not None:
            yield (
                f"{row.scheme} is reckoned with tokens of {fmt.number(row.renewed_every_s)} s and"
                f" {fmt.number(question.refreshes(row.renewed_every_s))} refreshes a second: all"
                f" {question.sessions:,} go on reading"
            )
    lingering = [
        row.scheme
        for row in rows
        if row.after_block and row.after_logout and row.after_block.seconds == 0 != row.after_logout.seconds
    ]
    if lingering:
        yield (
            f"{', '.join(lingering)}: a block ends an account's credentials at once, a logout ends none: a"
            " copy of it goes on"
        )


def _left(
    rows: Sequence[SchemeRow], column: Column, line_of: Callable[[str], LinearFit | None]
) -> LinearFit | None:
    """The line of the first scheme that was asked beyond it; all have the same levels."""
    beyond = (row.scheme for row in rows if (found := row.get(column)) and found.extrapolated)
    return next((line for scheme in beyond if (line := line_of(scheme)) is not None), None)


def _range(line: LinearFit) -> str:
    return f"{fmt.number(line.first)} to {fmt.number(line.last)}"


def _needs_several_processes(result: Result, question: AdviceQuestion, scheme: str) -> bool:
    try:
        most = model.per_read(result, scheme, "throughput", question.profile_bytes)
    except NotMeasuredError:
        return False
    return question.rate > most.value
