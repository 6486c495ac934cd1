"""Incidents in words and tables."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from harness.errors import SuiteError
from harness.measure.incidents import metrics
from harness.measure.incidents.record import IncidentRecord
from harness.protocol.incidents import ProbeRecord
from harness.report import console, markdown
from harness.report.compare import compare
from harness.report.content.incidents import incidents, sentences, tables
from harness.report.content.model import report
from harness.report.exports.parts.format import formats
from harness.results.incidents import RevocationCost
from harness.results.model import Result
from tests.harness.incidents import lived, revoked

STORED = Path(__file__).parents[1] / "data" / "result.json"
WELL = {number: {"ok": 1} for number in range(120)}
AWAY = WELL | {number: {"503": 1} for number in range(40, 60)} | {60: {"401": 1, "login": 1}}
OUTAGE = lived({"token": WELL, "cookie-client": WELL, "cookie": AWAY})


def stored() -> Result:
    """The example, which has no incidents."""
    return Result.model_validate_json(STORED.read_text())


def with_incidents(result: Result, *happened: IncidentRecord) -> Result:
    """The same result with these incidents."""
    return result.model_copy(
        update={"incidents": [row for one in happened for row in metrics.incidents(one)]}
    )


def only(*happened: IncidentRecord) -> Result:
    """A run of nothing else."""
    bare: dict[str, object] = {"measurements": [], "comparisons": [], "distributions": []}
    return with_incidents(stored().model_copy(update=bare), *happened)


def revocation() -> IncidentRecord:
    """Ended at once, after a read, and never, by arm."""
    reads = {
        "at once": ["401 revoked"] * 3,
        "late": ["ok", "401 revoked", "401 revoked"],
        "never": ["ok"] * 3,
    }
    sent_ns = (2_100_000_000, 2_200_000_000, 5_900_000_000)
    return lived(
        {arm: {0: {"ok": 1}} for arm in reads},
        events=[revoked(arm) for arm in reads],
        kind="revocation",
        watching=[ProbeRecord(arm, "revoked", sent_ns, tuple(outcomes)) for arm, outcomes in reads.items()],
        prices={"late": RevocationCost(server_cpu_us=1234.5, store_cpu_us=67.8, store_ops=6)},
    )


def printed(result: Result) -> str:
    """What the console shows at 80 columns."""
    out = StringIO()
    console.render(report(result), Console(file=out, width=80))
    return out.getvalue()


def test_an_outage_has_a_column_a_failure_and_a_table_of_its_end() -> None:
    """The most frequent first; a row an arm, in the order of the suite."""
    (together,) = incidents(only(OUTAGE))
    failures, recovery = tables(together)
    assert together.title == "store outage (open, 20/s constant, each scheme)"
    assert failures.heads == ["scheme", "requests", "failed\n%", "503", "401"]
    assert failures.rows == [
        ["token", "120", "0", "0", "0"],
        ["cookie-client", "120", "0", "0", "0"],
        ["cookie", "121", "17.4", "20", "1"],
    ]
    assert recovery.heads == [
        *("scheme", "failing\nfor s", "recovered\nafter s", "logins", "peak\nlogins/s"),
    ]
    assert recovery.rows == [
        ["token", "0.00", "0.00", "0", "0"],
        ["cookie-client", "0.00", "0.00", "0", "0"],
        ["cookie", "1.05", "0.05", "1", "1"],
    ]


def test_arms_that_fared_alike_share_a_sentence() -> None:
    """And what the failures met mean is told, once."""
    told = sentences(incidents(only(OUTAGE))[0])
    assert told[0] == "token, cookie-client: nothing failed."
    assert told[1] == (
        "cookie: 17.4 % failed (503: 20, 401: 1) within 1.05 s, 1 logged in again, at most 1 in a second;"
        " recovered 0.05 s after 'store back'."
    )
    assert [line.partition(":")[0] for line in told[2:4]] == ["503", "401"]
    assert told[4].startswith("No verdict: ")


def test_what_was_not_well_at_the_end_is_said() -> None:
    """No time is told that was not reached."""
    (together,) = incidents(only(lived({"cookie": {119: {"503": 1}}})))
    assert tables(together)[1].rows[0][2] == "not yet"
    assert "not recovered at the end" in sentences(together)[0]


def test_a_revocation_tells_how_long_accounts_stayed_in() -> None:
    """At most, exactly, at least; and what one cost, where that was counted."""
    (together,) = incidents(only(revocation()))
    stale, price = tables(together)
    assert stale.rows == [["at once", "≤0.10", "0"], ["late", "0.20", "1"], ["never", "≥3.90", "3"]]
    assert price.rows == [["late", "6", "1,234", "67.8"]]
    still_in = "the old credential still worked at the end of the run after the account was revoked"
    assert sentences(together)[:3] == [
        "at once: no read was accepted after the account was revoked.",
        "late: 1 read was accepted for 0.20 s after it was revoked.",
        f"never: {still_in}; it stays valid for 5 h.",
    ]


def test_who_is_let_in_again_after_an_outage_is_told() -> None:
    """A list of what was ended that is gone with its store: a finding, though no request failed."""
    watching = ProbeRecord("token", "revoked", (2_100_000_000, 4_000_000_000), ("401 revoked", "ok"))
    happened = lived(
        {"token": {0: {"ok": 9, "401 revoked": 1}}}, events=[revoked("token")], watching=[watching]
    )
    (together,) = incidents(only(happened))
    assert "401 revoked" not in " ".join(tables(together)[0].heads)
    assert sentences(together)[:2] == [
        "token: nothing failed.",
        "token: after the account was revoked, its old credential became valid again: 1 read was accepted.",
    ]


def test_rotations_with_and_without_overlap_are_two() -> None:
    """Told apart by the parameter."""
    both = [lived({"token": WELL}, kind="key rotation", overlap=overlap) for overlap in (False, True)]
    names = [together.name for together in incidents(only(*both))]
    assert names == ["key rotation, overlap=false", "key rotation, overlap=true"]


@pytest.mark.parametrize("result", [only(OUTAGE), with_incidents(stored(), OUTAGE)], ids=["alone", "beside"])
def test_console_and_markdown_have_them(result: Result) -> None:
    """Within 80 columns, whether or not anything else was measured."""
    said = printed(result)
    assert "store outage (open, 20/s constant, each scheme)" in said
    assert "token, cookie-client: nothing failed." in said
    assert max(map(len, said.splitlines())) <= 80
    assert "no server processes" not in said
    page = markdown.render(report(result))
    assert "### store outage (open, 20/s constant, each scheme)" in page
    assert "| cookie | 121 | 17.4 | 20 | 1 |" in page


def test_a_result_is_read_as_it_was_written() -> None:
    """With all that incidents have."""
    result = only(OUTAGE, revocation())
    assert Result.model_validate_json(result.model_dump_json()) == result
    assert result.arms() == ["token", "cookie-client", "cookie", "at once", "late", "never"]


def test_every_export_bears_a_run_of_incidents_alone() -> None:
    """Markdown tells of them; the others have no estimates to give."""
    files = {name: one.files(only(OUTAGE)) for name, one in formats().items()}
    assert all(files.values())
    assert "store outage" in files["markdown"]["summary.md"]


def test_comparisons_leave_incidents_out_and_say_so() -> None:
    """Two runs with something else in common are compared by that; two without are refused."""
    both = [("a", with_incidents(stored(), OUTAGE)), ("b", with_incidents(stored(), OUTAGE))]
    told = compare.compare(both).only_in
    assert told == [
        f"{label}: incidents are described in their own result, not compared (store outage)" for label in "AB"
    ]
    with pytest.raises(SuiteError, match="incidents are described in their own result"):
        compare.compare([("a", only(OUTAGE)), ("b", only(OUTAGE))])
