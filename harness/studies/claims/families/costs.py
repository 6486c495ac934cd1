"""What schemes cost against each other: one interleaved run of all, and what each claim reads from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from harness.analysis.stats.contrasts import effect_powers
from harness.analysis.stats.estimate import log_contrast
from harness.results.claims import ClaimFigure, Outcome, Verdict
from harness.studies.claims.claim import Claim
from harness.studies.claims.readings import (
    METRIC,
    READS,
    comparison,
    describe_comparison,
    measured,
    reckoned,
    rows,
)

if TYPE_CHECKING:
    from harness.results.model import Comparison, Result

_SITTINGS: Final = "journey"
#: A denylist that gives back more than this share of what a token saves defeats it.
_HALF: Final = 0.5


def cache(result: Result) -> Outcome:
    """Whether a token that is checked against the store is still cheaper than a session there."""
    checked = [comparison(result, "cookie", arm) for arm in ("token-denylist", "token-cutoff")]
    verdict = _all(checked, supported="faster", refuted="slower")
    words = {
        "supported": "a token checked against a list or a cut-off in the store costs less than a session",
        "refuted": "a token checked against a list or a cut-off in the store costs more than a session",
        "inconclusive": "the two ways to check a token do not both lie on one side of a session",
    }
    figures = [
        *map(describe_comparison, checked),
        describe_comparison(comparison(result, "token-denylist", "token-cutoff")),
    ]
    return Outcome(verdict=verdict, because=words[verdict], figures=figures)


def mixes(result: Result) -> Outcome:
    """Whether the cheaper of token and cookie is another one for whole sittings than for reads."""
    both = [comparison(result, "token", "cookie", scenario) for scenario in (READS, _SITTINGS)]
    winners = [one.verdict for one in both]
    if not set(winners) <= {"faster", "slower"}:
        verdict: Verdict = "inconclusive"
        because = "not both mixes of requests have a winner"
    elif winners[0] != winners[1]:
        verdict, because = "supported", "the cheaper one for reads is the dearer one over whole sittings"
    else:
        cheaper = "token" if winners[0] == "slower" else "cookie"
        verdict, because = "refuted", f"{cheaper} is cheaper in both mixes of requests"
    return Outcome(verdict=verdict, because=because, figures=[describe_comparison(one) for one in both])


def two_by_two(result: Result) -> Outcome:
    """Whether it costs more to keep a session than to use a cookie: state against transport."""
    reads = rows(result)
    effects = {
        "a session instead of a token": (("cookie", "opaque-bearer"), ("token-cookie", "token")),
        "a cookie instead of a bearer header": (("cookie", "token-cookie"), ("opaque-bearer", "token")),
    }
    figures = []
    for name, sides in effects.items():
        more, less = ([reads[arm] for arm in side] for side in sides)
        ratio, *ends = log_contrast(effect_powers(more, less)).ratio(result.run.comparisons_confidence)
        figures.append(ClaimFigure(name=f"CPU per request, {name}", value=ratio, ci=(ends[0], ends[1])))
    # A session without a cookie over a cookie without a session: the one effect over the other.
    decisive = comparison(result, "token-cookie", "opaque-bearer")
    verdict = _all([decisive], supported="slower", refuted="faster")
    words = {
        "supported": "keeping a session costs more than carrying a cookie: state is what is paid for",
        "refuted": "carrying a cookie costs more than keeping a session: transport is what is paid for",
        "inconclusive": "which of the two effects is larger cannot be told",
    }
    return Outcome(verdict=verdict, because=words[verdict], figures=[*figures, describe_comparison(decisive)])


def stateful(result: Result) -> Outcome:
    """Whether a JWT that is looked up in the store saves anything over a plain session id."""
    one = comparison(result, "opaque-bearer", "token-stateful")
    verdict = _all([one], supported="faster", refuted="slower", refuted_also="equivalent")
    words = {
        "supported": "a JWT that is looked up costs less than a session's plain id",
        "refuted": "nothing is saved: the JWT is verified, and then all is done that a plain id needs",
        "inconclusive": "whether anything is saved cannot be told",
    }
    return Outcome(verdict=verdict, because=words[verdict], figures=[describe_comparison(one)])


def lookup(result: Result) -> Outcome:
    """Whether an indexed SELECT on every request costs nothing worth mentioning."""
    one = comparison(result, "token", "token-lookup")
    verdict = _all([one], supported="equivalent", refuted="slower")
    margin = f"{result.run.margin:.0%}"
    words = {
        "supported": f"with an indexed SELECT a request costs the same, within {margin}",
        "refuted": "an indexed SELECT, in SQLite by a thread of its own, makes a request dearer",
        "inconclusive": "neither a difference nor equivalence is shown",
    }
    return Outcome(verdict=verdict, because=words[verdict], figures=[describe_comparison(one)])


def both(result: Result) -> Outcome:
    """Whether a token still saves anything once the database is asked on every request, session or not.

    The session with a look-up is modelled: what the look-up adds to a token is added to a session.
    """
    ratio = reckoned(
        "CPU per request, session and look-up (modelled) over token and look-up",
        f"(opaque-bearer.{METRIC} + token-lookup.{METRIC} - token.{METRIC}) / token-lookup.{METRIC}",
        rows(result),
        result,
    )
    low, high = ratio.ci or (ratio.value, ratio.value)
    margin = result.run.margin
    if high < 1 + margin:
        verdict: Verdict = "supported"
        because = f"beside the look-up a session is no dearer than a token, within {margin:.0%}"
    elif low > 1 + margin:
        verdict = "refuted"
        because = f"beside the look-up a session still costs {ratio.value - 1:.0%} more than a token"
    else:
        verdict, because = "inconclusive", f"whether a session costs {margin:.0%} more cannot be told"
    return Outcome(verdict=verdict, because=because, figures=[ratio])


def denylist(result: Result) -> Outcome:
    """Which share of what a token saves over a session a denylist gives back."""
    share = reckoned(
        "share of the saving given back",
        f"(token-denylist.{METRIC} - token.{METRIC}) / (cookie.{METRIC} - token.{METRIC})",
        rows(result),
        result,
    )
    low, high = share.ci or (share.value, share.value)
    verdict: Verdict = "supported" if low > _HALF else "refuted" if high < _HALF else "inconclusive"
    because = (
        "of what a token saves over a session a denylist gives back"
        f" {share.value:.0%} ({low:.0%} to {high:.0%})"
    )
    cost = comparison(result, "token", "token-denylist")
    return Outcome(verdict=verdict, because=because, figures=[share, describe_comparison(cost)])


def _all(
    comparisons: Sequence[Comparison], *, supported: str, refuted: str, refuted_also: str = ""
) -> Verdict:
    verdicts = {one.verdict for one in comparisons}
    if verdicts == {supported}:
        return "supported"
    return "refuted" if verdicts and verdicts <= {refuted, refuted_also} else "inconclusive"


_RUN: Final = "one interleaved run of all these schemes (suite `claims`), restricted reads under saturation"

CLAIMS: Final = (
    Claim(
        10,
        "check the token against something in your cache",
        "reply",
        "measured",
        f"{_RUN}: token-denylist and token-cutoff against cookie",
        "supported when both need less CPU a request than a session",
        measured(cache),
    ),
    Claim(
        12,
        "it depends on the use case",
        "adobot, Dilame",
        "measured",
        "token against cookie in two mixes of requests: reads alone, and sittings with login and logout",
        "supported when the cheaper one differs, refuted when it is the same",
        measured(mixes),
    ),
    Claim(
        13,
        "sessions against tokens is the real question: a JWT can travel in a cookie",
        "Sun",
        "measured",
        f"{_RUN}: two by two, token and session each as bearer and in a cookie",
        "supported when the session's effect on CPU a request is larger than the cookie's",
        measured(two_by_two),
    ),
    Claim(
        17,
        "a stateful JWT, looked up in Redis, saves something",
        "ironcode",
        "measured",
        f"{_RUN}: token-stateful against opaque-bearer, the plain session id",
        "supported when it needs less CPU a request; refuted when it needs more, or the same",
        measured(stateful),
    ),
    Claim(
        19,
        "looking the user up by an indexed row has negligible impact",
        "Alex B.",
        "measured",
        f"{_RUN}: token-lookup (SQLite) against token",
        "supported when they are equivalent within the margin; refuted when it needs more CPU a request",
        measured(lookup),
    ),
    Claim(
        20,
        "if you check the database anyway, JWT does not help",
        "Zheng",
        "measured",
        f"{_RUN}: token-lookup against opaque-bearer with the same look-up, whose cost is added by reckoning",
        "supported when the session costs no more, within the margin; refuted when it costs more than that",
        measured(both),
    ),
    Claim(
        27,
        "a blacklist defeats the purpose",
        "Ersoy",
        "measured",
        f"{_RUN}: what token-denylist costs beyond token, as a share of what cookie costs beyond token",
        "supported when more than half of the saving is given back, refuted when less is",
        measured(denylist),
    ),
)
