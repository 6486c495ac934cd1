"""The answer to a question: a row per scheme, the model's error, and the underlying run. Pure."""

from __future__ import annotations

from typing import Literal

from harness.results.base import Interval, Model
from harness.studies.advice.question import AdviceQuestion
from harness.studies.advice.revocation import Window

#: Quantities of a scheme, in the order of columns.
Column = Literal[
    "latency", "added_latency", "cpu", "store_share", "store_ops", "store_memory", "bandwidth_up"
]


class EstimatedQuantity(Model):
    """A value in the unit of its column; `ci` is None if it has no interval, as for counted metrics."""

    value: float
    ci: Interval
    #: Whether it lies outside the measured range.
    extrapolated: bool = False


class SchemeRow(Model):
    """Estimated costs of one scheme.

    Attributes:
        scheme: Name in the result.
        meets: Whether a block takes effect within the deadline; None if unknown.
        after_block: Time that credentials of a blocked account stay valid.
        after_logout: Time that a copy of a logged-out credential stays valid.
        renewed_every_s: Lifetime in seconds of tokens that are renewed by refreshing, as assumed.
        latency: Median service time of a read, µs.
        added_latency: Latency beyond that of the reference, µs.
        cpu: CPU of servers and store, cores.
        store_share: Share of the store in the CPU, as a fraction.
        store_ops: Store commands per second.
        store_memory: Memory of the sessions in the store, bytes.
        bandwidth_up: Bandwidth from clients, bits per second.
        cpu_over_best: Ratio of the CPU to that of the answer's `best`.
        latency_beyond_best: Latency beyond that of `best`, µs.
        unfit: Reason why the scheme cannot be used at all; empty if it can.
        missing: Reasons for empty columns, by column name.
    """

    scheme: str
    meets: bool | None
    after_block: Window | None
    after_logout: Window | None
    renewed_every_s: float | None
    latency: EstimatedQuantity | None = None
    added_latency: EstimatedQuantity | None = None
    cpu: EstimatedQuantity | None = None
    store_share: EstimatedQuantity | None = None
    store_ops: EstimatedQuantity | None = None
    store_memory: EstimatedQuantity | None = None
    bandwidth_up: EstimatedQuantity | None = None
    cpu_over_best: EstimatedQuantity | None = None
    latency_beyond_best: EstimatedQuantity | None = None
    unfit: str = ""
    missing: dict[Column, str]

    def get(self, column: Column) -> EstimatedQuantity | None:
        """Return the quantity of a column."""
        quantity: EstimatedQuantity | None = getattr(self, column)
        return quantity


class HeldBackError(Model):
    """Error of the model at levels that it was not fitted to.

    Attributes:
        quantity: Predicted quantity.
        over: Quantity on the axis, with its unit.
        foretold: Number of predicted levels of all schemes.
        median: Median relative error, as a fraction.
        largest: Largest relative error, as a fraction.
        largest_scheme: Scheme with the largest error.
        largest_at: Level with the largest error, in the unit of `over`.
    """

    quantity: str
    over: str
    foretold: int
    median: float
    largest: float
    largest_scheme: str
    largest_at: float


class Advice(Model):
    """Output of `bench.py study advise --json`.

    Attributes:
        question: Conditions, defaults included.
        run: Id of the run that the answer is based on.
        suite: Suite of the run.
        confidence: Confidence of all intervals.
        reference: Scheme that `added_latency` is relative to; None if no store round trips were measured.
        best: Scheme with the least CPU of those that meet the deadline; None if none is known to meet it.
        schemes: Rows, those that meet the deadline first, by CPU.
        held_back: Leave-one-out errors; empty if the result has too few levels.
        notes: Extrapolations and assumptions.
    """

    question: AdviceQuestion
    run: str
    suite: str
    confidence: float
    reference: str | None
    best: str | None
    schemes: list[SchemeRow]
    held_back: list[HeldBackError]
    notes: list[str]
