"""The figure of long runs: which processes it shows, what it calls warm-up, what it says."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from harness.report.charts.parts import style
from harness.report.charts.vitals import draw
from harness.results.base import Status
from harness.results.model import Check, Result, Vitals
from tests.harness.report.test_charts import (
    LONG,
    STORED,
    five_arms,
    invalid,
    overlaps,
    shown_texts,
    texts,
    xs,
)


@pytest.fixture(autouse=True)
def _style() -> Iterator[None]:
    with style.applied():
        yield


def watched(process: str, arm: str | None, megabytes: float, minutes: float, scenario: str) -> Vitals:
    """A process that warms up for a minute and then stays level, looked at every five seconds."""
    at_s = [3 + 5.0 * look for look in range(round(12 * minutes) + 1)]
    return Vitals(
        scenario=scenario,
        load={"steady": "open, 2000/s constant", "saturation": "closed, 8 users"}[scenario],
        process=process,
        arm=arm,
        at_s=at_s,
        rss=[round((megabytes - 5 * math.exp(-t / 60)) * 1e6) for t in at_s],
        descriptors=[30] * len(at_s),
        threads=[5] * len(at_s),
    )


def soak(minutes: float = 20, scenario: str = "steady", growth: Status | None = "ok") -> Result:
    """The stored example as if one scenario had lasted so long, with two instances an arm."""
    result = Result.model_validate_json(STORED.read_text())
    servers = [(f"{arm} #{i}", arm, 45.0 + i) for i, arm in enumerate([*result.arms(), *result.arms()])]
    others = [("store", None, 8.0), ("harness", None, 82.0), ("load generator", None, 70.0)]
    checks = [Check(check="growth", status=growth, detail="told")] if growth else []
    return result.model_copy(
        update={
            "validity": [*result.validity, *checks],
            "vitals": [watched(*row, minutes, scenario) for row in [*servers, *others]],
        }
    )


def two_cases() -> Result:
    """Both scenarios were long."""
    one, other = soak(), soak(scenario="saturation")
    return one.model_copy(update={"vitals": [*other.vitals, *one.vitals]})


def many_arms() -> Result:
    """Five arms, one of a long name."""
    result = five_arms(soak())
    added = [watched(f"{arm} #9", arm, 60, 20, "steady") for arm in ("cookie-stock", LONG)]
    return result.model_copy(update={"vitals": [*result.vitals, *added]})


def figure(result: Result) -> Figure:
    """The figure, which applies."""
    drawn = draw(result)
    assert drawn is not None
    return drawn


VARIANTS: dict[str, Callable[[], Result]] = {
    "one case": soak,
    "two cases": two_cases,
    "five arms": many_arms,
    "invalid": lambda: invalid(soak()),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_is_cropped_overlaps_or_is_too_small(variant: str) -> None:
    """Every text lies on the page, apart from every other, at 8 points or more."""
    drawn = figure(VARIANTS[variant]())
    seen = shown_texts(drawn)
    assert overlaps(drawn) == []
    assert min(float(text.get_fontsize()) for text in seen) >= 8
    box, (width, height) = drawn.get_tightbbox(), drawn.get_size_inches()
    assert (box.x0, box.y0) >= (0, 0)
    assert box.x1 <= width
    assert box.y1 <= height


@pytest.mark.parametrize(("minutes", "drawn"), [(1.5, False), (4.9, False), (5, True), (20, True)])
def test_only_long_runs_are_drawn(minutes: float, drawn: bool) -> None:
    """In less than five minutes one sees processes warm up."""
    assert (draw(soak(minutes)) is not None) is drawn


def test_a_result_without_vitals_has_no_such_figure() -> None:
    """Older results are drawn as they were."""
    assert draw(Result.model_validate_json(STORED.read_text())) is None


def test_every_process_is_a_line_in_the_colour_of_its_arm() -> None:
    """Six servers in the upper panels, three other processes below; memory in MB, descriptors as counted."""
    memory, descriptors, other_memory, other_descriptors = figure(soak()).axes
    for panel in (memory, descriptors):
        looks = style.arm_styles(["anonymous", "token", "cookie"])
        assert [line.get_color() for line in panel.lines] == [look.colour for look in looks.values()] * 2
    for panel in (other_memory, other_descriptors):
        dashes = {str(line._unscaled_dash_pattern) for line in panel.lines}  # type: ignore[attr-defined]
        assert len(dashes) == len(panel.lines) == 3
    assert memory.lines[0].get_ydata()[-1] == pytest.approx(45)  # type: ignore[index]
    assert set(descriptors.lines[0].get_ydata()) == {30}  # type: ignore[arg-type]
    assert xs(memory.lines[0])[-1] == pytest.approx(20 + 3 / 60)
    assert (memory.get_ylim()[0], descriptors.get_ylim()[0]) == (0, 0)


def test_the_warm_up_is_grey() -> None:
    """The first third from the first look to the last: 3 s and a third of 20 minutes."""
    [band] = [patch for patch in figure(soak()).axes[0].patches if isinstance(patch, Rectangle)]
    assert band.get_x() + band.get_width() == pytest.approx(3 / 60 + 20 / 3)


@pytest.mark.parametrize(
    ("growth", "title"),
    [
        ("ok", "Over 20 minutes no process kept growing"),
        ("warning", "Over 20 minutes a process kept growing: see the checks"),
        (None, "Memory and descriptors of each process over 20 minutes"),
    ],
)
def test_the_title_says_what_was_found(growth: Status | None, title: str) -> None:
    """As the check on growth has it; nothing where there was none."""
    assert figure(soak(growth=growth)).texts[0].get_text() == title


def test_an_invalid_run_says_why() -> None:
    """A soak that failed names what grew, in red."""
    said = texts(figure(soak(growth="invalid")))
    assert "INVALID: growth: told" in said
    assert "no process" not in said


def test_the_caption_says_how_it_was_measured() -> None:
    """Load and run stand in the figure, as in every other."""
    said = texts(figure(soak()))
    assert "steady (open, 2000/s constant)" in said
    assert "servers and store share CPU 0" in said
