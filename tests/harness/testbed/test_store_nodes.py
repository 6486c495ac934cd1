"""A store of the user's own that is several: what the harness reads of it, leaves in it, and tells of it."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import MovedError

from harness.doctor.checks import store as store_check
from harness.errors import EnvironmentFailedError, SuiteError
from harness.suites import catalog
from harness.suites.arms import arms_of_schemes
from harness.system.cpus import Placement
from harness.system.secret import without_passwords
from harness.testbed import seeding
from harness.testbed.client import ApiClient
from harness.testbed.launcher import ServerOptions
from harness.testbed.meters import StoreMeter
from harness.testbed.rig import Rig
from harness.testbed.store import nodes as store_nodes
from harness.testbed.store.server import SessionStore, StoreOptions
from tests import stores

ROOT = Path(__file__).parents[3]
READS = 20


@pytest.fixture(scope="module", params=[stores.Sentinel, stores.Cluster])
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[stores.Sentinel | stores.Cluster]:
    """One of each kind."""
    with contextlib.ExitStack() as stack:
        yield request.param(stack, tmp_path_factory.mktemp("stores"))


def clients_of(store: stores.Sentinel | stores.Cluster) -> list[Any]:
    """Of each node that holds keys."""
    nodes = [store.master] if isinstance(store, stores.Sentinel) else store.nodes
    return [node.client() for node in nodes]


@pytest.mark.slow
def test_a_rig_on_it(store: stores.Sentinel | stores.Cluster) -> None:
    """Commands, memory and round trips are of all nodes; afterwards its own keys are gone from all."""
    clients = clients_of(store)
    for client in clients:
        for number in range(10):
            with contextlib.suppress(MovedError):  # each node of a cluster takes some
                client.set(f"mine:{number}", 1)
    mine = sum(client.dbsize() for client in clients)
    assert mine == 10
    url = store.url
    if isinstance(store, stores.Cluster):
        url = stores.restricted(store, stores.OF_THE_HARNESS)
    arms = arms_of_schemes(catalog.schemes()[name] for name in ("cookie", "token-denylist")).values()
    with Rig(
        arms,
        ServerOptions(users=4),
        store=StoreOptions(url),
    ) as rig:
        assert stores.PASSWORD not in rig.store.source
        assert stores.QUOTED not in rig.store.source
        assert rig.store.source.startswith(("redis+sentinel://127", "redis+cluster://127"))
        meter = StoreMeter(*rig.store.nodes)
        callers = [ApiClient(one.target.host, one.target.port) for one in rig.instances for _ in range(4)]
        for number, caller in enumerate(callers):
            assert caller.log_in(f"load-{number % 4}").status == 200
        before = meter.read()
        for _ in range(READS):
            for caller in callers:
                assert caller.read().status == 200
        assert meter.spent(before, meter.read())[1] == READS * len(callers)
        keys = [
            (client, key) for client in clients for key in client.keys(rig.launcher.prefix_of("cookie") + "*")
        ]
        assert len(keys) == 2 * 4  # a session of each, and an account
        assert meter.memory(rig.launcher.prefix_of("cookie")) == sum(
            one.memory_usage(key) for one, key in keys
        )
        assert rig.store.rtt_us(pings=3) > 0
        assert rig.store.run_ids() == [one.info("server")["run_id"] for one in clients]
        if len(clients) > 1:
            assert all(client.dbsize() for client in clients)
            with pytest.raises(SuiteError, match="one node"):
                seeding.seed_sessions(rig, 5)
    assert sum(client.dbsize() for client in clients) == mine


def test_another_life_of_the_store_is_seen(tmp_path: Path) -> None:
    """A restart in mid-measurement, of which a failover is one kind; without one it is the same life."""
    with contextlib.ExitStack() as stack:
        plain_store = stores.Plain(stack, tmp_path, "--requirepass", stores.PASSWORD)
        store = SessionStore(tmp_path, Placement(), StoreOptions(plain_store.url))
        store.start()
        first = store.run_ids()
        assert store.run_ids() == first
        [node] = plain_store.nodes
        node.stop()
        with pytest.raises(EnvironmentFailedError, match="stopped answering"):
            store.run_ids()
        node.start()
        stores.until(node.client().ping, "it does not come back")
        assert store.run_ids() != first
        store.close("cookies-vs-tokens:")


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://:s3cret@127.0.0.1:1/name?sentinel_password=s3cret",
        "redis+cluster://:s3cret@127.0.0.1:1",
        "unix:///nowhere/store?password=s3cret",
    ],
)
def test_nobody_there(url: str) -> None:
    """Who starts a rig is told where nobody answered, and so is the doctor; neither tells the password."""
    with (
        pytest.raises(EnvironmentFailedError, match="no answer from the store at") as error,
        Rig(
            [],
            ServerOptions(users=1),
            store=StoreOptions(url),
        ),
    ):
        pass
    told = store_check.store(url)
    assert told.concern == "blocker"
    assert "s3cret" not in f"{error.value} {told}"


@pytest.mark.parametrize(
    "url",
    [
        "redis://me:s3cret/x@host",
        "redis://:s3cret@host?s3cret=1",
        "redis+cluster://:s3cret@h/1",
        "rediss+sentinel://:s3cret@h?s3cret=1",
    ],
)
def test_a_url_that_cannot_be_read(url: str) -> None:
    """What it looks like is said, and nothing of it."""
    with pytest.raises(SuiteError, match=r"redis\+cluster://host") as error:
        store_nodes.connect(url, 1)
    assert "s3cret" not in str(error.value)


def test_a_recorded_command_holds_no_password() -> None:
    """Neither before the host nor among the options; a suite's addresses stay."""
    command = [
        "run",
        "redis://me:s3cret@host:1/0",
        "--redis-url=redis+sentinel://a,b/name?sentinel_password=s3@cret",
        "unix:///run/store?password=s3cret",
        "http://127.0.0.1:8000/",
    ]
    assert without_passwords(command) == [
        "run",
        "redis://…@host:1/0",
        "--redis-url=redis+sentinel://…",
        "unix://…",
        "http://127.0.0.1:8000/",
    ]


@pytest.mark.slow
def test_a_run_on_a_cluster_keeps_its_password_to_itself(tmp_path: Path) -> None:
    """It measures; what it says and what it writes hold no password, and no key is left."""
    with contextlib.ExitStack() as stack:
        store = stores.Cluster(stack, tmp_path / "stores")
        command = [sys.executable, str(ROOT / "bench.py"), "run", "smoke", "--out", "run"]
        done = subprocess.run(
            [*command, "--redis-url", store.url], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 12), done.stdout + done.stderr
        assert sum(client.dbsize() for client in clients_of(store)) == 0
    written = b"".join(path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file())
    assert b"redis+cluster://127.0.0.1" in written
    for secret in (stores.PASSWORD, stores.QUOTED):
        assert secret.encode() not in written
        assert secret not in done.stdout + done.stderr
