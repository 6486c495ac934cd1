"""Claims about servers of several processes: their rules on known truths, and a store that is loaded."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import redis

from harness.analysis.stats import scaling
from harness.report.charts import scale_out
from harness.results.environment import StoreLink
from harness.results.model import Result
from harness.studies.claims.families import scale
from harness.studies.claims.families.scale import Ceiling
from harness.system.cpus import Placement
from harness.testbed.store.server import SessionStore, StoreOptions
from tests.harness.sweeps import Sweeps, row_of

COUNTS = (1, 2, 4)
INSTANCES = 6


def scaled(
    cpus: int, rates: Mapping[str, Sequence[float]], *, server_us: float = 180, store_us: float = 30
) -> Result:
    """A run of suite `scale` in which servers had so many CPUs, with a noise of 1 % between instances."""
    dice = random.Random(5)  # noqa: S311 - a reproducible simulation

    def around(level: float) -> list[float]:
        return [level * dice.lognormvariate(0, 0.01) for _ in range(INSTANCES)]

    rows = [
        row_of("scale-out", "closed, 64 users", {"processes": count}, arm, metric, points)
        for arm, own in rates.items()
        for count, rate in zip(COUNTS, own, strict=True)
        for metric, points in {
            "throughput": around(rate),
            "server_cpu": around(server_us),
            "store_cpu": around(store_us) if arm == "cookie" else [0.0] * INSTANCES,
            "store_ops": [float(arm == "cookie")] * INSTANCES,
        }.items()
    ]
    result = Sweeps().result(rows)
    placement = {"servers": list(range(cpus)), "store": [0], "load": [9], "harness": [9]}
    return result.model_copy(
        update={"environment": result.environment.model_copy(update={"placement": placement})}
    )


EVEN = {"token": (5000, 9900, 19_600), "cookie": (4500, 8900, 17_700)}
SESSIONS_STOP = {"token": (5000, 9900, 19_600), "cookie": (4500, 8900, 11_000)}
ON_ONE_CPU = {"token": (5000, 5000, 5000), "cookie": (4500, 4500, 4500)}


def stores(per_core: float, share: float = 0.97) -> list[Ceiling]:
    """Eight stores that carry out so many commands a second of their CPU, of which they used this share."""
    return [Ceiling(per_core * (1 + 0.01 * n), share) for n in range(-4, 4)]


@pytest.mark.parametrize(
    ("cpus", "rates", "verdict", "said"),
    [
        (4, SESSIONS_STOP, "supported", "sessions stop scaling first"),
        (4, EVEN, "refuted", "sessions gain as much, within 3 %"),
        (2, SESSIONS_STOP, "refuted", "from 1 to 2 processes"),  # with a third and fourth nobody had a CPU
        (1, ON_ONE_CPU, "inconclusive", "all server processes shared one CPU"),
        (1, SESSIONS_STOP, "inconclusive", "scaling could not be measured"),
    ],
)
def test_whether_tokens_scale_better(
    cpus: int, rates: dict[str, Sequence[float]], verdict: str, said: str
) -> None:
    """By the processes that had a CPU each; on one CPU nothing is said of it, whatever was measured."""
    outcome = scale.scales(scaled(cpus, rates), Sweeps().result())
    assert outcome.verdict == verdict
    assert said in outcome.because
    figures = {figure.name: figure for figure in outcome.figures}
    assert figures["memory of a live session in the store, cookie"].value == pytest.approx(512, rel=0.01)
    assert figures["memory of a live session in the store, token"].value == 0
    assert figures["throughput, cookie, 4 processes"].value == pytest.approx(rates["cookie"][2], rel=0.02)
    assert figures["store operations per read, token, 4 processes"].value == 0
    assert any(name.startswith("gain of token") for name in figures) is (cpus > 1)


@pytest.mark.parametrize(
    ("store_us", "per_core", "verdict"),
    [
        (30, 50_000, "refuted"),  # 180 / 30 = 6, and 180 us * 50,000/s = 9 processes
        (90, 14_000, "supported"),  # 2, and 2.5
        (90, 50_000, "inconclusive"),  # 2, but 9
        (45, 22_222, "inconclusive"),  # 4 by either
    ],
)
def test_where_the_store_is_full(store_us: float, per_core: float, verdict: str) -> None:
    """Both ways to reckon how many processes it feeds must lie on one side of the four that were measured."""
    outcome = scale.saturates(scaled(1, EVEN, store_us=store_us), stores(per_core))
    assert outcome.verdict == verdict
    assert outcome.because.endswith("calculated, not observed, since 4 processes had 1 CPU")
    fed = [figure for figure in outcome.figures if figure.name.startswith("server processes that")]
    assert [one.value for one in fed] == pytest.approx([180 / store_us, 180 * per_core / 1e6], rel=0.02)
    assert all(one.ci and one.ci[0] < one.value < one.ci[1] for one in fed)


def test_a_store_that_was_not_kept_busy_shows_no_limit() -> None:
    """Whatever its figures come to."""
    outcome = scale.saturates(scaled(4, EVEN), stores(50_000, share=0.5))
    assert outcome.verdict == "inconclusive"
    assert outcome.because.endswith("but that store used only 50 % of its core, so this is not its limit")


def test_where_each_process_had_a_cpu_it_was_seen() -> None:
    """Then nothing has to be excused."""
    assert "calculated" not in scale.saturates(scaled(4, EVEN), stores(50_000)).because


def test_cores_are_cost_times_rate() -> None:
    """Of 4,500 requests a second at 180 us the server takes 0.81 of a core, the store at 30 us 0.135."""
    first, *_ = scaling.steps(scaled(1, EVEN), "cookie")
    assert first.server_cores.value == pytest.approx(0.81, rel=0.02)
    assert first.store_cores.value == pytest.approx(0.135, rel=0.02)
    assert first.server_cores.low is not None


@pytest.mark.parametrize("link", ["unix", "tcp"])
def test_a_store_is_loaded_with_what_reads_ask(tmp_path: Path, link: StoreLink) -> None:
    """A real one carries out every command that the program says, and slides what they slide."""
    store = SessionStore(tmp_path, Placement(), StoreOptions(link=link))
    with contextlib.closing(redis.Redis.from_url(store.url)) as client, contextlib.ExitStack() as stack:
        stack.callback(store.close, "")
        store.start()
        reads: dict[str, Any] = {
            "url": store.url,
            "commands": [["GETEX", f"a:session:{n}", "EX", "60"] for n in range(5)],
            "values": {f"a:session:{n}": "x" * 200 for n in range(5)},
        }
        file = tmp_path / "reads.json"
        file.write_text(json.dumps(reads))
        done = subprocess.run(
            [sys.executable, "-m", "harness.studies.claims.store_ceiling",
             "--reads", str(file), "--seconds", "0.2"],
            capture_output=True, text=True, timeout=60, check=True, cwd=Path(__file__).parents[3],
        )  # fmt: skip
        told = json.loads(done.stdout)
        calls = client.info("commandstats")["cmdstat_getex"]["calls"]
        assert calls == told["commands"] + 5 * (1 + 200)  # the first round, and those that warmed up
        assert told["commands"] % 5 == 0
        assert told["seconds"] >= 0.2
        assert told["cpu_s"] > 0
        assert 0 < client.ttl("a:session:0") <= 60


def test_the_figure_says_where_nothing_could_be_gained() -> None:
    """On one CPU its title promises nothing; with one number of processes there is none."""
    told = {cpus: _title(scaled(cpus, EVEN)) for cpus in (1, 4)}
    assert told[1].startswith("1 to 4 processes shared one CPU")
    assert told[4].startswith("Throughput from 1 to 4 processes on 4 CPUs: 3.")
    once = scaled(4, EVEN)
    rows = [row for row in once.measurements if row.params["processes"] == 1]
    assert scale_out.draw(once.model_copy(update={"measurements": rows})) is None


def _title(result: Result) -> str:
    figure = scale_out.draw(result)
    assert figure is not None
    return figure.texts[0].get_text()
