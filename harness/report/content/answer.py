"""Conclusion of a run in one sentence, with its confidence. Pure.

Winners are counted over the comparisons that have a verdict: one metric per scenario. Pairs with the no-auth
server count only if there are no others, since whether a check costs more than none is not the question.
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

#: A comparison that has a verdict, and its case.
_Judged = tuple[Case, Comparison]


Kind = Literal["decided", "open", "regression", "invalid"]
_GATES: Final[dict[GateVerdict, Kind]] = {"inconclusive": "open", "regression": "regression"}


@dataclass(frozen=True)
class Headline:
    """Conclusion in one sentence, its basis, and whether it decides anything.

    Attributes:
        kind: `decided`: there is one winner, or a gate passed; `regression`: a gate failed; `open`: neither.
        sentence: Conclusion.
        certainty: Its confidence, in sentences; of an invalid run the reasons.
    """

    kind: Kind
    sentence: str
    certainty: list[str]


def answer(result: Result) -> Headline:
    """Return the conclusion of a run."""
    if not result.valid:
        return Headline("invalid", "INVALID: do not use these figures.", validity.reasons(result))
    if result.gate:
        kind = _GATES.get(gate.verdict(result), "decided")
        return Headline(kind, gate.headline(result), [_validity(result)])
    if judged := _judged(result):
        return _compared(judged, result)
    if shared := incidents.incidents(result):
        first = incidents.sentences(shared[0])[0]
        sentence = f"No winner: incidents have no verdicts. {shared[0].name}: {first}"
        return Headline("open", sentence, [_validity(result)])
    return Headline("open", "No winner: nothing was compared.", [_validity(result)])


def _judged(result: Result) -> list[_Judged]:
    pairs = [
        (case, row)
        for case in cases(result)
        for row in case.comparisons()
        if row.primary and row.verdict != "not judged"
    ]
    return [(case, row) for case, row in pairs if FLOOR not in (row.base, row.arm)] or pairs


def _compared(judged: Sequence[_Judged], result: Result) -> Headline:
    wins = Counter(winner for _, row in judged if (winner := wording.winner(row)))
    most = max(wins.values(), default=0)
    leaders = [arm for arm, count in wins.items() if count == most]
    won = {arm: [(case, row) for case, row in judged if wording.winner(row) == arm] for arm in leaders}
    if not leaders:
        examples, arms = _examples(judged), _arms(judged)
        among = f"between {fmt.joined(arms)}" if len(arms) == 2 else f"among {len(arms)} schemes"
        head = f"No winner {among}"
    elif len(leaders) == 1:
        examples = _examples(won[leaders[0]])
        head = _single_leader(judged, leaders[0], most, result)
    else:
        examples = [of_leader[0] for of_leader in won.values()]
        head = _several_leaders(judged, leaders, most, result)
    named = [(_where(case, judged), row) for case, row in examples]
    differences = "; ".join(f"{wording.difference(row)} ({where})" for where, row in named)
    confidence = result.run.comparisons_confidence
    estimates = "; ".join(f"{where}: {wording.estimate(row, confidence)}" for where, row in named)
    return Headline(
        "decided" if len(leaders) == 1 else "open",
        f"{head}: {differences if leaders else _counted(judged, result)}.",
        [f"{estimates}.", _confidence(result)],
    )


def _single_leader(judged: Sequence[_Judged], leader: str, count: int, result: Result) -> str:
    """Return which scheme wins most often, and the outcome of its other comparisons.

    `token beats cookie in all 7 comparisons`, or `token wins 12 of its 14 comparisons, most of all 6 schemes
    (the others: 1 inconclusive, cookie wins 1)`.
    """
    arms = _arms(judged)
    of_leader = [(case, row) for case, row in judged if leader in (row.base, row.arm)]
    rest = _others([(case, row) for case, row in of_leader if wording.winner(row) != leader], result)
    if len(arms) > 2:
        total = len(of_leader)
        return f"{leader} wins {count} of its {total} comparisons, most of all {len(arms)} schemes{rest}"
    [other] = [arm for arm in arms if arm != leader]
    where = {1: "", 2: " in both comparisons"}.get(count, f" in all {count} comparisons")
    if rest:
        where = f" in {count} of {len(of_leader)} comparisons{rest}"
    return f"{leader} beats {other}{where}"


def _several_leaders(judged: Sequence[_Judged], leaders: Sequence[str], count: int, result: Result) -> str:
    """Return which schemes share the most wins, and how often each of them lost."""
    arms, names = _arms(judged), fmt.joined(leaders)
    if len(arms) == 2:
        rest = _others([(case, row) for case, row in judged if not wording.winner(row)], result)
        return f"{names} win {count} of {len(judged)} comparisons each{rest}"
    each = "1 comparison each" if count == 1 else f"{count} comparisons each"
    lost = Counter(
        row.base if winner == row.arm else row.arm for _, row in judged if (winner := wording.winner(row))
    )
    losses = ", ".join(f"{leader} loses {lost[leader]}" for leader in leaders if lost[leader])
    return f"{names} win most of {len(arms)} schemes, {each}" + (f" ({losses})" if losses else "")


def _others(rest: Sequence[_Judged], result: Result) -> str:
    return f" (the others: {_counted(rest, result)})" if rest else ""


def _counted(judged: Sequence[_Judged], result: Result) -> str:
    """Return the number of comparisons per outcome: `2 equivalent within 3 %, 1 inconclusive`."""
    names = {"equivalent": f"equivalent within {fmt.whole_percent(result.run.margin)}"}
    outcomes = Counter(wording.winner(row) or row.verdict for _, row in judged)
    return ", ".join(
        f"{count} {names.get(outcome, outcome)}"
        if outcome in ("equivalent", "inconclusive")
        else f"{outcome} wins {count}"
        for outcome, count in outcomes.items()
    )


def _examples(judged: Sequence[_Judged]) -> list[_Judged]:
    """Return the first comparison and the first about another metric, or else the second."""
    first, *others = judged
    others.sort(key=lambda pair: pair[1].metric == first[1].metric)
    return [first, *others[:1]]


def _where(case: Case, judged: Sequence[_Judged]) -> str:
    """Return the case's name, with its load if another case has the same name."""
    titles = {other.title for other, _ in judged if other.name == case.name}
    return case.name if len(titles) == 1 else f"{case.name}, {case.load}"


def _confidence(result: Result) -> str:
    """Return the confidence of the verdicts, and whether any check argues against them."""
    confidence = fmt.whole_percent(result.run.comparisons_confidence)
    design = f"Verdicts use {confidence} confidence, Holm-adjusted within a scenario"
    return f"{design}; {environment.instances(result)}. {_validity(result)}"


def _validity(result: Result) -> str:
    warned = dict.fromkeys(check.check for check in validity.checks(result, "warning"))
    return validity.passed(result) + (f" Warnings: {', '.join(warned)}." if warned else "")


def _arms(judged: Sequence[_Judged]) -> list[str]:
    return list(dict.fromkeys(chain.from_iterable((row.base, row.arm) for _, row in judged)))
