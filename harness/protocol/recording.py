"""What one load run recorded, and its wire format. Pure.

Written by the load generator, read by the harness, kept beside the result: one JSON object a line, a header
first, then one line a slot and step, then a footer. A file without its footer is not a whole recording.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, Final

import numpy as np
from hdrh.histogram import HdrHistogram

from harness.protocol.clocks import AnswersEnd

FORMAT_VERSION: Final = 1
#: Latencies are counted in nanoseconds, from 1 ns to one minute, to three significant digits.
HIGHEST_NS: Final = 60_000_000_000
_SIGNIFICANT_DIGITS: Final = 3


def new_histogram() -> HdrHistogram:
    """An empty histogram of nanoseconds; values past a minute count as a minute."""
    return HdrHistogram(1, HIGHEST_NS, _SIGNIFICANT_DIGITS)


def encode(values: Sequence[int]) -> str:
    """Nanoseconds as one compressed HdrHistogram (V2, base64); `values` may be any buffer of 64-bit integers.

    All values are counted at once: the library's `record_value`, one by one, takes a tenth of the time in
    which the values were measured. The index of a value is HdrHistogram's own (a test holds the two equal).
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
    """The sum of encoded histograms."""
    histogram = new_histogram()
    for text in encoded:
        histogram.decode_and_add(text.encode("ascii"))
    return histogram


@dataclass(frozen=True)
class SlotRecord:
    """What one slot's recorded part saw of one step of the scenario.

    Attributes:
        slot: Index into the plan's order.
        instance: The server instance that had the slot.
        step: Name of the request within the scenario, such as `read`.
        elapsed_ns: From the first send allowed to the last answer read.
        requests: Requests sent, errors included.
        errors: Of these, how many failed or answered wrongly.
        request_bytes: Sent, headers included.
        response_bytes: Received, headers included.
        service: Histogram of ns from sent to fully answered.
        response: Histogram of ns from the scheduled arrival to fully answered; empty in closed loop.
        lag: Histogram of ns behind schedule at sending; empty in closed loop.
        scheduled: Arrivals due (open loop).
        late: Arrivals sent more than a millisecond behind schedule.
        dropped: Arrivals that found no free user, and were never sent.
        load_cpu_ns: CPU time of the load generator's process in this slot (counted once, in its first step).
        load_wait_ns: Time in which it wanted its CPU and something else had it (counted once too).
        process: Which of the load processes saw it.
        rate: Arrivals a second that a search tried here; 0 where the rate is set.
        settled: False where a search was still on its way.
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
    """What one slot's recorded part cost: CPU in ns, store commands; None of what nobody here can read.

    `server_wait_ns` is the time in which the server wanted its CPU and something else had it.
    """

    slot: int
    instance: int
    server_cpu_ns: float | None
    store_cpu_ns: float | None
    store_ops: int | None
    server_wait_ns: float = 0


def header(scenario: str, answers_end: AnswersEnd) -> str:
    """The first line of a recording."""
    return json.dumps({"format": FORMAT_VERSION, "scenario": scenario, "answers_end": answers_end}) + "\n"


def line(record: SlotRecord) -> str:
    """The line of one slot and step."""
    return json.dumps(asdict(record)) + "\n"


def footer(slots: int, errors: Mapping[str, int]) -> str:
    """The last line, which makes a recording whole: how many lines came before, and all errors."""
    return json.dumps({"end": True, "slots": slots, "errors": dict(errors)}) + "\n"


@dataclass(frozen=True)
class Recording:
    """All slots of one scenario, and what went wrong, by message."""

    scenario: str
    slots: tuple[SlotRecord, ...]
    #: Error text to how often; requests outside recorded slots (login, warm-up) count here too.
    errors: dict[str, int] = field(default_factory=dict)
    #: False where the final report is missing: no verdict may rest on it.
    complete: bool = True
    answers_end: AnswersEnd = "read"
    #: Why the final report is missing, where that is known.
    lost: str = ""

    @classmethod
    def merge(cls, recordings: Sequence[Recording]) -> Recording:
        """One recording of what several load processes recorded at the same time; whole if each is.

        Where one broke off, the slots are left out that it has not finished: its last one may be torn.
        """
        broke_off = [
            max((slot.slot for slot in one.slots), default=0) for one in recordings if not one.complete
        ]
        return cls(
            recordings[0].scenario,
            tuple(
                replace(slot, process=n)
                for n, one in enumerate(recordings)
                for slot in one.slots
                if not broke_off or slot.slot < min(broke_off)
            ),
            dict(sum((Counter(one.errors) for one in recordings), Counter())),
            complete=all(one.complete for one in recordings),
            answers_end="arrived" if all(one.answers_end == "arrived" for one in recordings) else "read",
        )

    def lines(self) -> Iterator[str]:
        """The recording as JSON lines."""
        yield header(self.scenario, self.answers_end)
        for slot in self.slots:
            yield line(slot)
        if self.complete:
            yield footer(len(self.slots), self.errors)

    @classmethod
    def read(cls, lines: Iterable[str]) -> Recording:
        """Read what `lines` wrote; a torn or missing end makes `complete` False, never an exception.

        Raises:
            ValueError: The first line is no header of this format.
        """
        rows = iter(lines)
        header = _parse(next(rows, ""))
        if header is None or header.get("format") != FORMAT_VERSION:
            raise ValueError(f"not a recording of format {FORMAT_VERSION}")
        # Recordings of before the kernel was asked do not say.
        whole = partial(cls, header["scenario"], answers_end=header.get("answers_end", "read"))
        slots: list[SlotRecord] = []
        for line in rows:
            row = _parse(line)
            if row is None:
                break
            if "end" in row:
                return whole(tuple(slots), row["errors"], complete=row["slots"] == len(slots))
            slots.append(SlotRecord(**row))
        return whole(tuple(slots), complete=False)


def _parse(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
