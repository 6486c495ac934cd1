"""What golden pictures are drawn from, and what can be done to it that a reader would see."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from harness.analysis.click_latency import Click
from harness.analysis.stats.change_points import FEWEST
from harness.report.charts import staleness
from harness.results.claims import ClaimAnswer
from harness.results.model import Result
from tests.harness.report.test_charts_claims import of_lifetimes
from tests.harness.report.test_charts_incidents import outage, revocation
from tests.harness.report.test_charts_incidents import result as lived_through
from tests.harness.report.test_charts_vitals import soak
from tests.harness.studies.test_browser import EACH_TIME, HOME, REMEMBERED, batch
from tests.harness.sweeps import Sweeps, row_of

#: Something that is done to the JSON of a result, or of an answer.
Change = Callable[[dict[str, Any]], None]

_STORED: Final = Path(__file__).parents[1] / "harness" / "data" / "result.json"
#: Arrivals a second, and how much longer answers take than under 2,000 of them.
_RATES: Final = {500: 0.93, 1000: 0.96, 3000: 1.5, 4000: 3.4}
#: Steps of a journey, and how much longer they take than a read.
_STEPS: Final = {"login": 3.0, "read": 1.0, "log-out-everywhere": 1.4}
#: In arrivals a second, with its interval.
_CAPACITY: Final = {"token": (5200, 5090, 5310), "cookie": (4300, 4180, 4430)}
#: By how much each arm is dearer in the second of several results than in the first, and in the third again.
_DEARER: Final = {"anonymous": 0.01, "token": 0.02, "cookie": 0.05}
#: What an arm's servers hold besides what the first's do, in MB and in descriptors.
_HOLDS: Final = {"anonymous": (0, 0), "token": (10, 3), "cookie": (20, 6)}
#: Runs before and after a change of level.
_RUNS: Final = FEWEST + 2


class Waits(BaseModel):
    """The clicks of each batch of `bench.py study browser`."""

    batches: list[list[Click]]


def waits() -> Waits:
    """A token as quick as a cookie at home, slower from elsewhere, where each needs a preflight or more."""
    dice = random.Random(5)  # noqa: S311 - a reproducible simulation
    medians = {
        ("cookie", *HOME): 15.0,
        ("cookie-again", *HOME): 15.0,
        ("token", *HOME): 15.0,
        ("static", *HOME): 9.0,
        ("cookie", *REMEMBERED): 15.5,
        ("token", *REMEMBERED): 16.9,
        ("cookie", *EACH_TIME): 15.5,
        ("token", *EACH_TIME): 21.0,
    }

    def spread(click: Click) -> Click:
        return click.model_copy(update={"answered_ms": medians[click.case] * dice.lognormvariate(0, 0.01)})

    return Waits(batches=[list(map(spread, batch())) for _ in range(6)])


def slower_by_token(data: dict[str, Any]) -> None:
    """A tenth longer, at home."""
    for click in _clicks(data, "token"):
        if click["origin"] == "own origin":
            click["answered_ms"] *= 1.1


def swap_waits(data: dict[str, Any]) -> None:
    """The twins, each with the other's clicks."""
    token, cookie = _clicks(data, "token"), _clicks(data, "cookie")
    for click in token:
        click["server"] = "cookie"
    for click in cookie:
        click["server"] = "token"


def _clicks(data: dict[str, Any], server: str) -> list[dict[str, Any]]:
    return [click for batch in data["batches"] for click in batch if click["server"] == server]


def stored() -> Result:
    """Three arms in a closed and an open loop."""
    return Result.model_validate_json(_STORED.read_text(encoding="utf-8"))


def changed(result: Result, change: Change) -> Result:
    """A result with its JSON changed."""
    data = result.model_dump(mode="json")
    change(data)
    return Result.model_validate(data)


def under_rates() -> Result:
    """The open loop under five rates, and the highest that each of the twins bears."""

    def add(data: dict[str, Any]) -> None:
        opened = [row for row in data["measurements"] if row["load"].startswith("open")]
        for rate, factor in _RATES.items():
            rows = [row | {"load": f"open, {rate}/s constant"} for row in opened]
            data["measurements"] += [scaled(row, factor) for row in rows if row["metric"].startswith("resp")]
        searched = {"load": "search, p99 under 5 ms, constant", "metric": "capacity"}
        like = next(row for row in data["comparisons"] if (row["base"], row["arm"]) == ("token", "cookie"))
        for arm, (value, low, high) in _CAPACITY.items():
            found = {"arm": arm, "unit": "req/s", "value": value, "ci": [low, high], "points": [value] * 8}
            data["measurements"].append(opened[0] | searched | found)
        ratio = {"ratio": 0.827, "ci": [0.8, 0.855], "primary": True, "verdict": "slower"}
        data["comparisons"].append(like | {"scenario": "steady"} | searched | ratio)

    return changed(stored(), add)


def journey() -> Result:
    """Three steps of the twins."""

    def replace(data: dict[str, Any]) -> None:
        for part in ("measurements", "comparisons"):
            rows = [
                row
                for row in data[part]
                if row["load"].startswith("open") and "anonymous" not in (row["arm"], row.get("base"))
            ]
            data[part] = [row | {"scenario": "journey"} for row in rows if row["metric"] == "total_cpu"]
            data[part] += [
                scaled(row | {"scenario": "journey", "params": {"step": step}}, factor)
                if part == "measurements"
                else row | {"scenario": "journey", "params": {"step": step}}
                for step, factor in _STEPS.items()
                for row in rows
                if row["metric"] == "service_p50"
            ]

    return changed(stored(), replace)


def scaled_out() -> Result:
    """Servers of one, two and four processes on CPUs of their own; the store holds cookie back in the end."""
    rates = {"token": (6500, 12_700, 25_100), "cookie": (4900, 9300, 14_100)}
    costs = {"token": (154, 0.0), "cookie": (176, 62.0)}
    dice = random.Random(3)  # noqa: S311 - a reproducible simulation

    def points(level: float) -> list[float]:
        return [level * dice.lognormvariate(0, 0.012) for _ in range(4)]

    rows = [
        row_of("scale-out", "closed, 64 users", {"processes": count}, arm, metric, values)
        for arm, (server, store) in costs.items()
        for count, rate in zip((1, 2, 4), rates[arm], strict=True)
        for metric, values in {
            "throughput": points(rate),
            "server_cpu": points(server),
            "store_cpu": points(store),
            "total_cpu": points(server + store),
            "store_ops": [float(bool(store))] * 4,
        }.items()
    ]

    def replace(data: dict[str, Any]) -> None:
        data["measurements"] = [row.model_dump(mode="json") for row in rows]
        data["comparisons"] = data["distributions"] = []
        data["environment"]["placement"] = {
            "servers": [0, 1, 2, 3],
            "store": [5],
            "load": [4],
            "harness": [6],
        }

    return changed(stored(), replace)


def over_days() -> list[Result]:
    """Runs day by day; half-way cookie becomes a fifth dearer."""
    dice = random.Random(7)  # noqa: S311 - a reproducible simulation
    found = []
    for day in range(2 * _RUNS):
        level = (1.2 if day >= _RUNS else 1.0) * dice.lognormvariate(0, 0.01)

        def live(data: dict[str, Any], day: int = day, level: float = level) -> None:
            data["run"] |= {"id": f"run-{day + 1}", "started_at": f"2026-11-{day + 1:02d}T08:00:00+00:00"}
            for part in ("measurements", "comparisons"):
                data[part] = [
                    scaled(row, level) if (row["arm"], row["metric"]) == ("cookie", "total_cpu") else row
                    for row in data[part]
                ]

        found.append(changed(stored(), live))
    return found


def side_by_side() -> list[Result]:
    """Three runs on one machine, of which the later ones are a little dearer."""

    def later(number: int) -> Change:
        def live(data: dict[str, Any]) -> None:
            data["run"]["id"] = f"run-{number}"
            by_arm = {arm: 1 + dearer * number for arm, dearer in _DEARER.items()}
            data["measurements"] = [scaled(row, by_arm[row["arm"]]) for row in data["measurements"]]
            data["comparisons"] = [
                scaled(row, by_arm[row["arm"]] / by_arm[row["base"]]) for row in data["comparisons"]
            ]

        return live

    return [stored(), changed(stored(), later(1)), changed(stored(), later(2))]


def claims() -> Result:
    """What suite `claims` leaves, of a known truth."""
    return Sweeps().result()


def asking() -> Result:
    """The same, with an arm that asks the accounts."""

    def add(data: dict[str, Any]) -> None:
        rows = [row for row in data["measurements"] if row["arm"] == "token"]
        data["measurements"] += [scaled(row | {"arm": "token-lookup"}, 1.6) for row in rows]
        data["environment"]["schemes"]["token-lookup"] = {
            "title": "looks accounts up",
            "transport": "bearer",
            "store": "none",
            "database": "every request",
        }

    return changed(claims(), add)


def lifetimes() -> ClaimAnswer:
    """The answer to the claim about short lives of tokens."""
    return of_lifetimes()


def incidents() -> Result:
    """A store that goes away, and an account that is ended."""
    return lived_through(
        outage("token", "cookie", "token-denylist"), revocation("cookie", "token-denylist", "token")
    )


def long() -> Result:
    """Twenty minutes of the three."""

    def part(data: dict[str, Any]) -> None:
        for row in data["vitals"]:
            megabytes, descriptors = _HOLDS.get(row["arm"], (0, 0))
            row["rss"] = [one + megabytes * 1_000_000 for one in row["rss"]]
            row["descriptors"] = [one + descriptors for one in row["descriptors"]]

    return changed(soak(), part)


def scaled(row: dict[str, Any], factor: float) -> dict[str, Any]:
    """A row with all its figures multiplied."""
    found = dict(row)
    for key in ("value", "ratio"):
        if key in row:
            found[key] = row[key] * factor
    for key in ("ci", "points"):
        found |= {key: [_times(one, factor) for one in row[key]]} if row.get(key) else {}
    return found


def _times(one: Any, factor: float) -> Any:
    """A point: a number, or a percentile with one."""
    return [one[0], one[1] * factor] if isinstance(one, list) else one * factor


def scale(part: str, factor: float, **which: Any) -> Change:
    """Multiply the figures of all rows that say so, of which there is one at least."""

    def change(data: dict[str, Any]) -> None:
        rows = data[part]
        chosen = [index for index, row in enumerate(rows) if which.items() <= row.items()]
        assert chosen, which
        for index in chosen:
            rows[index] = scaled(rows[index], factor)

    return change


def move_one_instance(factor: float, **which: Any) -> Change:
    """Multiply the first instance's figure of one measurement, and not their mean."""

    def change(data: dict[str, Any]) -> None:
        row = next(row for row in data["measurements"] if which.items() <= row.items())
        row["points"][0] *= factor

    return change


def swap(one: str, other: str) -> Change:
    """Call each of two arms by the other's name, wherever they are named."""
    names = {one: other, other: one}

    def change(data: dict[str, Any]) -> None:
        for row in _objects(data):
            row |= {key: names[row[key]] for key in ("arm", "base") if row.get(key) in names}

    return change


def dearer_refresh(data: dict[str, Any]) -> None:
    """Let refreshing cost a third more at the shortest life in an answer."""
    _refreshes(data)[0]["value"] *= 1.33


def swap_refreshes(data: dict[str, Any]) -> None:
    """Give the two shortest lives in an answer each the other's cost."""
    one, other, *_ = _refreshes(data)
    one["value"], other["value"] = other["value"], one["value"]


def _refreshes(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [figure for figure in data["figures"] if figure["group"] == staleness.COST]


def double_failures(data: dict[str, Any]) -> None:
    """Let twice as many requests fail while the store is away."""
    row = next(row for row in data["incidents"] if "503" in row["bins"]["outcomes"])
    row["bins"]["outcomes"]["503"] = [2 * count for count in row["bins"]["outcomes"]["503"]]


def grow(data: dict[str, Any]) -> None:
    """Let one process hold a tenth more memory from half-way on."""
    rss = data["vitals"][0]["rss"]
    half = len(rss) // 2
    rss[half:] = [round(1.1 * one) for one in rss[half:]]


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _objects(one)
