"""What is made of trials: rates, their intervals, the table, and a file that can be continued."""

from __future__ import annotations

import json
import math
import random
import time
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from scipy.stats import binomtest

from harness.errors import InvalidMeasurementError, SuiteError
from harness.studies.calibration.console import render
from harness.studies.calibration.error_rates import (
    OURS,
    MedianWithInterval,
    goals,
    middle,
    rate,
    rows,
    summary,
    usual,
)
from harness.studies.calibration.run import chosen, missing
from harness.studies.calibration.trial import CHANGED, PLAIN, Trials, _arms
from harness.studies.calibration.trial_kinds import KINDS, RATES, SHAPES, Probe, Trial
from harness.studies.calibration.trial_log import FILE, Ledger
from harness.suites.arms import PATH_LENGTHS
from harness.suites.catalog import schemes
from harness.system.source_tree import OURS as TREE

PROBE = Probe(server_cpu_us=80, round_ns=20)


def trial(kind: str, verdict: str | None, **changes: Any) -> Trial:
    """A trial with this verdict; wrk saw 3 % less, Locust nothing."""
    fields: dict[str, Any] = {
        "kind": kind,
        "seed": 1,
        "started_at": "2026-11-25T00:00:00+00:00",
        "revision": None,
        "verdict": verdict,
        "ratio": 1.0,
        "ci": (0.99, 1.01),
        "looks": 1,
        "seconds": 40,
        "probe": PROBE if KINDS[kind].added else None,
        "measured_added": KINDS[kind].added or None,
        "invalid": [] if verdict else ["busy cpu"],
        "dirty": False,
        "memory": 1.0,
        "warned": [],
        "usual": {"wrk": (10_000.0, 9_700.0), "fast-http-user": (9_000.0, 9_000.0)},
    }
    return Trial.model_validate(fields | changes)


def test_rates_have_clopper_pearsons_interval() -> None:
    """As SciPy has it, at both ends and between."""
    for happened in (0, 1, 20, 39, 40):
        ours, theirs = rate(happened, 40), binomtest(happened, 40).proportion_ci(0.95, "exact")
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
    assert rate(0, 40).high == pytest.approx(1 - 0.025 ** (1 / 40))


def test_medians_have_an_interval_of_order_statistics() -> None:
    """Of 40 values the 14th and the 27th, as printed tables have it; of five none, of six the outermost."""
    assert middle(range(1, 41)) == MedianWithInterval(20.5, (14, 27))
    assert middle([5, 4, 3, 2, 1]) == MedianWithInterval(3, None)
    assert middle([6, 5, 4, 3, 2, 1]) == MedianWithInterval(3.5, (1, 6))
    assert middle([None, 7, None]) == MedianWithInterval(7, None)
    assert middle([None]) is None


def test_the_interval_of_a_median_covers_it_as_often_as_it_says() -> None:
    """Times to a verdict are skewed; 3,000 trials at 95 % or a little more have a standard error of 0.4 %."""
    dice = random.Random(1)  # noqa: S311 - a reproducible simulation
    covered = 0
    for _ in range(3000):
        found = middle([dice.expovariate(1) for _ in range(40)])
        assert found is not None
        assert found.ci is not None
        covered += found.ci[0] <= math.log(2) <= found.ci[1]
    assert 0.95 - 3 * 0.004 <= covered / 3000 <= 0.98


def test_rates_cover_the_truth_at_least_as_often_as_they_say() -> None:
    """Clopper and Pearson's is exact and so on the safe side: 2.5 % of alarms, 40 trials, 3,000 times."""
    dice = random.Random(1)  # noqa: S311 - a reproducible simulation
    covered = 0
    for _ in range(3000):
        one = rate(sum(dice.random() < 0.025 for _ in range(40)), 40)
        covered += one.low <= 0.025 <= one.high
    assert covered / 3000 >= 0.95


def test_no_trial_says_nothing() -> None:
    """The rate may be anything."""
    assert (rate(0, 0).low, rate(0, 0).high) == (0, 1)


@pytest.mark.parametrize(
    ("changed", "said"),
    [(949, "slower"), (951, "no difference"), (1049, "no difference"), (1051, "faster")],
)
def test_the_usual_way_has_a_threshold_of_five_per_cent(changed: float, said: str) -> None:
    """Of the rate of the one server over that of the other, and nothing else."""
    assert usual(1000, changed) == said


def test_a_row_for_each_kind_and_judge() -> None:
    """Ours first; an invalid trial is a trial, without a verdict."""
    trials = [trial("slower-5", "slower"), trial("aa", "equivalent"), trial("slower-5", None, seconds=60)]
    found = rows(trials)
    assert [(row.kind, row.judge) for row in found] == [
        (kind, judge) for kind in ("aa", "slower-5") for judge in (OURS, "wrk", "fast-http-user")
    ]
    ours = found[3]
    assert (ours.slower.happened, ours.slower.trials, ours.invalid) == (1, 2, 1)
    assert ours.seconds == MedianWithInterval(50, None)
    assert (found[4].slower.happened, found[4].invalid, found[4].seconds) == (0, 0, None)


def test_the_summary_has_the_shape_that_is_promised() -> None:
    """`aa` with alarms either way, `slowdowns` by what was added, the same of every tool."""
    trials = [
        trial("aa", "slower"),
        trial("aa", "faster"),
        trial("aa", "equivalent", usual={"wrk": (10_000.0, 9_000.0), "fast-http-user": (1.0, 1.0)}),
        trial("slower-3", "slower", seconds=50),
        trial("slower-3", "inconclusive", seconds=70),
    ]
    found = json.loads(json.dumps(summary(trials)))
    assert {k: found["aa"][k] for k in ("trials", "alarms", "seconds")} == {
        "trials": 3,
        "alarms": 2,
        "seconds": 40,
    }
    [slowdown] = found["slowdowns"]
    assert {k: slowdown[k] for k in ("added", "trials", "detected", "seconds")} == {
        "added": 0.03,
        "trials": 2,
        "detected": 1,
        "seconds": 60,
    }
    assert found["usual"]["wrk"]["aa"]["alarms"] == 1
    assert found["usual"]["fast-http-user"]["slowdowns"][0]["detected"] == 0
    assert found["shapes"] == []


def test_shapes_are_counted_apart() -> None:
    """With the checks that had something to say, and the ratio of what had a verdict."""
    trials = [trial("leak", "equivalent", warned=["drift"], ratio=1.01), trial("neighbour", None)]
    found = {row["kind"]: row for row in summary(trials)["shapes"]}
    assert found["leak"]["warned"] == ["drift"]
    assert (found["leak"]["ratio"], found["neighbour"]["ratio"]) == (1.01, None)
    assert (found["neighbour"]["invalid"], found["neighbour"]["checks"]) == (1, ["busy cpu"])
    assert summary(trials)["aa"] is None


@pytest.mark.parametrize(
    ("alarms", "found_3", "found_5", "seconds", "missed"),
    [
        (1, 36, 39, 60, 0),
        (2, 36, 39, 60, 1),
        (1, 35, 39, 60, 1),
        (1, 36, 38, 60, 1),
        (1, 36, 39, 61, 1),
    ],
)
def test_goals(alarms: int, found_3: int, found_5: int, seconds: float, missed: int) -> None:
    """Of forty trials each, at the edge and one beyond."""
    trials = [trial("aa", "slower" if i < alarms else "equivalent", seconds=seconds) for i in range(40)]
    for kind, found in (("slower-3", found_3), ("slower-5", found_5)):
        trials += [trial(kind, "slower" if i < found else "inconclusive", seconds=seconds) for i in range(40)]
    assert [goal.reached for goal in goals(trials)].count(False) == missed
    assert len(goals(trials)) == 4


def test_invalid_trials_do_not_hide_alarms() -> None:
    """They are no trials of the same code that passed: too few are left to say anything."""
    trials = [trial("aa", None) for _ in range(39)] + [trial("aa", "slower")]
    [alarms, _] = goals(trials)
    assert (alarms.figure, alarms.reached) == ("1 of 1", None)
    assert summary(trials)["aa"]["alarms_ci"][0] == pytest.approx(0.025)


def test_the_table_names_everything_in_80_columns() -> None:
    """Each kind once, each judge, and the goals."""
    text = StringIO()
    render([trial(kind, "inconclusive") for kind in KINDS], Console(file=text, width=80))
    lines = text.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    together = " ".join(text.getvalue().split())
    for word in (
        "the same code in both servers",
        OURS,
        "wrk",
        "0 of 1 (0%-98%)",
        "too few trials",
        "reached",
    ):
        assert word in together


def test_kinds_are_chosen_by_name() -> None:
    """In the order of the table; without a name those that rates are counted in."""
    assert chosen([], shapes=False) == list(RATES)
    assert chosen([], shapes=True) == [*RATES, *SHAPES]
    assert chosen(["leak", "aa"], shapes=False) == [KINDS["aa"], KINDS["leak"]]
    assert chosen(["leak", "aa"], shapes=True)[:2] == [KINDS["aa"], KINDS["leak"]]
    assert sorted(kind.name for kind in chosen(["leak"], shapes=True)) == sorted(one.name for one in SHAPES)


@pytest.mark.parametrize(("name", "lengths"), [("elsewhere", PATH_LENGTHS), ("elsewhere-still", 0)])
def test_copies_are_equal_and_not_equally_far(name: str, lengths: int, tmp_path: Path) -> None:
    """Every file of the servers, byte by byte, by a path that is as much longer as the kind has it."""
    arms = _arms(schemes()["token"], 0, KINDS[name], tmp_path)
    assert {arm.path_lengths for arm in arms.values()} == {lengths}
    packages = [arms[name].tree.package for name in (PLAIN, CHANGED)]
    assert len(str(packages[1])) - len(str(packages[0])) == KINDS[name].farther > 0
    held = [
        {file.relative_to(package): file.read_bytes() for file in package.rglob("*.py")}
        for package in (*packages, TREE.package)
    ]
    assert held[0] == held[1] == held[2] != {}


def test_where_nothing_is_to_be_reached_nothing_is_promised() -> None:
    """Goals are of the kinds that rates are counted in."""
    text = StringIO()
    render([trial("elsewhere", "equivalent")], Console(file=text, width=80))
    assert "the same code in a deeper folder (1.000)" in text.getvalue()
    assert "goal" not in text.getvalue()


def test_per_cent_become_turns_of_the_loop() -> None:
    """5 % of 80 us are 4 us, 200 turns of 20 ns; ten times that in every tenth request."""
    assert PROBE.rounds(KINDS["slower-5"]) == 200
    assert PROBE.rounds(KINDS["tenth"]) == 2000
    assert PROBE.rounds(KINDS["one-of-eight"]) == 1600
    assert PROBE.rounds(KINDS["aa"]) == 0


def test_what_is_done_is_not_made_again(tmp_path: Path) -> None:
    """The file says what there is; the kinds that are behind come first."""
    ledger = Ledger.begin(tmp_path, 7, "a machine")
    ledger.add(trial("aa", "equivalent"))
    ledger.add(trial("slower-3", "slower"))
    found = Ledger.find(tmp_path, "a machine")
    assert found is not None
    assert (found.seed, found.trials) == (7, ledger.trials)
    todo = [kind.name for kind in missing(RATES, [one.kind for one in found.trials], 2)]
    assert todo == ["slower-5", "aa", "slower-3", "slower-5"]
    assert missing(RATES, [], 0) == []


def test_a_calibration_stays_on_its_machine(tmp_path: Path) -> None:
    """Rates of two machines are two rates."""
    Ledger.begin(tmp_path, 7, "a machine")
    with pytest.raises(SuiteError, match="another machine"):
        Ledger.find(tmp_path, "my own")


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    """And nothing is overwritten."""
    assert Ledger.find(tmp_path, "a machine") is None
    (tmp_path / FILE).write_text("no trials\n")
    with pytest.raises(SuiteError, match="not a list of trials"):
        Ledger.find(tmp_path, "a machine")
    assert (tmp_path / FILE).read_text() == "no trials\n"


def test_the_work_is_as_large_as_it_should_be_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial knows first what a request and a turn take; the same code twice needs no such look."""
    rounds: list[int] = []

    class StopError(Exception):
        """Far enough: nothing is measured here."""

    def arms(_: object, turns: int, *__: object) -> None:
        rounds.append(turns)
        raise StopError

    hours = iter((PROBE, Probe(server_cpu_us=330, round_ns=40)))
    monkeypatch.setattr(Trials, "probe", lambda *_: next(hours))
    monkeypatch.setattr("harness.studies.calibration.trial._arms", arms)
    for kind in ("aa", "slower-3", "slower-5"):
        with pytest.raises(StopError):
            Trials().make(KINDS[kind], 1)
    assert rounds == [0, round(0.03 * 80_000 / 20), round(0.05 * 330_000 / 40)]


@pytest.mark.parametrize(
    ("kind", "seconds_ago", "serves"),
    [("slower-3", 60, True), ("slower-5", 60, True), ("slower-3", 600, False), ("tenth", 60, False)],
)
def test_what_the_trial_before_found_serves_for_minutes(
    kind: str, seconds_ago: float, serves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was measured with more servers and for longer than by a probe; shapes may be of another scheme."""
    reckoned: list[int] = []

    class StopError(Exception):
        """Far enough: nothing is measured here."""

    def arms(_: object, turns: int, *__: object) -> None:
        reckoned.append(turns)
        raise StopError

    found = Probe(server_cpu_us=330, round_ns=40)
    monkeypatch.setattr(Trials, "probe", lambda *_: PROBE)
    monkeypatch.setattr("harness.studies.calibration.trial._arms", arms)
    trials = Trials()
    trials._last = (time.monotonic() - seconds_ago, found)
    with pytest.raises(StopError):
        trials.make(KINDS[kind], 1)
    assert reckoned == [(found if serves else PROBE).rounds(KINDS[kind])]


@pytest.mark.parametrize("spoilt", [0, 2, 3])
def test_a_probe_that_was_spoilt_is_made_again(spoilt: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice, and no more: then the machine is too restless for a calibration."""
    tried: list[str] = []

    def probe(_: Trials, scheme: str) -> Probe:
        tried.append(scheme)
        if len(tried) <= spoilt:
            raise InvalidMeasurementError("busy")
        return PROBE

    monkeypatch.setattr(Trials, "_probe", probe)
    if spoilt < 3:
        assert Trials().probe("cookie") == PROBE
    else:
        with pytest.raises(InvalidMeasurementError):
            Trials().probe("cookie")
    assert tried == ["cookie"] * min(spoilt + 1, 3)
