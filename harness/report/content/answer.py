"""What a run answers, in one sentence, and how surely. Pure.

Winners are counted over the comparisons that were judged: one metric a scenario. Pairs with the anonymous
floor count only where there is no other, since nobody asks whether a check costs more than none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, Literal

from harness.report.content import environment, gate, incidents, validity, wording
from harness.report.content import format as fmt
from harness.report.content.case import Case, cases
from harness.results.gate import GateVerdict
from harness.results.model import Comparison, Result
from harness.suites.arms import FLOOR

#: Of the comparisons that an answer rests on, so many are told in its sentence.
_TOLD = 2

#: A comparison that was judged, and where.
_Judged = tuple[Case, Comparison]


Kind = Literal["decided", "open", "regression", "invalid"]
_GATES: Final[dict[GateVerdict, Kind]] = {"inconclusive": "open", "regression": "regression"}


@dataclass(frozen=True)
class Headline:
    """One sentence, what it rests on, and whether it decides anything.

    Attributes:
        kind: `decided`: there is one winner, or a gate passed; `regression`: a gate did not; `open`: neither.
        sentence: The answer.
        certainty: How surely, in sentences; of an invalid run the reasons.
    """

    kind: Kind
    sentence: str
    certainty: list[str]


def answer(result: Result) -> Headline:
    """The answer of a run, as far as it has one."""
    if not result.valid:
        reasons = [validity.describe_check(check) for check in validity.checks(result, "invalid")]
        return Headline("invalid", "INVALID: do not believe these figures.", reasons)
    if result.gate:
        kind = _GATES.get(gate.verdict(result), "decided")
        return Headline(kind, gate.headline(result), [_standing(result)])
    if judged := _judged(result):
        return _weighed(judged, result)
    if together := incidents.incidents(result):
        first = incidents.sentences(together[0])[0]
        sentence = f"No winner: incidents are described, not judged. {together[0].name}: {first}"
        return Headline("open", sentence, [_standing(result)])
    return Headline("open", "No winner: nothing was compared.", [_standing(result)])


def _judged(result: Result) -> list[_Judged]:
    every = [
        (case, row)
        for case in cases(result)
        for row in case.comparisons()
        if row.primary and row.verdict != "not judged"
    ]
    return [(case, row) for case, row in every if FLOOR not in (row.base, row.arm)] or every


def _weighed(judged: Sequence[_Judged], result: Result) -> Headline:
    wins = Counter(winner for _, row in judged if (winner := wording.winner(row)))
    if not wins:
        told = _examples(judged)
        head = f"No winner{_between(judged)}: {_counted(judged, result)}"
        return Headline("open", f"{head}.", [_figures(told, judged, result), *_reserve(result)])
    most = max(wins.values())
    leaders = [arm for arm, count in wins.items() if count == most]
    if len(leaders) == 1:
        told = _examples(_won(judged, leaders[0]))
        head = _of_one(judged, leaders[0], most, result)
    else:
        told = [_won(judged, leader)[0] for leader in leaders]
        head = _of_several(judged, leaders, most, result)
    differences = "; ".join(f"{wording.difference(row)} ({_where(case, judged)})" for case, row in told)
    kind: Kind = "decided" if len(leaders) == 1 else "open"
    return Headline(kind, f"{head}: {differences}.", [_figures(told, judged, result), *_reserve(result)])


def _of_one(judged: Sequence[_Judged], leader: str, count: int, result: Result) -> str:
    """Who wins most, and how the rest of its comparisons came out.

    `token beats cookie in all 7 comparisons`, or `token wins 12 of its 14 comparisons, most of all 6 arms
    (the others: 1 inconclusive, cookie wins 1)`.
    """
    arms = _arms(judged)
    own = [one for one in judged if leader in (one[1].base, one[1].arm)]
    rest = _others([one for one in own if wording.winner(one[1]) != leader], result)
    if len(arms) > 2:
        return f"{leader} wins {count} of its {len(own)} comparisons, most of all {len(arms)} arms{rest}"
    [other] = [arm for arm in arms if arm != leader]
    return f"{leader} beats {other}" + (
        f" in {count} of {len(own)} comparisons{rest}" if rest else _in_all(count)
    )


def _of_several(judged: Sequence[_Judged], leaders: Sequence[str], count: int, result: Result) -> str:
    """Who shares the most wins, and how often each of them lost."""
    arms, names = _arms(judged), f"{', '.join(leaders[:-1])} and {leaders[-1]}"
    if len(arms) == 2:
        rest = _others([one for one in judged if not wording.winner(one[1])], result)
        return f"{names} win {count} of {len(judged)} comparisons each{rest}"
    each = "1 comparison each" if count == 1 else f"{count} comparisons each"
    lost = Counter(loser for _, row in judged if (loser := _loser(row)) in leaders)
    losses = ", ".join(f"{leader} loses {lost[leader]}" for leader in leaders if lost[leader])
    return f"{names} win most of {len(arms)} arms, {each}" + (f" ({losses})" if losses else "")


def _won(judged: Sequence[_Judged], arm: str) -> list[_Judged]:
    return [one for one in judged if wording.winner(one[1]) == arm]


def _loser(row: Comparison) -> str | None:
    return {row.arm: row.base, row.base: row.arm}.get(wording.winner(row) or "")


def _others(rest: Sequence[_Judged], result: Result) -> str:
    return f" (the others: {_counted(rest, result)})" if rest else ""


def _in_all(count: int) -> str:
    return {1: "", 2: " in both comparisons"}.get(count, f" in all {count} comparisons")


def _between(judged: Sequence[_Judged]) -> str:
    arms = _arms(judged)
    return f" between {arms[0]} and {arms[1]}" if len(arms) == 2 else f" among {len(arms)} arms"


def _counted(judged: Sequence[_Judged], result: Result) -> str:
    """How they came out: `2 equivalent within 3 %, 1 inconclusive`."""
    names = {"equivalent": f"equivalent within {fmt.whole_percent(result.run.margin)}"}
    outcomes = Counter(wording.winner(row) or row.verdict for _, row in judged)
    return ", ".join(
        f"{count} {names.get(outcome, outcome)}"
        if outcome in ("equivalent", "inconclusive")
        else f"{outcome} wins {count}"
        for outcome, count in outcomes.items()
    )


def _examples(judged: Sequence[_Judged]) -> list[_Judged]:
    """The first, and the first that is about another metric, or else the second."""
    first, *others = judged
    others.sort(key=lambda one: one[1].metric == first[1].metric)
    return [first, *others][:_TOLD]


def _where(case: Case, judged: Sequence[_Judged]) -> str:
    """The case's name; with its load where another has the same name."""
    titles = {other.title for other, _ in judged if other.name == case.name}
    return case.name if len(titles) == 1 else f"{case.name}, {case.load}"


def _figures(told: Sequence[_Judged], judged: Sequence[_Judged], result: Result) -> str:
    figures = [
        f"{wording.figures(row, result.run.comparisons_confidence)} ({_where(case, judged)})"
        for case, row in told
    ]
    text = "; ".join(figures)
    return f"{text[:1].upper()}{text[1:]}."


def _reserve(result: Result) -> list[str]:
    """What a verdict is worth, and whether anything stands against it."""
    confidence = fmt.whole_percent(result.run.comparisons_confidence)
    sure = f"Each verdict is at {confidence}, adjusted for all pairs of its scenario"
    return [f"{sure}; {environment.instances(result)}. {_standing(result)}"]


def _standing(result: Result) -> str:
    warned = dict.fromkeys(check.check for check in validity.checks(result, "warning"))
    if not warned:
        return validity.passed(result)
    return f"{validity.passed(result)} Warnings: {', '.join(warned)}."


def _arms(judged: Sequence[_Judged]) -> list[str]:
    return list(dict.fromkeys(chain.from_iterable((row.base, row.arm) for _, row in judged)))
