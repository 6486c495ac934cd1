"""Recordings: round trip, torn ends, sums of histograms, precision."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.protocol.recording import (
    FORMAT_VERSION,
    HIGHEST_NS,
    Recording,
    SlotRecord,
    encode,
    merged,
    new_histogram,
)

nanoseconds = st.lists(st.integers(1, HIGHEST_NS), max_size=30)


def slot(index: int, **changes: Any) -> SlotRecord:
    """A slot of two requests."""
    fields: dict[str, Any] = {
        "slot": index,
        "instance": index % 2,
        "step": "read",
        "elapsed_ns": 45_000_000,
        "requests": 2,
        "errors": 0,
        "request_bytes": 400,
        "response_bytes": 300,
        "service": encode([150_000, 250_000]),
    }
    return SlotRecord(**(fields | changes))


def recording(**changes: Any) -> Recording:
    """A whole recording of three slots, every field of the last one filled in."""
    slots = (
        slot(0),
        slot(1),
        slot(
            2, response=encode([9]), lag=encode([3]), scheduled=5, late=1, dropped=2, load_cpu_ns=7, errors=1
        ),
    )
    return Recording(**({"scenario": "steady", "slots": slots, "errors": {"read: 500": 3}} | changes))


def test_round_trip() -> None:
    """What is read is what was written, every field of it."""
    whole = recording(answers_end="arrived")
    assert Recording.read(whole.lines()) == whole


def test_one_json_object_a_line() -> None:
    """A header, a line a slot, a footer, each with its line end."""
    lines = list(recording().lines())
    assert len(lines) == 5
    assert all(line.endswith("\n") and isinstance(json.loads(line), dict) for line in lines)
    assert json.loads(lines[0]) == {"format": FORMAT_VERSION, "scenario": "steady", "answers_end": "read"}


def test_an_incomplete_recording_stays_incomplete() -> None:
    """It is written without a footer, so that no reader takes it for whole."""
    back = Recording.read(recording(complete=False).lines())
    assert not back.complete
    assert back.slots == recording().slots


@given(st.data())
def test_a_torn_end_is_incomplete(data: st.DataObject) -> None:
    """Cut anywhere behind the header, it is incomplete, never an error; what came whole before is kept."""
    text = "".join(recording().lines())
    header = text.index("\n")
    cut = data.draw(st.integers(header, len(text) - 2))
    back = Recording.read(text[:cut].splitlines(keepends=True))
    assert not back.complete
    assert back.slots == recording().slots[: len(back.slots)]
    assert len(back.slots) >= text[:cut].count("\n") - 1


def test_a_missing_slot_is_incomplete() -> None:
    """The footer counts the slots: a lost line is noticed."""
    lines = list(recording().lines())
    back = Recording.read(lines[:2] + lines[3:])
    assert not back.complete
    assert [record.slot for record in back.slots] == [0, 2]


@pytest.mark.parametrize(
    "first", ["", "not json\n", "[]\n", '{"scenario": "steady"}\n', '{"format": 2, "scenario": "steady"}\n']
)
def test_another_format_is_refused(first: str) -> None:
    """Without the header of this format nothing can be read."""
    with pytest.raises(ValueError, match=f"format {FORMAT_VERSION}"):
        Recording.read([first, *list(recording().lines())[1:]])


@given(st.lists(nanoseconds, max_size=5))
def test_merged_is_the_histogram_of_all_values(groups: list[list[int]]) -> None:
    """Merging loses nothing: the sum is the histogram that would have recorded every value itself."""
    whole = new_histogram()
    for group in groups:
        for value in group:
            whole.record_value(value)
    total = merged(encode(group) for group in groups)
    assert total.get_total_count() == sum(len(group) for group in groups)
    for percentile in (0, 25, 50, 90, 99, 100):
        assert total.get_value_at_percentile(percentile) == whole.get_value_at_percentile(percentile)


@given(st.lists(st.integers(0, 2 * HIGHEST_NS), max_size=200))
def test_values_are_counted_as_the_library_counts_them(values: list[int]) -> None:
    """All at once or one by one: the same bytes."""
    one_by_one = new_histogram()
    for value in values:
        one_by_one.record_value(min(max(value, 1), HIGHEST_NS))
    assert encode(values) == one_by_one.encode().decode()


def test_merged_of_nothing_is_empty() -> None:
    """No histograms, no samples."""
    assert merged([]).get_total_count() == 0


@given(st.integers(1, HIGHEST_NS))
def test_three_digits(value: int) -> None:
    """A value comes back within one part in a thousand."""
    assert merged([encode([value])]).get_value_at_percentile(50) == pytest.approx(value, rel=1e-3)


def test_neighbours_at_three_digits_are_told_apart() -> None:
    """150 us and 150.2 us are two values: p25 and p75 differ."""
    both = merged([encode([150_000] * 10 + [150_200] * 10)])
    assert both.get_value_at_percentile(25) < both.get_value_at_percentile(75)


@pytest.mark.parametrize(("value", "kept"), [(0, 1), (-5, 1), (2 * HIGHEST_NS, HIGHEST_NS)])
def test_values_beyond_the_range_count_at_its_ends(value: int, kept: int) -> None:
    """A request of two minutes is not lost: it counts as a minute."""
    histogram = merged([encode([value])])
    assert histogram.get_total_count() == 1
    assert histogram.get_value_at_percentile(100) == pytest.approx(kept, rel=1e-3)


def test_merging_loses_no_report() -> None:
    """Rows of all processes, each marked with its own; errors add up; one torn end spoils the whole."""
    one = Recording("steady", (slot(0), slot(1)), {"refused": 2})
    other = Recording("steady", (slot(0),), {"refused": 1, "torn": 1})
    merged_one = Recording.merge([one, other])
    assert [(row.slot, row.process) for row in merged_one.slots] == [(0, 0), (1, 0), (0, 1)]
    assert merged_one.errors == {"refused": 3, "torn": 1}
    assert merged_one.complete
    assert not Recording.merge([one, replace(other, complete=False)]).complete


def test_of_recordings_that_broke_off_only_what_all_finished_counts() -> None:
    """One was torn in its slot 2, so slots 0 and 1 are whole; what the other saw later has no other half."""
    whole = Recording("steady", tuple(slot(index) for index in range(4)))
    torn = Recording("steady", tuple(slot(index) for index in range(3)), complete=False)
    both = Recording.merge([whole, torn])
    assert not both.complete
    assert [(row.slot, row.process) for row in both.slots] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    nothing = Recording("steady", (), complete=False)
    assert Recording.merge([whole, nothing]).slots == ()
