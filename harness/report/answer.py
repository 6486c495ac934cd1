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

from harness.gate import summary
from harness.report import format as fmt
from harness.report import incidents, setting, validity, wording
from harness.report.case import FLOOR, Case, cases
from harness.result import Comparison, GateAnswer, Result

#: Of the comparisons that an answer rests on, so many are told in its sentence.
_TOLD = 2

#: A comparison that was judged, and where.
_Judged = tuple[Case, Comparison]


Kind = Literal["decided", "open", "regression", "invalid"]
_GATES: Final[dict[GateAnswer, Kind]] = {"inconclusive": "open", "regression": "regression"}


@dataclass(frozen=True)
class Answer:
    """One sentence, what it rests on, and whether it decides anything.

    Attributes:
        kind: `decided`: there is a winner, or a gate passed; `regression`: a gate did not; `open`: neither.
        sentence: The answer.
        certainty: How surely, in sentences; of an invalid run the reasons.
    """

    kind: Kind
    sentence: str
    certainty: list[str]


def answer(result: Result) -> Answer:
    """The answer of a run, as far as it has one."""
    if not result.valid:
        reasons = [validity.told(check) for check in validity.checks(result, "invalid")]
        return Answer("invalid", "INVALID: do not believe the figures below.", reasons)
    if result.gate:
        kind = _GATES.get(summary.verdict(result), "decided")
        return Answer(kind, summary.headline(result), [_standing(result)])
    if judged := _judged(result):
        return _weighed(judged, result)
    if together := incidents.incidents(result):
        first = incidents.sentences(together[0])[0]
        sentence = f"No winner: incidents are described, not judged. {together[0].name}: {first}"
        return Answer("open", sentence, [_standing(result)])
    return Answer("open", "No winner: nothing was compared.", [_standing(result)])


def _judged(result: Result) -> list[_Judged]:
    every = [
        (case, row)
        for case in cases(result)
        for row in case.comparisons()
        if row.primary and row.verdict != "not judged"
    ]
    return [(case, row) for case, row in every if FLOOR not in (row.base, row.arm)] or every


def _weighed(judged: Sequence[_Judged], result: Result) -> Answer:
    wins = Counter(winner for _, row in judged if (winner := wording.winner(row)))
    if not wins:
        told = _examples(judged)
        head = f"No winner{_between(judged)}: {_counted(judged, result)}"
        return Answer("open", f"{head}.", [_figures(told, judged, result), *_reserve(result)])
    most = max(wins.values())
    leaders = [arm for arm, count in wins.items() if count == most]
    told = _examples([one for one in judged if wording.winner(one[1]) == leaders[0]])
    differences = "; ".join(f"{wording.difference(row)} ({_where(case, judged)})" for case, row in told)
    head = _of_pair(judged, wins, result) if len(_arms(judged)) == 2 else _of_many(judged, leaders, most)
    return Answer("decided", f"{head}: {differences}.", [_figures(told, judged, result), *_reserve(result)])


def _of_pair(judged: Sequence[_Judged], wins: Counter[str], result: Result) -> str:
    """Who wins of two arms: `token beats cookie in all 7 comparisons`."""
    (leader, count), *_ = wins.most_common()
    [other] = [arm for arm in _arms(judged) if arm != leader]
    if count == len(judged):
        return f"{leader} beats {other}{_in_all(count)}"
    rest = _counted([one for one in judged if wording.winner(one[1]) != leader], result)
    if wins[other] == count:
        return f"{leader} and {other} win {count} of {len(judged)} comparisons each"
    return f"{leader} beats {other} in {count} of {len(judged)} comparisons (the others: {rest})"


def _of_many(judged: Sequence[_Judged], leaders: Sequence[str], count: int) -> str:
    """Who wins most of several arms: `token wins 12 of its 14 comparisons, more than any other of 6 arms`."""
    arms = len(_arms(judged))
    if len(leaders) > 1:
        each = "1 comparison each" if count == 1 else f"{count} comparisons each"
        return f"{', '.join(leaders[:-1])} and {leaders[-1]} win most of {arms} arms, {each}"
    [leader] = leaders
    taking_part = sum(leader in (row.base, row.arm) for _, row in judged)
    return f"{leader} wins {count} of its {taking_part} comparisons, most of all {arms} arms"


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
    return [f"{sure}; {setting.instances(result)}. {_standing(result)}"]


def _standing(result: Result) -> str:
    warned = dict.fromkeys(check.check for check in validity.checks(result, "warning"))
    if not warned:
        return validity.passed(result)
    return f"{validity.passed(result)} Warnings: {', '.join(warned)}."


def _arms(judged: Sequence[_Judged]) -> list[str]:
    return list(dict.fromkeys(chain.from_iterable((row.base, row.arm) for _, row in judged)))
