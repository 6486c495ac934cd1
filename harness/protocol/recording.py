"""Recording of a load run, and its file format. Pure.

It is written by the load generator, read by the harness, and kept with the result: one JSON object per line,
first a header, then one line per slot and step, then a footer. A file without a footer is incomplete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Final

import numpy as np
from hdrh.histogram import HdrHistogram

from harness.protocol import json_lines
from harness.protocol.clocks import AnswersEnd

FORMAT_VERSION: Final = 1
#: Latencies are counted in nanoseconds, from 1 ns to one minute, to three significant digits.
HIGHEST_NS: Final = 60_000_000_000


def new_histogram() -> HdrHistogram:
    """Return an empty histogram of nanoseconds; values above a minute count as a minute."""
    return HdrHistogram(1, HIGHEST_NS, 3)


def encode(values: Sequence[int]) -> str:
    """Return values in nanoseconds as one compressed HdrHistogram (V2, base64).

    `values` may be any buffer of 64-bit integers. They are counted at once: `record_value` of the library,
    called for each value, takes a tenth of the time in which the values were measured. The index of a value
    is that of HdrHistogram (a test compares the two).
    """
    histogram = new_histogram()
    if len(values):
        clipped = np.clip(np.asarray(values, dtype=np.int64), 1, HIGHEST_NS)
        # The exponent of the float is the integer's bit length.
        _, length = np.frexp((clipped | histogram.sub_bucket_mask).astype(np.float64))
        half = histogram.sub_bucket_half_count_magnitude
        bucket = length - (half + 1)
        index = ((bucket + 1) << half) + (clipped >> bucket) - histogram.sub_bucket_half_count
        used, counts = np.unique(index, return_counts=True)
        np.frombuffer(histogram.counts, dtype=np.uint64)[used] += counts.astype(np.uint64)
        histogram.set_internal_tacking_values(int(used[0]), int(used[-1]), len(values))
    return str(histogram.encode().decode("ascii"))


def merged(encoded: Iterable[str]) -> HdrHistogram:
    """Return the sum of encoded histograms."""
    histogram = new_histogram()
    for text in encoded:
        histogram.decode_and_add(text.encode("ascii"))
    return histogram


@dataclass(frozen=True)
class SlotRecord:
    """Measurements of one step of the scenario in the recorded part of one slot.

    Attributes:
        slot: Index into the plan's order.
        instance: Server instance that had the slot.
        step: Name of the request within the scenario, such as `read`.
        elapsed_ns: Time from the first permitted send to the last answer read.
        requests: Requests sent, errors included.
        errors: Requests that failed or were answered wrongly.
        request_bytes: Bytes sent, headers included.
        response_bytes: Bytes received, headers included.
        service: Histogram of ns from sending to the complete answer.
        response: Histogram of ns from the scheduled arrival to the complete answer; empty in closed loop.
        lag: Histogram of ns behind schedule at sending; empty in closed loop.
        scheduled: Arrivals due (open loop).
        late: Arrivals sent more than a millisecond behind schedule.
        dropped: Arrivals without a free user, which were never sent.
        load_cpu_ns: CPU time of the load generator's process in this slot (counted once, in its first step).
        load_wait_ns: Time in which it was runnable but waiting for a CPU (counted once too).
        process: Number of the load process that recorded it.
        rate: Arrivals per second that a search tried; 0 if the rate is set.
        settled: Whether a search had converged; True without a search.
    """

    slot: int
    instance: int
    step: str
    elapsed_ns: int
    requests: int
    errors: int
    request_bytes: int
    response_bytes: int
    service: str
    response: str = ""
    lag: str = ""
    scheduled: int = 0
    late: int = 0
    dropped: int = 0
    load_cpu_ns: int = 0
    load_wait_ns: int = 0
    process: int = 0
    rate: float = 0
    settled: bool = True


@dataclass(frozen=True)
class SlotUsage:
    """Usage in the recorded part of one slot; None for what cannot be read.

    Attributes:
        slot: Index into the plan's order.
        instance: Server instance that had the slot.
        server_cpu_ns: CPU time of all processes and threads of the server.
        store_cpu_ns: CPU time of the store, above its idle cost.
        store_ops: Commands that the store served.
        server_wait_ns: Time in which threads of the server were runnable but waited for a CPU; None if
            threads have ended, since their waiting is unknown.
        read_ns: Time between the two readings.
        cpus: Number of CPUs that the server may use; 0 if unknown.
        cpus_busy_ns: Time in which these CPUs ran any program.
        cpus_irq_ns: Time in which they served interrupts.
    """

    slot: int
    instance: int
    server_cpu_ns: float | None
    store_cpu_ns: float | None
    store_ops: int | None
    server_wait_ns: float | None = 0
    read_ns: int = 0
    cpus: int = 0
    cpus_busy_ns: float = 0
    cpus_irq_ns: float = 0


def header(scenario: str, answers_end: AnswersEnd) -> str:
    """Return the first line of a recording."""
    return json_lines.line({"format": FORMAT_VERSION, "scenario": scenario, "answers_end": answers_end})


def line(record: SlotRecord) -> str:
    """Return the line of one slot and step."""
    return json_lines.line(asdict(record))


def footer(slots: int, errors: Mapping[str, int]) -> str:
    """Return the last line, without which a recording is incomplete: the number of lines, and all errors."""
    return json_lines.line({"end": True, "slots": slots, "errors": dict(errors)})


@dataclass(frozen=True)
class Recording:
    """All slots of one scenario, and its errors, by message."""

    scenario: str
    slots: tuple[SlotRecord, ...]
    #: Number of errors by text; requests outside recorded slots (login, warm-up) count too.
    errors: dict[str, int] = field(default_factory=dict)
    #: False if the final report is missing, which excludes any verdict.
    complete: bool = True
    answers_end: AnswersEnd = "read"
    #: Reason for a missing final report, if known.
    lost: str = ""

    @classmethod
    def merge(cls, recordings: Sequence[Recording]) -> Recording:
        """Merge the recordings of several load processes that ran at the same time; complete if each is.

        If one is incomplete, slots from its last one on are excluded, since that one may be torn.
        """
        last_slots = [
            max((slot.slot for slot in recording.slots), default=0)
            for recording in recordings
            if not recording.complete
        ]
        return cls(
            recordings[0].scenario,
            tuple(
                replace(slot, process=process)
                for process, recording in enumerate(recordings)
                for slot in recording.slots
                if not last_slots or slot.slot < min(last_slots)
            ),
            dict(sum((Counter(recording.errors) for recording in recordings), Counter())),
            complete=all(recording.complete for recording in recordings),
            answers_end="arrived"
            if all(recording.answers_end == "arrived" for recording in recordings)
            else "read",
        )

    def lines(self) -> Iterator[str]:
        """Yield the recording as JSON lines."""
        yield header(self.scenario, self.answers_end)
        yield from map(line, self.slots)
        if self.complete:
            yield footer(len(self.slots), self.errors)

    @classmethod
    def read(cls, lines: Iterable[str]) -> Recording:
        """Read what `lines` wrote; a torn or missing end makes `complete` False, and raises no exception.

        Raises:
            ValueError: The first line is not a header of this format.
        """
        fields, rows, end = json_lines.read(lines)
        if fields.get("format") != FORMAT_VERSION:
            raise ValueError(f"not a recording of format {FORMAT_VERSION}")
        return cls(
            fields["scenario"],
            tuple(SlotRecord(**row) for row in rows),
            end.get("errors", {}),
            complete=end.get("slots") == len(rows) and "errors" in end,
            # Older recordings lack the key: their times end when the answer was read.
            answers_end=fields.get("answers_end", "read"),
        )
