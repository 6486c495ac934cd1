"""Servers that run already: what nobody reads of them is left out, and never judged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analysis.checks import check_elsewhere
from harness.analysis.measurements import comparisons, measurements
from harness.analysis.observation import cpu_waits
from harness.errors import SuiteError
from harness.suites.external import ExternalServer
from harness.suites.parse import parse
from harness.testbed import external
from tests.harness.observations import Seen, observe

_SUITE = """
title = "x"
arms = ["mine"]
[own.mine]
transport = "bearer"
address = ["http://127.0.0.1:9001"]
{agent}
[[scenarios]]
name = "saturation"
load = {{ model = "closed" }}
seconds = 1
{primary}
"""


def test_what_nobody_reads_has_no_figure_and_no_comparison() -> None:
    """An arm with an agent but no store has its CPU time; one with neither has what the load saw."""
    whole = observe([Seen(number) for number in range(4)] * 2, ["cookie", "cookie", "token", "token"])
    accounts = [
        replace(
            one,
            store_cpu_ns=None,
            store_ops=None,
            server_cpu_ns=one.server_cpu_ns if one.instance < 2 else None,
        )
        for one in whole.accounts
    ]
    rows = measurements(replace(whole, accounts=accounts, server_rss={}, store_memory={}), 0.99)
    found = {arm: {row.metric for row in rows if row.arm == arm} for arm in ("cookie", "token")}
    assert "server_cpu" in found["cookie"]
    unread = {"store_cpu", "store_ops", "total_cpu", "server_rss", "store_memory", "store_rtt"}
    assert not unread & found["cookie"]
    assert not (unread | {"server_cpu"}) & found["token"]
    assert {"throughput", "service_p50", "response_bytes"} <= found["token"]
    compared = comparisons(rows, whole.scenario, confidence=0.99, margin=0.03)
    assert {row.metric for row in compared} & {"server_cpu", "total_cpu", "throughput"} == {"throughput"}
    assert list(cpu_waits(replace(whole, accounts=accounts), "token")) == ["load generator"]


@pytest.mark.parametrize(
    ("agent", "store", "left_out", "helps"),
    [
        (None, False, "server_cpu, server_rss, store_cpu, store_ops, total_cpu", "bench.py remote agent"),
        (None, True, "server_cpu, server_rss, total_cpu", "own.mine.agent"),
        ("10.0.0.2:5600", False, "store_cpu, store_ops, total_cpu", "--redis-url"),
    ],
)
def test_a_check_says_what_is_left_out_and_what_helps(
    agent: str | None, store: bool, left_out: str, helps: str
) -> None:
    """As a warning; with both there is nothing to be done."""
    check = check_elsewhere("mine", agent, store=store)
    assert check.status == "warning"
    assert f"not measured: {left_out}, store_memory, store_rtt" in check.detail
    assert helps in check.detail
    assert check_elsewhere("mine", "10.0.0.2:5600", store=True).status == "ok"


@pytest.mark.parametrize(
    ("agent", "primary", "redis_url", "missing"),
    [
        ("", "", None, "bench.py remote agent beside mine"),
        ("", "server_cpu", "redis://store", "bench.py remote agent beside mine"),
        ('agent = "10.0.0.2:5600"', "", None, "--redis-url"),
        ('agent = "10.0.0.2:5600"', "", "redis://store", ""),
        ('agent = "10.0.0.2:5600"', "server_cpu", None, ""),
        ("", "throughput", None, ""),
    ],
)
def test_nothing_is_judged_that_nobody_reads(
    monkeypatch: pytest.MonkeyPatch, agent: str, primary: str, redis_url: str | None, missing: str
) -> None:
    """A suite that would is refused, and told what helps."""
    monkeypatch.setenv("COOKIES_VS_TOKENS_SECRET", "a secret of the tests, and of nobody else")
    judged = f'primary = "{primary}"' if primary else ""
    suite = parse(_SUITE.format(agent=agent, primary=judged), "mine", "mine.toml")
    if not missing:
        external.check_meters(suite, "mine.toml", redis_url)
        return
    with pytest.raises(SuiteError, match=missing):
        external.check_meters(suite, "mine.toml", redis_url)


@pytest.mark.parametrize(
    "agent", ["10.0.0.2", "10.0.0.2:0", "10.0.0.2:99999", "http://10.0.0.2:5600", "a@b:1", ":1"]
)
def test_where_no_agent_can_be(agent: str) -> None:
    """It is refused with the suite."""
    with pytest.raises(ValueError, match="expected"):
        ExternalServer(transport="bearer", address=["http://10.0.0.2:8001"], agent=agent)
