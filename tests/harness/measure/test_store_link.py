"""How servers reach the store: what a suite may say of it, and what is left out."""

from __future__ import annotations

import pytest

from harness.errors import SuiteError
from harness.measure import preflight
from harness.suites.model import Suite, by_conditions
from harness.suites.parse import parse
from harness.testbed import external

SUITE = """
title = "Links"
arms = ["token", "cookie"]
{more}
[[scenarios]]
name = "saturation"
load = {{ model = "closed" }}
seconds = 1
store_link = "{link}"
"""
OTHER = '\n[[scenarios]]\nname = "saturation"\nload = { model = "closed" }\nseconds = 1\n'
URL = "redis://:pa%40ss@store.example:6380/1"


def links(link: str, more: str = "", other: str = "") -> Suite:
    """A suite with a scenario over a link, and another as said."""
    return parse(SUITE.format(link=link, more=more) + other, "links", "links.toml")


def test_by_tcp_unless_said_otherwise() -> None:
    """A scenario's own link goes before the suite's, and is a parameter of its rows; each needs servers."""
    suite = links("tls", other=OTHER + OTHER + 'store_link = "unix"\n')
    assert suite.store_link == "tcp"
    assert [conditions.store_link for conditions in by_conditions(suite)] == ["tls", "tcp", "unix"]
    assert [one.params for one in suite.scenarios] == [{"store_link": "tls"}, {}, {"store_link": "unix"}]
    assert [one.store_link for one in by_conditions(links("tcp", 'store_link = "unix"\n', OTHER))] == [
        "tcp",
        "unix",
    ]
    with pytest.raises(SuiteError, match=r"store_link: .*'unix', 'tcp' or 'tls'"):
        links("udp")


def test_where_no_store_has_tls_those_are_named_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is measured; nothing is measured in place of what was meant."""
    monkeypatch.setattr(preflight, "supports_tls", lambda: False)
    suite, [check] = preflight.without_missing_tls(links("tls", other=OTHER), "links.toml")
    assert [one.store_link for one in suite.scenarios] == [None]
    assert (check.check, check.status) == ("left out", "warning")
    assert "store_link=tls" in check.detail
    assert "redis-server" in check.detail
    with pytest.raises(SuiteError, match='every scenario has store_link = "tls"'):
        preflight.without_missing_tls(links("tls"), "links.toml")
    assert preflight.without_missing_tls(links("unix"), "links.toml")[1] == []


def test_where_a_store_has_tls_nothing_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is."""
    monkeypatch.setattr(preflight, "supports_tls", lambda: True)
    suite = links("tls", other=OTHER)
    assert preflight.without_missing_tls(suite, "links.toml") == (suite, [])


@pytest.mark.parametrize("of_suite", [False, True], ids=["of a scenario", "of the suite"])
def test_the_link_to_the_users_store_is_the_users(of_suite: bool) -> None:
    """Set in the URL; what the suite says would be a lie."""
    head = 'title = "Links"\narms = ["token"]\n'
    suite = parse(f'{head}store_link = "tls"\n{OTHER}', "x", "x.toml") if of_suite else links("tcp")
    with pytest.raises(SuiteError, match=r"store_link needs the embedded store"):
        preflight.check_store(suite, {}, "redis://127.0.0.1")
    preflight.check_store(suite, {}, None)


OWN = """
[own.cookie]
transport = "cookie"
command = "node server.js {port}"
environment = { HOST = "{redis_host}", PORT = "{redis_port}", PASSWORD = "{redis_password}" }
"""


@pytest.mark.parametrize(
    ("link", "url", "expected"),
    [
        (
            "unix",
            None,
            r'own\.cookie\.environment: .* need another store_link than "unix", which scenarios\[0\]',
        ),
        ("tcp", None, ""),
        ("tls", None, ""),
        ("unix", URL, ""),
        ("tcp", "redis+cluster://127.0.0.1", r"own\.cookie\.environment: .* need a --redis-url of a single"),
        ("tcp", "unix:///run/store", r"own\.cookie\.environment: .* need a --redis-url of a single"),
    ],
)
def test_servers_of_others_get_a_stores_parts_where_it_has_them(
    link: str, url: str | None, expected: str
) -> None:
    """And are refused before anything starts where it has none."""
    suite = links(link, other=OWN)
    if not expected:
        external.check_store(suite, "links.toml", url)
        return
    with pytest.raises(SuiteError, match=expected):
        external.check_store(suite, "links.toml", url)


def test_the_parts_of_a_store() -> None:
    """As clients take them: nothing is quoted in them, as it is in a URL."""
    values = external.store_values(URL)
    assert values == {
        "redis_url": URL,
        "redis_host": "store.example",
        "redis_port": "6380",
        "redis_password": "pa@ss",
    }
    assert external.store_values("rediss://one")["redis_port"] == "6379"
    assert external.store_values("unix:///run/store")["redis_host"] == ""
    [arm] = external.arms(links("tcp", other=OWN)).values()
    assert arm.scheme.store == "the run's store"


@pytest.mark.parametrize("name", ["redis_url", "redis_host", "redis_port", "redis_password"])
def test_a_stores_parts_are_in_no_command(name: str) -> None:
    """Everybody on the machine can read one."""
    with pytest.raises(SuiteError, match=rf"{{{name}}} belongs in environment"):
        links("tcp", other=OWN.replace("{port}", f"{{port}} {{{name}}}"))
