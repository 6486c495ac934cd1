"""Claims about the relative cost of schemes, all from one interleaved run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from harness.analysis.stats.contrasts import effect_powers
from harness.analysis.stats.estimate import Estimate, contrast
from harness.report.content import format as fmt
from harness.results.claims import Outcome
from harness.studies.claims.claim import Claim, estimated, judged
from harness.studies.claims.readings import (
    METRIC,
    READS,
    calculated,
    comparison,
    describe_comparison,
    interval,
    measured,
    rows,
)

if TYPE_CHECKING:
    from harness.results.model import Comparison, Result

_USER_SESSIONS: Final = "journey"
#: A denylist that costs more than this share of what a token saves defeats the token.
_HALF: Final = 0.5


def cache(result: Result) -> Outcome:
    """Judge whether a token that is checked against the store is still cheaper than a session in it."""
    checked = [comparison(result, "cookie", arm) for arm in ("token-denylist", "token-cutoff")]
    checks = comparison(result, "token-denylist", "token-cutoff")
    return judged(
        map(describe_comparison, [*checked, checks]),
        supported=_all(checked, "faster"),
        refuted=_all(checked, "slower"),
        if_supported="a token checked against a list or a cut-off in the store costs less than a session",
        if_refuted="a token checked against a list or a cut-off in the store costs more than a session",
        otherwise="the two kinds of check do not both cost more, or both less, than a session",
    )


def mixes(result: Result) -> Outcome:
    """Judge whether the cheaper scheme of token and cookie differs between full user sessions and reads."""
    compared = [comparison(result, "token", "cookie", scenario) for scenario in (READS, _USER_SESSIONS)]
    cheaper = {"slower": "token", "faster": "cookie"}.get(compared[0].verdict)
    return judged(
        map(describe_comparison, compared),
        supported={row.verdict for row in compared} == {"faster", "slower"},
        refuted=_all(compared, "faster") or _all(compared, "slower"),
        if_supported="the cheaper scheme for reads is the more expensive one over full user sessions",
        if_refuted=f"{cheaper} is cheaper in both mixes of requests",
        otherwise="not both mixes of requests have a winner",
    )


def two_by_two(result: Result) -> Outcome:
    """Judge whether keeping a session costs more than using a cookie: state against transport."""
    reads = rows(result)
    effects = {
        "a session instead of a token": (("cookie", "opaque-bearer"), ("token-cookie", "token")),
        "a cookie instead of a bearer header": (("cookie", "token-cookie"), ("opaque-bearer", "token")),
    }
    figures = []
    for name, sides in effects.items():
        powers = effect_powers(*([reads[arm] for arm in side] for side in sides))
        effect = Estimate(*contrast(powers, result.run.comparisons_confidence))
        figures.append(estimated(f"CPU per request, {name}", effect))
    # A session without a cookie over a cookie without a session is the ratio of the two effects.
    decisive = comparison(result, "token-cookie", "opaque-bearer")
    return judged(
        [*figures, describe_comparison(decisive)],
        supported=decisive.verdict == "slower",
        refuted=decisive.verdict == "faster",
        if_supported="keeping a session costs more than carrying a cookie: the state is the larger cost",
        if_refuted="carrying a cookie costs more than keeping a session: the transport is the larger cost",
        otherwise="neither of the two effects is significantly larger",
    )


def stateful(result: Result) -> Outcome:
    """Judge whether a JWT that is looked up in the store saves anything over a plain session id."""
    row = comparison(result, "opaque-bearer", "token-stateful")
    return judged(
        [describe_comparison(row)],
        supported=row.verdict == "faster",
        refuted=row.verdict in ("slower", "equivalent"),
        if_supported="a JWT that is looked up costs less than a plain session id",
        if_refuted="nothing is saved: the JWT is verified, and then looked up as a plain session id is",
        otherwise="neither a saving nor an extra cost is significant",
    )


def lookup(result: Result) -> Outcome:
    """Judge whether an indexed SELECT on every request has a negligible cost."""
    row = comparison(result, "token", "token-lookup")
    margin = fmt.whole_percent(result.run.margin)
    return judged(
        [describe_comparison(row)],
        supported=row.verdict == "equivalent",
        refuted=row.verdict == "slower",
        if_supported=f"with an indexed SELECT a request costs the same, within {margin}",
        if_refuted="an indexed SELECT, by SQLite in a separate thread, makes a request more expensive",
        otherwise="neither a difference nor equivalence is significant",
    )


def both(result: Result) -> Outcome:
    """Judge whether a token still saves anything if the database is queried on every request anyway.

    The session with a lookup is modelled: the cost that the lookup adds to a token is added to a session.
    """
    ratio = calculated(
        "CPU per request, session and lookup (modelled) over token and lookup",
        f"(opaque-bearer.{METRIC} + token-lookup.{METRIC} - token.{METRIC}) / token-lookup.{METRIC}",
        rows(result),
        result,
    )
    low, high = interval(ratio)
    margin = fmt.whole_percent(result.run.margin)
    more = fmt.whole(100 * (ratio.value - 1))
    return judged(
        [ratio],
        supported=high < 1 + result.run.margin,
        refuted=low > 1 + result.run.margin,
        if_supported=f"with the lookup a session costs no more than a token, within {margin}",
        if_refuted=f"with the lookup a session still costs {more} % more than a token",
        otherwise=f"with the lookup an extra cost of {margin} for a session is neither shown nor excluded",
    )


def denylist(result: Result) -> Outcome:
    """Judge how much of a token's saving over a session a denylist costs."""
    share = calculated(
        "share of the saving given back",
        f"(token-denylist.{METRIC} - token.{METRIC}) / (cookie.{METRIC} - token.{METRIC})",
        rows(result),
        result,
    )
    low, high = interval(share)
    because = (
        f"a denylist gives back {100 * share.value:.0f} % ({100 * low:.0f} to {100 * high:.0f} %) of what a"
        " token saves over a session"
    )
    return judged(
        [share, describe_comparison(comparison(result, "token", "token-denylist"))],
        supported=low > _HALF,
        refuted=high < _HALF,
        if_supported=because,
        if_refuted=because,
        otherwise=because,
    )


def _all(comparisons: Sequence[Comparison], verdict: str) -> bool:
    return {row.verdict for row in comparisons} == {verdict}


_RUN: Final = "one interleaved run of all these schemes (suite `claims`), restricted reads under saturation"

CLAIMS: Final = (
    Claim(
        10,
        "check the token against something in your cache",
        "reply",
        "measured",
        f"{_RUN}: token-denylist and token-cutoff compared with cookie",
        "supported when both need less CPU per request than a session",
        measured(cache),
    ),
    Claim(
        12,
        "it depends on the use case",
        "adobot, Dilame",
        "measured",
        "token compared with cookie in two mixes of requests: reads alone, and full user sessions with login"
        " and logout",
        "supported when the cheaper scheme differs, refuted when it is the same",
        measured(mixes),
    ),
    Claim(
        13,
        "sessions against tokens is the real question: a JWT can travel in a cookie",
        "Sun",
        "measured",
        f"{_RUN}: two by two, token and session each as bearer and in a cookie",
        "supported when the session's effect on CPU per request is larger than the cookie's",
        measured(two_by_two),
    ),
    Claim(
        17,
        "a stateful JWT, looked up in Redis, saves something",
        "ironcode",
        "measured",
        f"{_RUN}: token-stateful compared with opaque-bearer, the plain session id",
        "supported when it needs less CPU per request; refuted when it needs more, or the same",
        measured(stateful),
    ),
    Claim(
        19,
        "looking the user up by an indexed row has negligible impact",
        "Alex B.",
        "measured",
        f"{_RUN}: token-lookup (SQLite) compared with token",
        "supported when they are equivalent within the margin; refuted when it needs more CPU per request",
        measured(lookup),
    ),
    Claim(
        20,
        "if you check the database anyway, JWT does not help",
        "Zheng",
        "measured",
        f"{_RUN}: token-lookup compared with opaque-bearer plus the calculated cost of the same lookup",
        "supported when the session costs no more, within the margin; refuted when it costs more than that",
        measured(both),
    ),
    Claim(
        27,
        "a blacklist defeats the purpose",
        "Ersoy",
        "measured",
        f"{_RUN}: the extra cost of token-denylist over token, as a share of that of cookie over token",
        "supported when more than half of the saving is given back, refuted when less is",
        measured(denylist),
    ),
)
