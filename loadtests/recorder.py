"""Tallies of the requests of a phase, for Locust's statistics and for the recording.

Requests are tallied as plain numbers and reported in batches, since one Locust event costs more than the rest
of a request. The totals stay exact (a test compares them).
"""

from __future__ import annotations

import time
from array import array
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from locust.stats import RequestStats, StatsEntry, bucket_response_time

from harness.protocol.recording import SlotRecord, encode
from loadtests.client import TimedAnswer

#: An arrival sent more than this behind schedule is late.
LATE_NS: Final = 1_000_000


class StepTally:
    """Numbers of every request of one step of a scenario in one phase."""

    def __init__(self, method: str, step: str) -> None:
        self.method = method
        self.step = step
        self.clear()

    def clear(self) -> None:
        """Reset all counts; a pending request is counted when it ends."""
        self.errors: Counter[str] = Counter()
        # Eight bytes per request, read as they are when a slot is encoded.
        self.service_ns = array("q")
        self.response_ns = array("q")
        self.lag_ns = array("q")
        self.request_bytes = 0
        self.response_bytes = 0

    def answered(self, answer: TimedAnswer, sent_bytes: int, due_ns: int | None) -> None:
        """Count an answered request; `due_ns` is its scheduled arrival in open loop."""
        self.service_ns.append(answer.read_ns - answer.sent_ns)
        self.request_bytes += sent_bytes
        self.response_bytes += answer.wire_bytes
        if due_ns is not None:
            self.response_ns.append(answer.read_ns - due_ns)
            self.lag_ns.append(answer.sent_ns - due_ns)

    def failed(self, reason: str) -> None:
        """Count an error: after `answered` a wrong answer, otherwise a missing one."""
        self.errors[reason] += 1

    @property
    def unanswered(self) -> int:
        """Return the number of errors without an answer."""
        return sum(count for reason, count in self.errors.items() if not reason.startswith(WRONG))

    @property
    def requests(self) -> int:
        """Return the number of requests sent, errors included."""
        return len(self.service_ns) + self.unanswered


#: Prefix of the text of an error if an answer came, but a wrong one.
WRONG: Final = "wrong answer: "


class Tally:
    """Tallies of all steps of one phase."""

    def __init__(self) -> None:
        self.steps: dict[str, StepTally] = {}
        self.scheduled = 0
        self.dropped = 0

    def step(self, method: str, name: str) -> StepTally:
        """Return the tally of a step; it is created on the first call."""
        if name not in self.steps:
            self.steps[name] = StepTally(method, name)
        return self.steps[name]

    @property
    def requests(self) -> int:
        """Return the number of requests of all steps."""
        return sum(step.requests for step in self.steps.values())

    def records(
        self, slot: int, instance: int, elapsed_ns: int, load_cpu_ns: int, load_wait_ns: int = 0
    ) -> Iterator[SlotRecord]:
        """Yield one record per step; the values of the whole slot are in the first."""
        for index, step in enumerate(self.steps.values()):
            first = index == 0
            yield SlotRecord(
                slot=slot,
                instance=instance,
                step=step.step,
                elapsed_ns=elapsed_ns,
                requests=step.requests,
                errors=step.errors.total(),
                request_bytes=step.request_bytes,
                response_bytes=step.response_bytes,
                service=encode(step.service_ns),
                response=encode(step.response_ns) if step.response_ns else "",
                lag=encode(step.lag_ns) if step.lag_ns else "",
                scheduled=self.scheduled if first else 0,
                late=sum(lag > LATE_NS for lag in step.lag_ns),
                dropped=self.dropped if first else 0,
                load_cpu_ns=load_cpu_ns if first else 0,
                load_wait_ns=load_wait_ns if first else 0,
            )

    def flush_to_locust(self, stats: RequestStats) -> None:
        """Add everything to Locust's statistics, as if each request had been logged separately.

        All counts are reset; the step tallies are kept, so that references to them stay valid.
        """
        for step in self.steps.values():
            entry = _entry(stats, step)
            stats.get(step.step, step.method).extend(entry)
            stats.total.extend(entry)
            for reason, count in step.errors.items():
                for _ in range(count):
                    stats.log_error(step.method, step.step, reason)
            step.clear()


def _entry(stats: RequestStats, step: StepTally) -> Any:
    now = time.time()
    times = [ns / 1e6 for ns in step.service_ns]
    # Typed as whole milliseconds, but Locust itself logs fractions.
    entry: Any = StatsEntry(stats, step.step, step.method)
    entry.num_requests = step.requests
    entry.num_none_requests = step.unanswered
    entry.last_request_timestamp = now
    entry.num_reqs_per_sec = {int(now): step.requests}
    entry.total_content_length = step.response_bytes
    if times:
        entry.total_response_time = sum(times)
        entry.min_response_time, entry.max_response_time = min(times), max(times)
        entry.response_times = Counter(bucket_response_time(ms) for ms in times)
    return entry
