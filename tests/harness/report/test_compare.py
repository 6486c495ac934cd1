"""Results side by side: what is compared, what is refused, what is said; from stored results."""

from __future__ import annotations

import math
from collections.abc import Callable
from io import StringIO
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from rich.console import Console

from harness.errors import InvalidMeasurementError, SuiteError
from harness.report.charts.compared import between_arms, draw_compared, over_base
from harness.report.charts.parts import style
from harness.report.compare import console
from harness.report.compare.comparability import differences, fingerprint, obstacles, subject
from harness.report.compare.compare import Compared, ComparedRow, compare
from harness.results import archive
from harness.results.model import Check, Result, SlotTimes
from harness.suites.arms import FLOOR

STORED = Path(__file__).parents[1] / "data" / "result.json"


@pytest.fixture
def result() -> Result:
    """The stored example: three arms, a closed and an open loop."""
    return Result.model_validate_json(STORED.read_text())


def changed(result: Result, change: Callable[[dict[str, Any]], None], name: str = "later") -> Result:
    """The same result with its JSON changed, under another id."""
    data = result.model_dump(mode="json")
    data["run"]["id"] = name
    change(data)
    return Result.model_validate(data)


def slower(result: Result, factor: float, *arms: str) -> Result:
    """The same result with every figure of some arms, or of all, multiplied."""

    def change(data: dict[str, Any]) -> None:
        for row in data["measurements"]:
            if not arms or row["arm"] in arms:
                row["value"] *= factor
                row["points"] = [point * factor for point in row["points"]]
                row["ci"] = row["ci"] and [end * factor for end in row["ci"]]

    return changed(result, change)


def elsewhere(result: Result) -> Result:
    """The same result of another machine, twice as fast."""

    def move(data: dict[str, Any]) -> None:
        data["environment"]["cpu"] = "Another CPU"

    return changed(slower(result, 0.5), move)


def sides(*results: Result) -> Compared:
    """These results side by side."""
    return compare([(f"folder-{number}", result) for number, result in enumerate(results)])


def line(lines: list[ComparedRow], arm: str, metric: str, over: str | None = None) -> ComparedRow:
    """The line of the first case that has it."""
    return next(row for row in lines if (row.arm, row.metric, row.over) == (arm, metric, over))


def told(compared: Compared, width: int = 80) -> str:
    """What the console prints."""
    out = StringIO()
    console.render(compared, Console(file=out, width=width))
    return out.getvalue()


def test_on_one_machine_every_metric_is_related_to_the_first(result: Result) -> None:
    """All figures 5 % higher: each metric that has a ratio stands at 1.05 of A, and A at nothing."""
    compared = sides(result, slower(result, 1.05))
    assert compared.same_machine
    a, b = line(compared.times, "cookie", "total_cpu").entries
    assert (a.label, a.to_base, a.to_base_ci) == ("A", None, None)
    assert b.value == pytest.approx(1.05 * a.value)
    assert b.to_base == pytest.approx(1.05)
    assert b.to_base_ci is not None
    assert b.to_base_ci[0] < 1.05 < b.to_base_ci[1]
    assert line(compared.times, "cookie", "store_cpu").entries[1].to_base is None


def test_what_moves_all_arms_alike_leaves_their_ratios(result: Result) -> None:
    """A slower machine is no finding about arms; one arm that is slower is."""
    same = line(sides(result, slower(result, 1.3)).ratios, "cookie", "total_cpu", "token")
    assert same.entries[1].to_base == pytest.approx(1)
    one = line(sides(result, slower(result, 1.3, "cookie")).ratios, "cookie", "total_cpu", "token")
    assert one.entries[1].to_base == pytest.approx(1.3)
    assert one.entries[1].to_base_ci is not None
    assert one.entries[1].to_base_ci[0] < 1.3 < one.entries[1].to_base_ci[1]


def test_between_machines_no_time_is_shown(result: Result) -> None:
    """Neither in the model, nor on the console, nor in a figure; why is said, and ratios are there."""
    compared = sides(result, elsewhere(result))
    assert not compared.same_machine
    assert compared.times == []
    assert over_base(compared) is None
    assert line(compared.ratios, "cookie", "total_cpu", "token").entries[1].value == pytest.approx(
        1.529, 1e-3
    )
    text = " ".join(told(compared).split())
    assert "A / B: CPU Example CPU at 2.5 GHz, 2 cores / Another CPU, 2 cores" in text
    assert "Times and rates are not compared" in text
    assert "µs/req" not in text
    assert "229.2" not in text
    assert "1.529 (1.513 to 1.546)" in text


def test_one_other_machine_among_several_is_enough(result: Result) -> None:
    """Times of A and B alone would invite to read C between them."""
    assert sides(result, slower(result, 1.02), elsewhere(result)).times == []


@pytest.mark.parametrize(
    ("key", "value", "name"),
    [
        ("cpu", "Another", "CPU"),
        ("cores", 64, "CPU"),
        ("kernel", "Linux 9", "kernel"),
        ("placement", {}, "placement"),
        (
            "store",
            {"name": "valkey", "version": "9", "source": "embedded", "link": "tcp"},
            "link to the store",
        ),
    ],
)
def test_what_makes_another_machine(result: Result, key: str, value: object, name: str) -> None:
    """CPU, number of CPUs, kernel, placement, link to the store: each alone is enough."""

    def change(data: dict[str, Any]) -> None:
        data["environment"][key] = value

    assert list(differences(fingerprint(result), fingerprint(changed(result, change)))) == [name]


@pytest.mark.parametrize(
    ("then", "now", "names"),
    [(4.0, 4.3, []), (4.0, 9.7, ["CPU speed"]), (9.7, 4.0, ["CPU speed"]), (None, 9.7, []), (4.0, None, [])],
)
def test_a_machine_in_another_state_is_another(
    result: Result, then: float | None, now: float | None, names: list[str]
) -> None:
    """A fixed loop that takes another time tells of it; results that did not look are taken as they are."""
    assert list(obstacles(at_speed(result, then), at_speed(result, now))) == names


def test_another_python_is_no_other_machine(result: Result) -> None:
    """Its loop may take another time on the same machine; it is what one compares."""
    assert not obstacles(at_speed(result, 4.0), at_speed(result, 9.7, python="CPython 9.0"))


def at_speed(result: Result, turn_ns: float | None, **environment: str) -> Result:
    """The same, of a machine whose fixed loop takes this."""
    update = {"turn_ns": turn_ns, **environment}
    return result.model_copy(update={"environment": result.environment.model_copy(update=update)})


def test_other_ends_of_answers_are_another_way_of_measuring(result: Result) -> None:
    """What the load generator is late with is in one of the times and not in the other."""
    arrived = result.model_copy(update={"run": result.run.model_copy(update={"answers_end": "arrived"})})
    read = result.model_copy(update={"run": result.run.model_copy(update={"answers_end": "read"})})
    found = differences(fingerprint(read), fingerprint(arrived))
    assert found == {"response end time": ("read by the load generator", "kernel receive timestamp")}


def test_other_slots_are_another_way_of_measuring(result: Result) -> None:
    """Only where both have the scenario and recorded how its time was cut."""

    def cut(lead_ms: float, scenario: str = "saturation") -> Result:
        row = SlotTimes(
            scenario=scenario, load="closed, 8 users", lead_ms=lead_ms, slot_ms=45, warmup_requests=400
        )
        return result.model_copy(update={"run": result.run.model_copy(update={"slots": [row]})})

    assert not differences(fingerprint(cut(5)), fingerprint(cut(5)))
    assert not differences(fingerprint(cut(5)), fingerprint(cut(20, "steady")))
    assert not differences(fingerprint(result), fingerprint(cut(20)))
    found = differences(fingerprint(cut(5)), fingerprint(cut(20)))
    name = "slots of saturation (closed, 8 users)"
    assert found == {name: ("5 + 45 ms after 400 warm-up requests", "20 + 45 ms after 400 warm-up requests")}


def test_other_software_is_what_is_compared(result: Result) -> None:
    """It is named, and refuses nothing."""

    def upgrade(data: dict[str, Any]) -> None:
        data["environment"]["packages"]["pyjwt"] = "99.0"
        data["environment"]["servers"]["loop"] = "asyncio"

    later = changed(result, upgrade)
    assert set(differences(subject(result), subject(later))) == {"pyjwt", "event loop"}
    compared = sides(result, later)
    assert compared.same_machine
    assert "99.0" in told(compared)


def test_the_floor_tells_how_far_the_machine_drifted(result: Result) -> None:
    """And the console says that intervals are too narrow, and that there is no verdict."""
    compared = sides(result, slower(result, 1.05))
    text = " ".join(told(compared).split())
    moved = line(compared.times, FLOOR, "total_cpu").entries[1].to_base_ci
    assert moved is not None
    factor = f"1.050 ({moved[0]:.3f} to {moved[1]:.3f}) to B"
    assert f"from A the no-auth server (anonymous) changed by a factor of {factor}" in text
    assert "too narrow" in text
    assert "no verdict" in text
    for word in ("slower", "faster", "equivalent"):
        assert word not in text


def test_only_what_two_have_is_compared(result: Result) -> None:
    """A scenario and an arm that one alone has are named, not shown."""

    def drop(data: dict[str, Any]) -> None:
        for part in ("measurements", "comparisons", "distributions"):
            data[part] = [
                row
                for row in data[part]
                if row["scenario"] != "steady" and "cookie" not in (row["arm"], row.get("base"))
            ]

    compared = sides(result, changed(result, drop))
    assert compared.only_in == [
        "cookie in saturation (closed, 8 users): only in A",
        "steady (open, 2000/s constant): only in A",
    ]
    assert {row.arm for row in compared.times} == {"anonymous", "token"}
    assert {row.scenario for row in compared.ratios} == {"saturation"}
    assert "only in A" in told(compared)


def test_another_load_is_another_case(result: Result) -> None:
    """Figures are never compared across loads."""

    def reload(data: dict[str, Any]) -> None:
        for part in ("measurements", "comparisons", "distributions"):
            for row in data[part]:
                row["load"] += "0"

    with pytest.raises(SuiteError, match=r"no two of these results.*open, 2000/s"):
        sides(result, changed(result, reload))


def test_a_pair_named_the_other_way_is_turned_round(result: Result) -> None:
    """Suites name arms in any order: 1 / 1.529 of token over cookie is 1.529 of cookie over token."""

    def turn(data: dict[str, Any]) -> None:
        for row in data["comparisons"]:
            row.update(base=row["arm"], arm=row["base"], ratio=1 / row["ratio"])
            row["ci"] = [1 / row["ci"][1], 1 / row["ci"][0]]

    first, second = line(sides(result, changed(result, turn)).ratios, "cookie", "total_cpu", "token").entries
    assert second.value == pytest.approx(first.value)
    assert second.ci == pytest.approx(first.ci)
    assert second.to_base == pytest.approx(1)


def test_batches_are_related_each_by_itself(result: Result) -> None:
    """In the later result the second batch of all arms met a machine half as fast; its looks were at 99.67 %.

    Ratios of arms do not notice, and their intervals are at the confidence of the comparison, not of a look.
    """

    def measured_again(data: dict[str, Any]) -> None:
        data["run"] |= {"looks": 3, "batches": 2}
        for row in data["measurements"]:
            if len(row["points"]) > 1:
                row["batches"] = [len(row["points"])] * 2
                row["points"] += [2 * point for point in row["points"]]
        for row in data["comparisons"]:
            row["ci"] = [0.001, 1000]

    compared = sides(result, changed(result, measured_again))
    now = line(compared.ratios, "cookie", "total_cpu", "token").entries[1]
    was = line(compared.ratios, "cookie", "total_cpu", "token").entries[0]
    assert now.value == pytest.approx(was.value)
    assert now.to_base == pytest.approx(1)
    assert was.ci is not None
    assert now.ci is not None
    assert was.ci[0] < now.ci[0] < now.ci[1] < was.ci[1]  # twice as many instances, just as far apart
    [_, later] = line(compared.times, "token", "total_cpu").entries
    assert later.to_base == pytest.approx(math.sqrt(2))


def test_single_instances_have_no_interval(result: Result) -> None:
    """They are shown, and related to nothing."""

    def single(data: dict[str, Any]) -> None:
        for row in data["measurements"]:
            row.update(ci=None, instances=1, points=row["points"][:1])

    compared = sides(result, changed(result, single))
    pair = line(compared.ratios, "cookie", "total_cpu", "token").entries
    for entries in (line(compared.times, "cookie", "total_cpu").entries, pair):
        assert (entries[1].to_base, entries[1].to_base_ci) == (None, None)
    assert told(compared)


def invalid(result: Result) -> Result:
    """The same result, but not to be believed."""
    return result.model_copy(
        update={"validity": [Check(check="answers", status="invalid", detail="12 errors")]}
    )


def test_an_invalid_result_is_left_out_and_named(result: Result) -> None:
    """Its figures are nowhere; as the base, or when no other is left, there is nothing to compare."""
    compared = sides(result, invalid(elsewhere(result)), slower(result, 1.05))
    assert compared.same_machine
    assert {entry.label for row in compared.times for entry in row.entries} == {"A", "C"}
    assert "INVALID, excluded: answers: 12 errors" in told(compared, width=120)
    for wrong in ((invalid(result), result), (result, invalid(result))):
        with pytest.raises(InvalidMeasurementError, match="12 errors"):
            sides(*wrong)


def test_a_result_alone_or_twice_is_refused(result: Result) -> None:
    """There is nothing to compare."""
    with pytest.raises(SuiteError, match="2 to 26 results"):
        sides(result)
    with pytest.raises(SuiteError, match="named twice"):
        compare([("a", result), ("a", result)])


def test_the_primary_metric_and_the_twins_come_first(result: Result) -> None:
    """An open loop's throughput is no finding; the floor's pairs come last."""
    compared = sides(result, slower(result, 1.05))
    closed, opened = compared.cases()
    shown = compared.shown(closed, times=False)
    assert [(row.metric, row.name) for row in shown[:3]] == [
        ("total_cpu", "cookie / token"),
        ("total_cpu", "token / anonymous"),
        ("total_cpu", "cookie / anonymous"),
    ]
    assert compared.shown(opened, times=True)[0].metric == "service_p50"
    assert "throughput" in {row.metric for row in compared.shown(closed, times=True)}
    assert "throughput" not in {row.metric for row in compared.shown(opened, times=True)}


def test_the_console_keeps_to_80_columns(result: Result) -> None:
    """Without colours where there is no terminal; every result has its row."""
    text = told(sides(result, slower(result, 1.05), slower(result, 0.95)))
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    assert "0.950 (" in text


def test_what_is_stored_can_be_read_again(result: Result) -> None:
    """comparison.json holds all metrics, shown or not."""
    compared = sides(result, slower(result, 1.05))
    assert Compared.model_validate_json(compared.model_dump_json(indent=1)) == compared
    assert "server_cpu" in {row.metric for row in compared.times}


def test_no_ratio_is_not_a_number(result: Result) -> None:
    """Zeros, such as the store's work for a token, are related to nothing."""
    compared = sides(result, slower(result, 1.05))
    related = [e.to_base for row in (*compared.times, *compared.ratios) for e in row.entries if e.to_base]
    assert related
    assert all(math.isfinite(ratio) for ratio in related)


def many(result: Result) -> Compared:
    """Six results, with long names of arms."""
    long = "token-that-asks-the-store-whether-it-was-revoked-meanwhile"

    def rename(data: dict[str, Any]) -> None:
        for part in ("measurements", "comparisons", "distributions"):
            for row in data[part]:
                row.update({key: long for key in ("arm", "base") if row.get(key) == "cookie"})

    one = changed(result, rename)
    return sides(one, *(slower(one, 1 + step / 100) for step in range(1, 6)))


def texts(drawn: Figure) -> list[Text]:
    """The texts that a reader sees, after the layout is made."""
    drawn.draw_without_rendering()
    found = list(drawn.texts)
    for panel in drawn.axes:
        found += [*panel.texts, panel.xaxis.label, panel._left_title]  # type: ignore[attr-defined]
        found += [*panel.get_yticklabels()]
    return [text for text in found if text.get_text().strip()]


@pytest.mark.parametrize("draw", [between_arms, over_base])
@pytest.mark.parametrize("variant", ["two", "many"])
def test_nothing_in_a_figure_is_cropped_or_overlaps(
    draw: Callable[[Compared], Figure | None], variant: str, result: Result
) -> None:
    """Every text lies on the page, apart from every other, at 8 points or more."""
    with style.applied():
        drawn = draw(sides(result, slower(result, 1.05)) if variant == "two" else many(result))
        assert drawn is not None
        seen = texts(drawn)
        boxes = [(text.get_text(), text.get_window_extent()) for text in seen]
        assert [(a, b) for (a, one), (b, other) in combinations(boxes, 2) if one.overlaps(other)] == []
        assert min(float(text.get_fontsize()) for text in seen) >= 8
        box, (width, height) = drawn.get_tightbbox(), drawn.get_size_inches()
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= width
        assert box.y1 <= height


def test_figures_are_written_as_png_and_svg(result: Result, tmp_path: Path) -> None:
    """Two on one machine, one between machines."""
    (tmp_path / "other").mkdir()
    drawn = draw_compared(sides(result, slower(result, 1.05)), tmp_path)
    names = ["between-arms.png", "between-arms.svg", "over-base.png", "over-base.svg"]
    assert [path.name for path in drawn] == names
    assert drawn[0].read_bytes().startswith(b"\x89PNG")
    other = draw_compared(sides(result, elsewhere(result)), tmp_path / "other")
    assert [path.name for path in other] == names[:2]


def test_a_figure_shows_every_result_in_every_row(result: Result) -> None:
    """Labels name arm and result; pairs with the floor are left to the table."""
    with style.applied():
        drawn = between_arms(sides(result, slower(result, 1.05)))
    assert drawn is not None
    labels = [label.get_text() for label in drawn.axes[0].get_yticklabels()]
    assert labels[:3] == ["Server and store CPU (primary)", "cookie / token  A", "cookie / token  B"]
    assert not [label for label in labels if "anonymous" in label]


def test_an_entry_without_a_base_is_not_drawn_over_it(result: Result) -> None:
    """An arm that A has not, but B and C have: its times are shown, its ratio to A is not."""

    def drop(data: dict[str, Any]) -> None:
        for part in ("measurements", "comparisons", "distributions"):
            data[part] = [row for row in data[part] if "cookie" not in (row["arm"], row.get("base"))]

    compared = sides(changed(result, drop), result, slower(result, 1.05))
    cookies = line(compared.times, "cookie", "total_cpu").entries
    assert [(entry.label, entry.to_base) for entry in cookies] == [("B", None), ("C", None)]
    pair = line(compared.ratios, "cookie", "total_cpu", "token").entries
    assert [entry.label for entry in pair] == ["B", "C"]


def test_a_result_is_found_by_folder_file_id_and_as_the_latest(result: Result, tmp_path: Path) -> None:
    """An id that is nowhere, or twice, is refused."""
    for number, folder in enumerate(("one", "two", "deep/one")):
        archive.prepare(tmp_path / folder)
        started = f"2026-01-0{number + 1}T00:00:00+00:00"
        run = result.run.model_copy(update={"id": f"id-{number}", "started_at": started})
        archive.save(result.model_copy(update={"run": run}), tmp_path / folder)
    assert archive.find(str(tmp_path / "one"), tmp_path) == tmp_path / "one"
    assert archive.find(str(tmp_path / "one" / "result.json"), tmp_path) == tmp_path / "one" / "result.json"
    assert archive.find("two", tmp_path) == tmp_path / "two"
    assert archive.find("id-2", tmp_path) == tmp_path / "deep" / "one"
    assert archive.find("latest", tmp_path) == tmp_path / "deep" / "one"
    with pytest.raises(SuiteError, match="no such result"):
        archive.find("three", tmp_path)
    with pytest.raises(SuiteError, match="is ambiguous"):
        archive.find("one", tmp_path)
