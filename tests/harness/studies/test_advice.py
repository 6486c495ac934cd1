"""What is advised from results with a known truth, and what is said of what a result does not know."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from harness.analysis.stats.sweeps import PROFILES_TRIED
from harness.errors import InvalidMeasurementError, SuiteError
from harness.results.model import Check, Measurement, Result
from harness.studies.advice import question, revocation, run, wording
from harness.studies.advice.advise import advise
from harness.studies.advice.answer import Advice, EstimatedQuantity, SchemeRow
from harness.studies.advice.question import AdviceQuestion
from harness.suites.arms import SchemeEntry
from harness.system.output import Output
from tests.harness.sweeps import REFRESH_BYTES, REFRESH_OPS, REFRESH_US, STORED, TRUTHS, USERS, Sweeps, row_of

#: What the schemes of these results declare, in the parts that advice is about.
SCHEMES = {
    name: SchemeEntry(
        name,
        "",
        "/",
        "bearer",
        "every request" if truth.asks else "none",
        lifetime_s=18_000,
        promises={
            "block": "at once" if truth.asks else "at next issue",
            "logout": "at once" if truth.asks else "at expiry",
        },
    )
    for name, truth in TRUTHS.items()
}


def advice(result: Result, **asked: Any) -> Advice:
    """The answer to a question."""
    return advise(result, AdviceQuestion(**asked), SCHEMES)


def row(answer: Advice, scheme: str) -> SchemeRow:
    """One scheme's."""
    return next(one for one in answer.schemes if one.scheme == scheme)


def holds(found: EstimatedQuantity | None, truth: float) -> bool:
    """Whether an interval has the truth in it."""
    assert found is not None
    assert found.ci is not None
    return found.ci[0] <= truth <= found.ci[1]


def told(answer: Advice) -> str:
    """All that the console prints, in one line."""
    out = Console(file=StringIO(), width=80)
    run.render(answer, out)
    text = cast(StringIO, out.file).getvalue()
    assert max(map(len, text.splitlines())) <= 80
    return " ".join(text.split())


def test_without_noise_the_truth_is_found() -> None:
    """Every figure of every scheme, in its unit."""
    answer = advice(Sweeps(noise=0).result(), store_rtt_ms=3, rate=2000, sessions=300_000)
    token, listed, cookie = (row(answer, name) for name in ("token", "token-denylist", "cookie"))
    for one, name in ((token, "token"), (listed, "token-denylist"), (cookie, "cookie")):
        truth = TRUTHS[name]
        assert one.latency
        assert one.added_latency
        assert one.cpu
        assert one.store_share
        assert one.store_ops
        assert one.store_memory
        assert one.bandwidth_up
        assert one.latency.value == pytest.approx(truth.read_us + truth.per_rtt * 3000)
        assert one.added_latency.value == pytest.approx(one.latency.value - 180)
        assert one.cpu.value == pytest.approx(2000 * (truth.server_us + truth.store_us) / 1e6)
        assert one.store_share.value == pytest.approx(truth.store_us / (truth.server_us + truth.store_us))
        assert one.store_ops.value == pytest.approx(2000 * truth.asks)
        assert one.store_memory.value == pytest.approx(truth.session_bytes * (300_000 + USERS))
        assert one.bandwidth_up.value == pytest.approx(2000 * 8 * truth.request_bytes)
        assert one.missing == {}
    assert answer.reference == "token"
    assert len(answer.held_back) == 5
    assert max(held.largest for held in answer.held_back) < 1e-9


def test_with_a_profiles_length_all_goes_by_it() -> None:
    """CPU, bandwidth and memory are those of that length."""
    cookie = row(advice(Sweeps(noise=0).result(), profile_bytes=3000, sessions=1000), "cookie")
    truth = TRUTHS["cookie"]
    assert cookie.cpu
    assert cookie.store_memory
    assert cookie.bandwidth_up
    assert cookie.cpu.value == pytest.approx(1000 * (truth.server_us + truth.store_us + 0.002 * 3000) / 1e6)
    assert cookie.store_memory.value == pytest.approx(1000 * (512 + 3000))
    assert cookie.store_memory.extrapolated  # from the eight users of the load
    assert cookie.bandwidth_up.value == pytest.approx(1000 * 8 * 112)


@pytest.mark.slow
def test_its_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """100 results with noise, 99 % intervals of five kinds: each within three standard errors (3.0 %)."""
    cookie, token, listed = TRUTHS["cookie"], TRUTHS["token"], TRUTHS["token-denylist"]
    trials = 100
    covered = dict.fromkeys(("latency", "added", "cpu", "over best", "by profile"), 0)
    best_us, cookie_us = listed.server_us + listed.store_us, cookie.server_us + cookie.store_us
    for seed in range(trials):
        sweeps = Sweeps(seed, noise=0.02)
        arms = ("token", "token-denylist", "cookie")
        result = sweeps.result(sweeps.reads(arms), sweeps.distances(), sweeps.payloads())
        found = row(advice(result, store_rtt_ms=0.8, rate=1e6, revoke_within_s=0), "cookie")
        covered["latency"] += holds(found.latency, cookie.read_us + 800 * cookie.per_rtt)
        covered["added"] += holds(found.added_latency, 25 + 800 * cookie.per_rtt)
        covered["cpu"] += holds(found.cpu, cookie_us)
        over = found.cpu_over_best
        if over is None:  # it came out as the best itself: the inverse ratio is the other's
            over = row(advice(result, revoke_within_s=0), "token-denylist").cpu_over_best
            covered["over best"] += holds(over, best_us / cookie_us)
        else:
            covered["over best"] += holds(over, cookie_us / best_us)
        long = row(advice(result, profile_bytes=1500, rate=1e6), "token")
        covered["by profile"] += holds(long.cpu, token.server_us + 1500 * token.us_per_byte)
    for name, count in covered.items():
        assert count / trials >= 0.96, name


def test_the_demand_comes_first_then_the_cost() -> None:
    """Those that meet it, the cheapest on top; the others are told with what they leave open."""
    answer = advice(Sweeps(noise=0).result(), revoke_within_s=60)
    assert [(one.scheme, one.meets) for one in answer.schemes] == [
        ("opaque-bearer", True),
        ("cookie", True),
        ("token-denylist", True),
        ("token", False),
        ("token-cookie", False),
    ]
    assert answer.best == "opaque-bearer"
    text = told(answer)
    assert "opaque-bearer needs the least CPU of those that meet the deadline." in text
    assert "but a blocked account keeps access for up to 5 h" in text
    assert advice(Sweeps(noise=0).result()).schemes[0].scheme == "token"
    met = advice(Sweeps(noise=0).result(), revoke_within_s=18_000)
    assert all(one.meets for one in met.schemes)


def test_a_demand_that_nothing_meets() -> None:
    """It is said, and nothing is called best."""
    sweeps = Sweeps(noise=0)
    answer = advice(sweeps.result(sweeps.reads(["token", "token-cookie"])), revoke_within_s=60)
    assert answer.best is None
    assert "No scheme of this result is known to meet the deadline." in told(answer)


#: Tokens of five minutes, which refreshing renews.
REFRESHING = SchemeEntry(
    "token-refresh",
    "",
    "/",
    "bearer",
    "some",
    lifetime_s=300,
    promises={"block": "at next issue", "logout": "at expiry"},
)


def refreshing(*, measured: bool = True, **asked: Any) -> SchemeRow:
    """What is said of refresh tokens, whose reads cost what a token's do."""
    sweeps = Sweeps(noise=0, truths={**TRUTHS, "token-refresh": TRUTHS["token"]})
    reads = sweeps.reads(("token", "token-refresh"))
    result = sweeps.result(reads, sweeps.refreshes() if measured else [])
    return row(
        advise(result, AdviceQuestion(**asked), SCHEMES | {"token-refresh": REFRESHING}), "token-refresh"
    )


@pytest.mark.parametrize(
    ("within_s", "life_s", "meets"), [(None, 300, True), (60, 60, True), (3600, 300, True), (0, 300, False)]
)
def test_tokens_that_are_refreshed_live_as_long_as_the_demand_lets_them(
    within_s: float | None, life_s: float, meets: bool
) -> None:
    """Each of 30,000 people refreshes once in that time, which is added to what the reads cost."""
    found = refreshing(rate=1000, sessions=30_000, revoke_within_s=within_s)
    assert (found.renewed_every_s, found.meets) == (life_s, meets)
    assert found.after_block == revocation.Window(ends="at expiry", seconds=life_s)
    assert found.cpu
    assert found.store_ops
    assert found.bandwidth_up
    assert found.store_share
    refreshes = 30_000 / life_s
    cores = (1000 * 80 + refreshes * REFRESH_US) / 1e6
    assert found.cpu.value == pytest.approx(cores)
    assert found.store_ops.value == pytest.approx(refreshes * REFRESH_OPS)
    assert found.bandwidth_up.value == pytest.approx(8 * (1000 * 492 + refreshes * REFRESH_BYTES))
    assert found.store_share.value == pytest.approx(refreshes * REFRESH_US / 4 / 1e6 / cores)


def test_nobody_refreshes_more_often_than_they_read() -> None:
    """A million people with 1,000 reads a second among them: each read comes after its token's end."""
    found = refreshing(rate=1000, sessions=1_000_000, revoke_within_s=1)
    assert found.cpu
    assert found.cpu.value == pytest.approx(1000 * (80 + REFRESH_US) / 1e6)


def test_refreshes_that_were_not_measured_leave_the_cost_empty() -> None:
    """What reads alone cost would be too little."""
    found = refreshing(measured=False)
    assert found.cpu is None
    assert "refreshes" in found.missing["cpu"]


@pytest.mark.parametrize(
    ("promises", "waives", "block", "logout"),
    [
        ({"block": "at once", "logout": "at expiry"}, (), 0, 300),
        ({"block": "at next issue", "logout": "at expiry"}, (), 300, 300),
        ({"block": "at next issue", "logout": "never"}, ("absolute timeout",), None, None),
        ({"block": "at next issue", "logout": "at once"}, ("absolute timeout",), None, 0),
    ],
)
def test_what_a_promise_leaves_open(
    promises: dict[str, object], waives: tuple[str, ...], block: float | None, logout: float | None
) -> None:
    """A credential's life, nothing, or no bound where a copy may be renewed for ever."""
    scheme = SchemeEntry("x", "", "/", "bearer", "none", lifetime_s=300, promises=promises, waives=waives)
    after_block, after_logout = (revocation.valid_after(event, scheme) for event in ("block", "logout"))
    assert after_block
    assert after_logout
    assert (after_block.seconds, after_logout.seconds) == (block, logout)
    assert after_block.meets(1e9) == (block is not None)


def test_servers_that_promise_nothing() -> None:
    """Whether a scheme of others' servers meets a demand is not known."""
    answer = advise(Sweeps(noise=0).result(), AdviceQuestion(revoke_within_s=60), {})
    assert {one.meets for one in answer.schemes} == {None}
    assert answer.reference is None
    assert "no scheme without store queries was measured" in told(answer)


def test_what_lies_beyond_the_measured_is_said() -> None:
    """By what was asked and what was measured; within it nothing is."""
    result = Sweeps().result()
    within = advice(result, store_rtt_ms=2, rate=1000, sessions=50_000)
    assert "extrapolated: latency" not in told(within)
    assert "extrapolated: store memory of opaque-bearer;" in told(within)  # not among the populations
    far = advice(result, store_rtt_ms=20, rate=50_000, sessions=5_000_000)
    for text in (
        "extrapolated: latency, at a store round trip of 20,000 µs; measured: 60.0 to 5,110 µs",
        "extrapolated: store memory, at 5,000,000 sessions; measured: 10,000 to 1,000,000",
        "50,000 reads per second are more than one server process answered",
    ):
        assert text in told(far)
    long = advice(result, profile_bytes=9000)
    assert "at 9,000 bytes; measured: 300 to 4,000" in told(long)
    assert "latency is that of short payloads" in told(long)
    cell = row(far, "cookie").latency
    assert cell
    assert cell.extrapolated


def test_a_credential_that_no_server_would_read_cannot_be_used() -> None:
    """Beyond its longest profile a scheme has no figures; up to there, and without a limit, it has all."""
    sweeps = Sweeps()
    result = sweeps.result(*sweeps.every(), sweeps.longest({"token": 6000, "cookie": PROFILES_TRIED}))
    fits = advice(result, profile_bytes=6000)
    assert row(fits, "token").cpu is not None
    assert row(fits, "token").unfit == ""
    long = advice(result, profile_bytes=6001)
    token, cookie = row(long, "token"), row(long, "cookie")
    assert (token.cpu, token.latency, token.cpu_over_best, cookie.unfit) == (None, None, None, "")
    assert long.best == "cookie"
    assert (
        "token cannot be used: its credential would be too long for a header: the longest payload is 6,000"
        in told(long)
    )
    assert "of token: its credential" not in told(long)
    assert row(advice(result), "token").unfit == ""


def test_nothing_kept_is_nothing_however_often() -> None:
    """A scheme without a session takes no room, and that is no extrapolation."""
    memory = row(advice(Sweeps().result()), "token-cookie").store_memory
    assert memory == EstimatedQuantity(value=0, ci=None)


def test_what_was_not_measured_is_empty_and_says_why() -> None:
    """Of a result with reads alone: latency is missing, and the model was held against nothing."""
    sweeps = Sweeps()
    answer = advice(sweeps.result(sweeps.reads()))
    cookie = row(answer, "cookie")
    assert cookie.latency is None
    assert set(cookie.missing) == {"latency", "added_latency"}
    assert answer.held_back == []
    assert "could not be validated" in told(answer)
    assert "empty: latency, added latency of token, token-cookie," in told(answer)


def test_a_result_with_profiles_alone_asks_for_their_length() -> None:
    """What --profile-bytes would tell is named."""
    sweeps = Sweeps()
    answer = advice(sweeps.result(sweeps.payloads()))
    assert "use --profile-bytes" in row(answer, "cookie").missing["cpu"]
    assert row(answer, "cookie").cpu is None
    assert answer.best is None
    assert "which needs the least CPU was not measured" in told(answer)


def test_memory_is_not_taken_from_users_who_came_later() -> None:
    """Only what the first scenario left is of its own users; others' sessions lie there already."""
    sweeps = Sweeps(noise=0)
    first = advice(sweeps.result(sweeps.reads(), sweeps.distances()), sessions=1000)
    memory = row(first, "cookie").store_memory
    assert memory
    assert memory.value == pytest.approx(512_000)
    later = advice(sweeps.result(sweeps.distances(), sweeps.reads()), sessions=1000)
    assert row(later, "cookie").store_memory is None
    assert "scenario population" in row(later, "cookie").missing["store_memory"]


def test_rows_of_other_loads_and_other_parameters_are_not_mixed_in() -> None:
    """A second load of distance, and reads with long profiles: the first load, and the plain reads, count."""
    sweeps = Sweeps(noise=0)
    slower = [busier(one) for one in sweeps.distances()]
    long = [one.model_copy(update={"scenario": "saturation"}) for one in sweeps.payloads()]
    mixed = advice(sweeps.result(long, sweeps.reads(), sweeps.distances(), slower))
    plain = advice(sweeps.result(sweeps.reads(), sweeps.distances()))
    for scheme in ("token", "cookie"):
        assert row(mixed, scheme).latency == row(plain, scheme).latency
        assert row(mixed, scheme).cpu == row(plain, scheme).cpu


def busier(one: Measurement) -> Measurement:
    """The same under another load, where all takes twice as long."""
    points = [2 * point for point in one.points]
    return row_of(one.scenario, "open, 1000/s constant", one.params, one.arm, one.metric, points)


def test_one_instance_gives_figures_without_intervals() -> None:
    """As everywhere."""
    cookie = row(advice(Sweeps(instances=1).result()), "cookie")
    assert cookie.latency
    assert cookie.added_latency
    assert cookie.cpu_over_best
    assert (cookie.latency.ci, cookie.added_latency.ci, cookie.cpu_over_best.ci) == (None, None, None)


def test_the_floor_is_the_reference_and_no_scheme() -> None:
    """Where it was measured at a distance, latency is added to its."""
    sweeps = Sweeps(noise=0, truths={**TRUTHS, "anonymous": TRUTHS["token"]})
    result = sweeps.result(sweeps.distances(("anonymous", "token", "cookie")))
    schemes = SCHEMES | {"anonymous": SCHEMES["token"]}
    answer = advise(result, AdviceQuestion(), schemes)
    assert answer.reference == "anonymous"
    assert [one.scheme for one in answer.schemes] == ["token", "cookie"]


def test_a_bend_is_seen_where_it_was_held_back() -> None:
    """A store that slows down with distance: the largest error names the scheme and the place."""
    sweeps = Sweeps(noise=0)
    rows = [bent(one) for one in sweeps.distances()]
    [held] = advice(sweeps.result(rows)).held_back
    assert held.quantity == "median service time"
    assert held.largest_scheme == "cookie"
    assert held.largest >= 0.5  # the farthest is foretold as half of what it is
    assert held.foretold == 15
    assert held.median < held.largest


def bent(one: Measurement) -> Measurement:
    """Cookie's latency at the farthest distance, twice as long."""
    if (one.arm, one.metric, one.params["store_delay_ms"]) != ("cookie", "service_p50", 5.0):
        return one
    return row_of(
        one.scenario, one.load, one.params, one.arm, one.metric, [2 * point for point in one.points]
    )


def test_the_defaults_are_said() -> None:
    """What nobody said is marked, what was said is not."""
    text = wording.inputs(question.of(rate=50, sessions=None))
    assert "50 reads per second," in text
    assert "store round trip 0.5 ms (default)" in text
    assert "100,000 sessions (default)" in text


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({"rate": 0}, "--rate"),
        ({"rate": float("nan")}, "--rate"),
        ({"store_rtt_ms": float("inf")}, "--store-rtt"),
        ({"sessions": -1}, "--sessions"),
        ({"profile_bytes": 0}, "--profile-bytes"),
        ({"revoke_within_s": -1}, "--revoke-within"),
    ],
)
def test_a_question_that_cannot_be(asked: dict[str, float], name: str) -> None:
    """It names the option."""
    with pytest.raises(SuiteError, match=name):
        question.of(**asked)


def test_a_stored_result_is_answered_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The latest of suite claims where none is named; JSON to standard output reads back as it is."""
    with pytest.raises(SuiteError, match="no complete, valid run of suite claims"):
        run.print_advice(None, tmp_path, AdviceQuestion(), Output.of())
    folder = tmp_path / "claims" / "claims"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(Sweeps().result().model_dump_json())
    run.print_advice(None, tmp_path, AdviceQuestion(revoke_within_s=0), Output.of(as_json=True))
    out = capsys.readouterr()
    answer = Advice.model_validate_json(out.out)
    assert answer.best == "opaque-bearer"
    assert "opaque-bearer needs the least CPU" in " ".join(out.err.split())
    stateless = row(answer, "token")
    assert stateless.after_block == revocation.Window(ends="at expiry", seconds=18_000)


def test_nothing_is_advised_from_an_invalid_result(tmp_path: Path) -> None:
    """As there is no verdict on one."""
    invalid = Check(check="errors", status="invalid", detail="too many")
    result = Sweeps().result().model_copy(update={"validity": [invalid]})
    (tmp_path / "result.json").write_text(result.model_dump_json())
    with pytest.raises(InvalidMeasurementError, match="no estimates are made"):
        run.print_advice(str(tmp_path), tmp_path, AdviceQuestion(), Output.of())


def test_the_stored_example_is_answered_as_far_as_it_goes() -> None:
    """A run of suite quick has reads, and neither distance nor population."""
    answer = advice(Result.model_validate_json(STORED.read_text(encoding="utf-8")))
    assert {one.scheme for one in answer.schemes} >= {"cookie", "token"}
    assert row(answer, "cookie").cpu
    assert row(answer, "cookie").latency is None
