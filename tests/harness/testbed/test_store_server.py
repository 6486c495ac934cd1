"""A private store that dies: whatever fails first because of it, the store is what is named."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest
import redis

from harness.errors import BenchError, EnvironmentFailedError
from harness.system.cpus import Placement
from harness.testbed.meters import StoreMeter
from harness.testbed.store.server import SessionStore, StoreOptions


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SessionStore]:
    """One that answers."""
    one = SessionStore(tmp_path_factory.mktemp("s"), Placement(), StoreOptions())
    one.start()
    yield one
    one.close("")


def crash(store: SessionStore) -> None:
    """End it as something else on the machine would, without waiting for its end."""
    assert store.pid is not None
    os.kill(store.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.rtt_us(),
        lambda store: StoreMeter(*store.nodes).read(),
        lambda store: StoreMeter(*store.nodes).memory("some:"),
        lambda store: store.client.info("server"),
    ],
    ids=["the round trip", "the counters", "the memory", "its version"],
)
def test_what_fails_as_it_dies_names_its_death(
    store: SessionStore, ask: Callable[[SessionStore], object]
) -> None:
    """Hanging up comes first, and the end of the process a moment later."""
    crash(store)
    with pytest.raises((BenchError, redis.RedisError)) as failed:
        ask(store)
    with pytest.raises(EnvironmentFailedError, match="the session store died with exit code -9"):
        store.check_behind(failed.value)


def test_another_failure_is_not_laid_at_its_door(store: SessionStore) -> None:
    """What has nothing to do with a store keeps its own words."""
    crash(store)
    store.check_behind(ValueError("of something else"))
    store.check_behind(None)


def test_one_that_an_incident_killed_did_not_die(store: SessionStore) -> None:
    """What an incident does itself is no accident."""
    store.kill()
    with pytest.raises(EnvironmentFailedError, match="stopped answering") as failed:
        store.rtt_us()
    store.check_behind(failed.value)


@pytest.mark.parametrize("protocol", [2, 3])
def test_opening_a_connection_is_no_command_of_a_request(store: SessionStore, protocol: int) -> None:
    """A pool that grows within a slot says HELLO, CLIENT and SELECT; what is asked for then is counted."""
    meter = StoreMeter(*store.nodes)
    before = meter.read().commands
    for asked in (1, 2, 3):
        with redis.Redis.from_url(store.url, protocol=protocol, db=1, client_name="one") as client:
            client.get("key")
        assert meter.read().commands - before == asked
