"""What golden pictures show: every figure there is, from small results made by hand."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from matplotlib.figure import Figure

from harness.analysis import click_latency
from harness.analysis.click_latency import Batch
from harness.report.charts import compared, history, staleness, waits
from harness.report.charts.parts.drawable import drawable
from harness.report.compare.compare import Compared, compare
from harness.report.history import series
from harness.results.claims import ClaimAnswer
from harness.results.model import Result
from tests.golden import results
from tests.golden.results import Change, scale, swap

Source = Result | ClaimAnswer | results.Waits
_TWINS: Final = ("token", "cookie")


@dataclass(frozen=True)
class Golden:
    """A figure, what it is drawn from, and two changes of that which a reader must see.

    Attributes:
        module: Of `harness/report/charts/`.
        made: What it is drawn from.
        draws: Draws it.
        value: Moves one value of the last of what it is drawn from.
        swap: Gives two arms each the other's figures there.
    """

    module: str
    made: Callable[[], Sequence[Source]]
    draws: Callable[[Sequence[Any]], Figure | None]
    value: Change
    swap: Change

    def figure(self, change: Change | None = None) -> Figure:
        """The figure, after a change if there is one."""
        *rest, last = self.made()
        if change is not None:
            data = last.model_dump(mode="json")
            change(data)
            last = type(last).model_validate(data)
        drawn = self.draws([*rest, last])
        assert drawn is not None
        return drawn


def _of_a_result(
    module: str, made: Callable[[], Result], value: Change, arms: tuple[str, str] = _TWINS
) -> Golden:
    draw = importlib.import_module(f"harness.report.charts.{module}").draw
    return Golden(module, lambda: [made()], lambda found: draw(drawable(found[0])), value, swap(*arms))


def _history(name: str, found: Sequence[Result]) -> Figure:
    return history.figures(series.history(found, ("total_cpu",)))[name]


def _waits(found: Sequence[results.Waits]) -> Figure:
    clicks: list[Batch] = list(found[0].batches)
    return waits.figure(
        click_latency.waits(clicks),
        click_latency.pairs(clicks),
        click_latency.noise(clicks),
        "how it was measured",
    )


def _compared(draw: Callable[[Compared], Figure | None], found: Sequence[Result]) -> Figure | None:
    return draw(compare([(result.run.id, result) for result in found]))


_CLOSED: Final[dict[str, Any]] = {"scenario": "saturation", "arm": "token"}
_CPU: Final[dict[str, Any]] = {"metric": "total_cpu"}

#: By the names of the pictures.
GOLDEN: Final[dict[str, Golden]] = {
    "compared-between-arms": Golden(
        "compared",
        results.side_by_side,
        partial(_compared, compared.between_arms),
        scale("comparisons", 1.05, scenario="saturation", base="token", arm="cookie", **_CPU),
        swap(*_TWINS),
    ),
    "compared-over-base": Golden(
        "compared",
        results.side_by_side,
        partial(_compared, compared.over_base),
        scale("measurements", 1.05, **_CLOSED, **_CPU),
        swap(*_TWINS),
    ),
    "cost": _of_a_result("cost", results.stored, scale("measurements", 1.05, **_CLOSED, **_CPU)),
    "distance": _of_a_result(
        "distance",
        results.claims,
        scale("measurements", 1.1, metric="service_p50", arm="cookie", params={"store_delay_ms": 1.0}),
    ),
    "history-ratios": Golden(
        "history",
        results.over_days,
        partial(_history, "history-ratios"),
        scale("comparisons", 1.03, scenario="saturation", base="token", arm="cookie", **_CPU),
        swap(*_TWINS),
    ),
    "history-total_cpu": Golden(
        "history",
        results.over_days,
        partial(_history, "history-total_cpu"),
        scale("measurements", 1.05, **_CLOSED, **_CPU),
        swap(*_TWINS),
    ),
    "incidents": _of_a_result("incidents", results.incidents, results.double_failures),
    "instances": _of_a_result(
        "instances", results.stored, results.move_one_instance(1.05, **_CLOSED, **_CPU)
    ),
    "latency": _of_a_result(
        "latency", results.stored, scale("measurements", 1.1, **_CLOSED, metric="service_p50")
    ),
    "offered": _of_a_result(
        "offered",
        results.under_rates,
        scale("measurements", 1.2, arm="token", load="open, 3000/s constant", metric="response_p50"),
    ),
    "payload": _of_a_result(
        "payload",
        results.claims,
        scale("measurements", 1.1, arm="cookie", params={"profile_bytes": 2000}, **_CPU),
    ),
    "population": _of_a_result(
        "population",
        results.claims,
        scale("measurements", 1.1, metric="service_p50", arm="cookie", params={"sessions": 100_000}),
        ("token-denylist", "cookie"),
    ),
    "ratios": _of_a_result(
        "ratios",
        results.stored,
        scale("comparisons", 1.03, scenario="saturation", base="token", arm="cookie", **_CPU),
    ),
    "revocation": _of_a_result(
        "revocation",
        results.asking,
        scale("measurements", 1.02, scenario="saturation", arm="token-denylist", **_CPU),
        ("token-denylist", "cookie"),
    ),
    "scale_out": _of_a_result(
        "scale_out",
        results.scaled_out,
        scale("measurements", 1.05, metric="throughput", arm="cookie", params={"processes": 2}),
    ),
    "staleness": Golden(
        "staleness",
        lambda: [results.lifetimes()],
        staleness.draw_answers,
        results.dearer_refresh,
        results.swap_refreshes,
    ),
    "steps": _of_a_result(
        "steps", results.journey, scale("measurements", 1.1, arm="token", params={"step": "login"})
    ),
    "throughput": _of_a_result(
        "throughput", results.stored, scale("measurements", 1.05, **_CLOSED, metric="throughput")
    ),
    "two_by_two": _of_a_result(
        "two_by_two",
        results.claims,
        scale("measurements", 1.03, scenario="saturation", arm="cookie", **_CPU),
    ),
    "vitals": _of_a_result("vitals", results.long, results.grow),
    "waits": Golden("waits", lambda: [results.waits()], _waits, results.slower_by_token, results.swap_waits),
}
