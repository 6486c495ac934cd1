"""What a scenario may want of servers and store: a real rig gives it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import get_args
from urllib.parse import urlsplit

import psutil
import pytest
import redis

from harness.analysis.stats import sweeps
from harness.errors import (
    BenchError,
    ConformanceError,
    EnvironmentFailedError,
    InvalidMeasurementError,
    SuiteError,
)
from harness.protocol.dialect import CONTRACT
from harness.results.environment import StoreLink
from harness.suites import catalog
from harness.suites.arms import arms_of_schemes
from harness.system import cpus as system_cpus
from harness.system.cpus import Placement
from harness.testbed import header_limit, seeding
from harness.testbed.client import ApiClient
from harness.testbed.cpu_clock import cpu_ns
from harness.testbed.launcher import ServerOptions
from harness.testbed.meters import ProcessMeter, StoreMeter
from harness.testbed.rig import Rig
from harness.testbed.store.server import StoreOptions
from tests import stores

PROFILE_BYTES = 4000
EXAMPLE = CONTRACT.accounts.example
USERS = 3


def rig_of(
    *arms: str,
    relayed: bool = True,
    redis_url: str | None = None,
    store_link: StoreLink = "tcp",
    with_tls: bool = False,
    profile_bytes: int = PROFILE_BYTES,
    placement: Placement | None = None,
    processes_each: int = 1,
) -> Rig:
    """One server of each, whose users have long profiles."""
    return Rig(
        arms_of_schemes(catalog.schemes()[arm] for arm in arms).values(),
        ServerOptions(users=USERS, processes_each=processes_each, profile_bytes=profile_bytes),
        placement=placement,
        store=StoreOptions(redis_url, link=store_link, with_tls=with_tls, relayed=relayed),
    )


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """A rig with all of it."""
    with rig_of("cookie", "token") as rig:
        yield rig


def logged_in(rig: Rig, arm: str, profile_bytes: int | None = PROFILE_BYTES) -> ApiClient:
    """A user of one arm, whose profile is as long as it should be, if that is said."""
    target = next(one.target for one in rig.instances if one.target.arm == arm)
    caller = ApiClient(target.host, target.port)
    reply = caller.log_in("load-1")
    assert reply.status == 200
    profile = reply.json["profile"]
    assert profile_bytes in (None, sum(len(value) for value in profile.values()))
    return caller


def test_long_profiles_are_carried(rig: Rig) -> None:
    """By a token all of it, by a session's cookie none; both are let in."""
    token, cookie = logged_in(rig, "token"), logged_in(rig, "cookie")
    assert len(token.token) > PROFILE_BYTES * 4 / 3
    assert len(cookie.cookie) < 100
    assert (token.read().status, cookie.read().status) == (200, 200)


def test_where_the_parser_ends_it() -> None:
    """A JWT that outgrows one header field is answered 400; the cookie of a session never grows."""
    with rig_of("cookie", "token", relayed=False, profile_bytes=6500) as rig:
        token, cookie = logged_in(rig, "token", 6500), logged_in(rig, "cookie", 6500)
        assert (token.read().status, cookie.read().status) == (400, 200)
        longest = header_limit.of_arms(rig, rig.instances)
    assert longest["cookie"] == sweeps.PROFILES_TRIED
    assert PROFILE_BYTES < longest["token"] < 6500


def test_the_longest_profile_is_found_to_the_byte() -> None:
    """One byte more is refused; the account is left as it was."""
    with rig_of("token", "token-cookie", relayed=False) as rig:
        longest = header_limit.of_arms(rig, rig.instances)
        assert longest == header_limit.of_arms(rig, rig.instances)
        for target in (one.target for one in rig.instances):
            [arm] = [arm for arm in rig.arms if arm.name == target.arm]
            caller = ApiClient(target.host, target.port)
            before = caller.log_in(EXAMPLE).json["profile"]
            with closing(sqlite3.connect(rig.launcher.accounts_of(arm))) as accounts:
                for more, expected in ((0, 200), (1, 400)):
                    rest = sum(len(value) for name, value in before.items() if name != "last_name")
                    name = "x" * (longest[target.arm] + more - rest)
                    with accounts:
                        accounts.execute(
                            "UPDATE accounts SET last_name = ? WHERE username = ?", (name, EXAMPLE)
                        )
                    assert caller.log_in(EXAMPLE).status == 200
                    assert caller.read().status == expected
                with accounts:
                    accounts.execute(
                        "UPDATE accounts SET last_name = ? WHERE username = ?", (before["last_name"], EXAMPLE)
                    )


def test_who_lets_nobody_in_has_no_longest_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is a fault, and no limit of a header."""
    monkeypatch.setattr(header_limit, "_can_read", lambda _: False)
    with (
        rig_of("token", relayed=False) as rig,
        pytest.raises(ConformanceError, match="token refuses a read even with the shortest"),
    ):
        header_limit.of_arms(rig, rig.instances)


def test_the_store_is_as_far_as_it_is_told(rig: Rig) -> None:
    """A round trip takes no less; servers go the same way."""
    rig.store.delay(30)
    assert rig.store.rtt_us(pings=3) >= 30_000
    rig.store.delay(0)
    before = StoreMeter(rig.store.client).read().commands
    assert logged_in(rig, "cookie").read().status == 200
    assert StoreMeter(rig.store.client).read().commands > before


def test_others_are_logged_in(rig: Rig) -> None:
    """As many as were asked for of each arm that remembers logins, each as large as a real one."""
    meter = StoreMeter(rig.store.client)
    logged_in(rig, "cookie")
    single = [
        int(rig.store.client.memory_usage(key) or 0)
        for key in rig.store.client.keys(f"{rig.launcher.prefix_of('cookie')}*")
    ]
    seeding.seed_sessions(rig, 12_345)
    keys = rig.store.client.keys(rig.launcher.prefix_of("cookie") + "*")
    assert rig.store.client.keys(rig.launcher.prefix_of("token") + "*") == []
    sessions = [key for key in keys if b":session:" in key]
    # Those of load-1 and of load-0, whose login was copied.
    assert len(sessions) >= 12_345 + 2
    assert {len(key) for key in sessions} == {len(sessions[0])}
    assert all(rig.store.client.ttl(key) > 0 for key in keys[:100])
    held = meter.memory(rig.launcher.prefix_of("cookie"))
    assert held == sum(int(rig.store.client.memory_usage(key) or 0) for key in keys)
    assert held >= 12_345 * min(single)
    assert meter.memory(rig.launcher.prefix_of("token")) == 0
    assert logged_in(rig, "cookie").read().status == 200


def test_several_processes_behind_each_port() -> None:
    """All on the servers' CPUs, all read: the one that was started only waits for those that serve."""
    cpus = (min(system_cpus.usable_cpus()),)
    with rig_of("cookie", relayed=False, placement=Placement(servers=cpus), processes_each=2) as rig:
        [instance] = rig.instances
        assert isinstance(instance.meter, ProcessMeter)
        first, *others = instance.pids
        assert (first, len(others)) == (instance.pid, 2)
        assert {psutil.Process(pid).cpu_affinity()[0] for pid in instance.pids} == set(cpus)
        callers = [logged_in(rig, "cookie", None) for _ in range(20)]
        before, supervisor_ns = instance.meter.cpu(), cpu_ns(first)
        assert {caller.read().status for caller in callers} == {200}
        used_ns = instance.meter.cpu().on_ns - before.on_ns
        assert used_ns > 10 * max(1, cpu_ns(first) - supervisor_ns)
        assert instance.meter.resident_bytes() > 2 * psutil.Process(first).memory_info().rss


@pytest.mark.parametrize("link", ["unix", "tcp", "tls"])
@pytest.mark.parametrize("relayed", [False, True])
def test_each_link_to_the_store(link: StoreLink, relayed: bool) -> None:
    """Sessions are kept by it, its costs are read, a relay delays it; who has no password gets nothing."""
    if link == "tls":
        stores.require_tls()
    with rig_of("cookie", store_link=link, relayed=relayed) as rig:
        scheme = {"unix": "unix", "tcp": "redis", "tls": "rediss"}[link]
        assert rig.store.servers_url.startswith(f"{scheme}://")
        meter = StoreMeter(*rig.store.nodes)
        caller = logged_in(rig, "cookie", None)
        before = meter.read().commands
        assert caller.read().status == 200
        assert meter.read().commands - before == 1
        if relayed:
            rig.store.delay(20)
            assert rig.store.rtt_us(5) >= 20_000
        if link != "unix":
            address = urlsplit(rig.store.url)
            assert address.hostname == "127.0.0.1"
            url = f"{address.scheme}://127.0.0.1:{address.port}/?{address.query}"
            with redis.Redis.from_url(url, protocol=2) as stranger, pytest.raises(redis.AuthenticationError):
                stranger.get("key")
            words = " ".join(word for one in psutil.Process().children() for word in one.cmdline())
            assert rig.store.secrets
            assert not [text for text in rig.store.secrets if text in words]


def test_the_same_program_serves_each_link_where_one_needs_tls() -> None:
    """Else a link would be compared with another by another store."""
    binary = stores.require_tls()
    found = set()
    for link in get_args(StoreLink):
        with rig_of("token", store_link=link, with_tls=True, relayed=False) as rig:
            assert rig.store.pid is not None
            found.add(psutil.Process(rig.store.pid).exe())
    assert found == {os.path.realpath(binary)}


def test_a_store_of_ones_own_cannot_be_moved_away(rig: Rig) -> None:
    """The relay leads to the embedded store only."""
    with pytest.raises(SuiteError, match=r"leave out --redis-url"), rig_of("cookie", redis_url=rig.store.url):
        pass


def test_a_relay_that_dies_is_named() -> None:
    """By whoever looks whether all is well, and by who measures through it; the store itself is well."""
    with rig_of("token") as rig:
        started = {one: " ".join(one.cmdline()) for one in psutil.Process().children()}
        [dead] = [one for one, line in started.items() if f"--control {rig.folder}" in line]
        dead.kill()
        psutil.wait_procs([dead], timeout=10)
        with pytest.raises(EnvironmentFailedError, match="the relay in front of the store died"):
            rig.check_alive()
        with pytest.raises(EnvironmentFailedError, match="stopped answering"):
            rig.store.rtt_us()
        assert rig.store.client.ping()


@pytest.mark.parametrize(
    ("victim", "words", "error"),
    [
        ("the store", "the session store died", ConformanceError("answered 503")),
        ("a server", "server cookie #0 died", InvalidMeasurementError("no report")),
    ],
)
def test_a_death_is_the_reason_of_what_failed_by_it(victim: str, words: str, error: BenchError) -> None:
    """The load may end first, of a login that the store's end made fail: the store is named, not the load."""

    def fail() -> None:
        with rig_of("cookie", relayed=False) as rig:
            pid = rig.store.pid if victim == "the store" else rig.instances[0].pid
            assert pid is not None
            dead = psutil.Process(pid)
            dead.kill()
            psutil.wait_procs([dead], timeout=10)
            raise error

    with pytest.raises(EnvironmentFailedError, match=words):
        fail()


def test_what_failed_while_all_lived_keeps_its_words() -> None:
    """Nobody is to blame for it who is well."""
    with pytest.raises(InvalidMeasurementError, match="no report"), rig_of("cookie", relayed=False):
        raise InvalidMeasurementError("no report")


def test_others_for_whom_there_is_no_room() -> None:
    """A store that must not grow says so; one that drops what it held is noticed."""
    with rig_of("cookie", relayed=False) as rig:
        used = int(rig.store.client.info("memory")["used_memory"])
        rig.store.client.config_set("maxmemory", used + 1_000_000)
        with pytest.raises(EnvironmentFailedError, match="did not accept 20,000 sessions"):
            seeding.seed_sessions(rig, 20_000)
        rig.store.client.config_set("maxmemory-policy", "allkeys-random")
        with pytest.raises(EnvironmentFailedError, match=r"(evicted some of|did not accept) 20,000 sessions"):
            seeding.seed_sessions(rig, 20_000)


def test_others_where_nobody_is_let_in(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then there is nothing to copy, and no population."""
    monkeypatch.setattr(seeding, "PASSWORD", "not that")
    with pytest.raises(ConformanceError, match="a login returned 401"):
        seeding.seed_sessions(rig, 10)
