"""The answer to a question: one row a scheme, how far the model was off, and what it rests on. Pure."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from harness.results.base import Interval
from harness.studies.advice.question import AdviceQuestion
from harness.studies.advice.revocation import Window

#: What is told of a scheme, in the order of columns.
Column = Literal[
    "latency", "added_latency", "cpu", "store_share", "store_ops", "store_memory", "bandwidth_up"
]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EstimatedQuantity(_Model):
    """A figure in the unit of its column; `ci` is None where instances give none, as of what is counted."""

    value: float
    ci: Interval
    #: Asked beyond what was measured.
    extrapolated: bool = False


class SchemeRow(_Model):
    """What one scheme costs.

    Attributes:
        scheme: Its name in the result.
        meets: Whether a block bites as soon as asked; None where that is not known.
        after_block: What a blocked account's credentials leave open.
        after_logout: What a copy of a logged-out credential leaves open.
        renewed_every_s: The life of its tokens that is reckoned with, where they are renewed by refreshing.
        latency: Median service time of a read, us.
        added_latency: The same beyond the reference's, us.
        cpu: Cores of servers and store.
        store_share: The store's share of those, as a fraction.
        store_ops: Commands that the store runs a second.
        store_memory: Bytes of the sessions asked for.
        bandwidth_up: Bits a second that clients send.
        cpu_over_best: CPU over that of the answer's `best`, a ratio.
        latency_beyond_best: Latency beyond that of the `best`, us.
        unfit: Why it cannot serve what is asked at all; empty where it can.
        missing: Why a column is empty, by its name.
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
        """The figure of a column."""
        found: EstimatedQuantity | None = getattr(self, column)
        return found


class HeldBackError(_Model):
    """How far the model was off at levels that it was not shown.

    Attributes:
        quantity: What was foretold.
        over: Along what.
        foretold: How many levels, of all schemes together.
        median: Relative error, as a fraction.
        largest: The same.
        largest_scheme: Where that was.
        largest_at: At which level, in the unit of `over`.
    """

    quantity: str
    over: str
    foretold: int
    median: float
    largest: float
    largest_scheme: str
    largest_at: float


class Advice(_Model):
    """What `bench.py study advise --json` prints.

    Attributes:
        question: What was asked, defaults included.
        run: The id of the run that it rests on.
        suite: Its suite.
        confidence: Of every interval.
        reference: The scheme that `added_latency` is reckoned from; None where no distance was measured.
        best: The scheme that needs the least CPU of those that meet the demand; None where none is known to.
        schemes: Those that meet the demand first, by CPU.
        held_back: Empty where the result has nothing to hold the model against.
        notes: What was extrapolated or assumed.
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
