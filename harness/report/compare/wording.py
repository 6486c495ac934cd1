"""What a comparison of results must say besides its figures. Pure."""

from __future__ import annotations

from harness.report.compare.compare import Compared, ComparedRow, Entry, Source
from harness.report.content import format as fmt
from harness.results.metrics import METRICS


def source(one: Source) -> str:
    """Which run a label stands for, and whether it takes part."""
    about = f"{one.label}  {one.place}: suite {one.suite}, {one.started_at[:16].replace('T', ' ')}"
    return about + (f"; INVALID, left out: {one.invalid}" if one.invalid else "")


def software(one: Source, base: Source) -> str | None:
    """What of the software differs from the base; None where nothing does."""
    if not one.software:
        return None
    listed = "; ".join(f"{name} {was} / {now}" for name, was, now in one.software)
    return f"Software, {base.label} / {one.label}: {listed}."


def standing(compared: Compared) -> list[str]:
    """What kind of comparison this is, why, and what it cannot show."""
    return _one_machine(compared) if compared.same_machine else _machines(compared)


def metric(name: str, *, primary: bool, unit: bool) -> str:
    """A metric's head: its title, its unit, and notes."""
    about = METRICS[name]
    notes = [
        *([about.unit] if unit else []),
        *(["primary"] if primary else []),
        *(["larger is better"] if about.larger_is_better else []),
    ]
    return about.title + (f" ({', '.join(notes)})" if notes else "")


def value(line: ComparedRow, entry: Entry) -> str:
    """One result's figure with its interval."""
    if line.over is None:
        return fmt.with_interval(entry.value, entry.ci)
    interval = "" if entry.ci is None else f" ({fmt.ratio_interval(entry.ci)})"
    return f"{fmt.ratio(entry.value)}{interval}"


def to_base(entry: Entry) -> str:
    """A figure's ratio to the base's with its interval; nothing where they are not related."""
    if entry.to_base is None:
        return ""
    interval = "" if entry.to_base_ci is None else f" ({fmt.ratio_interval(entry.to_base_ci)})"
    return f"{fmt.ratio(entry.to_base)}{interval}"


def _machines(compared: Compared) -> list[str]:
    base = compared.base.label
    why = [
        f"{base} / {one.label}: " + "; ".join(f"{name} {was} / {now}" for name, was, now in one.machine)
        for one in compared.compared
        if one.machine
    ]
    return [f"Not measured alike. {'. '.join(why)}.", _NO_TIMES, _NO_VERDICT]


def _one_machine(compared: Compared) -> list[str]:
    return [_DRIFT, _NO_VERDICT, *map(_gauge, compared.drift())]


def _gauge(line: ComparedRow) -> str:
    """What the floor tells of the machine's drift."""
    base, *others = line.entries
    moved = [f"{to_base(e)} to {e.label}" for e in others if e.to_base is not None]
    title = METRICS[line.metric].title
    return (
        f"A gauge of drift: from {base.label} {line.arm} moved by a factor of {', '.join(moved)} in"
        f" {title[0].lower()}{title[1:]} ({line.case}). An interval without 1 says that the machine drifted,"
        " unless that arm's own code changed."
    )


_NO_TIMES = (
    "Times and rates of different machines, or of different ways of measuring, are not set side by side: they"
    " would tell the machines apart, not the arms. Ratios between arms are, since both arms of a ratio ran"
    " interleaved on one machine."
)
_DRIFT = (
    "One machine, as far as results tell. But one ran after the other, and machines drift: neighbours, clock"
    " rate, caches. The intervals of times know only the spread within a run and are too narrow for that."
    " Ratios between arms suffer less, since what moves both arms alike falls out."
)
_NO_VERDICT = (
    "So there is no verdict here. To judge a change, measure both states as arms of one suite, interleaved."
)
