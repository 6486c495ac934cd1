"""The stores that people run: by TLS, for restricted users, behind Sentinels, in a cluster; how they fail."""

import contextlib
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from servers import contract, schemes
from servers.__main__ import _redis_url
from servers.contract import Credentials
from servers.errors import UsageError
from servers.settings import Settings, new_secret
from servers.stores import urls
from servers.stores.connection import connect
from tests import stores
from tests.servers.client import Client
from tests.servers.process import Server, run_command
from tests.servers.test_outage import is_unavailable

KEEPING = [name for name in schemes.names() if schemes.load(name).ABOUT.promises.store != "none"]


@pytest.fixture(scope="module")
def stack() -> Iterator[contextlib.ExitStack]:
    """Ends the stores of this module."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> stores.Tls:
    """Certificates of this module's own."""
    return stores.Tls(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secured(
    stack: contextlib.ExitStack, tls: stores.Tls, tmp_path_factory: pytest.TempPathFactory
) -> stores.Plain:
    """A store that is reached by TLS, with a client's certificate, and by password."""
    stores.require_tls()
    folder = tmp_path_factory.mktemp("secured")
    return stores.Plain(stack, folder, "--requirepass", stores.PASSWORD, tls=tls)


@pytest.fixture(scope="module")
def cluster(stack: contextlib.ExitStack, tmp_path_factory: pytest.TempPathFactory) -> stores.Cluster:
    """A cluster with a password."""
    return stores.Cluster(stack, tmp_path_factory.mktemp("cluster"))


@pytest.fixture(scope="module")
def sentinel(stack: contextlib.ExitStack, tmp_path_factory: pytest.TempPathFactory) -> stores.Sentinel:
    """A master with a password behind a Sentinel with another."""
    return stores.Sentinel(stack, tmp_path_factory.mktemp("sentinel"))


@pytest.fixture(params=["secured", "sentinel", "cluster"])
def url(request: pytest.FixtureRequest) -> str:
    """Where a store of each kind is, for a user who may do no more than is needed."""
    store = request.getfixturevalue(request.param)
    if request.param == "sentinel":
        return str(store.url)
    return stores.restricted(store)


Start = Callable[..., Server]


@pytest.fixture
def start(accounts_file: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts servers of schemes on a store; they end well and log nothing, whatever happens."""
    running: list[Server] = []

    def begin(scheme: str, url: str) -> Server:
        log = tmp_path / f"{len(running)}.log"
        server = Server(scheme, "--accounts", str(accounts_file), log=log, env={"REDIS_URL": url})
        running.append(server)
        return server

    yield begin
    codes = [server.stop() for server in running]
    assert [server.errors for server in running] == [""] * len(running)
    assert codes == [0] * len(running)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", KEEPING)
def test_every_scheme_on_every_store(
    start: Start, scheme: str, url: str, account: Credentials, new_account: Callable[[], Credentials]
) -> None:
    """Log in, read, write, log out, change the password, be revoked: all as the scheme promises."""
    if scheme == "cookie-stock":
        if "cluster" in url:
            pytest.skip("refuses a cluster")
        url = url.replace("127.0.0.1:1,", "")  # redis-py by itself takes long to ask the next
    promises = schemes.load(scheme).ABOUT.promises
    server = start(scheme, url)
    caller, other, admin = (Client(server.port) for _ in range(3))
    assert caller.get(contract.HEALTH).status == 200
    login = caller.log_in(account)
    assert login.status == 200
    assert caller.get(contract.RESTRICTED).json["name"] == login.json["profile"]["first_name"]
    written = caller.post(contract.EMAIL, {"email": "new@example.org"})
    assert written.json["profile"]["email"] == "new@example.org"
    if scheme == "token-refresh":
        renewed = caller.post(contract.REFRESH, {"refresh_token": login.json["refresh_token"]})
        assert renewed.status == 200
        caller.token = renewed.json["token"]
    assert other.log_in(account).status == 200
    thief = other.thief()
    assert other.post(contract.LOGOUT).status == 204
    assert thief.get(contract.RESTRICTED).status == (401 if promises.logout == "at once" else 200)
    assert caller.get(contract.RESTRICTED).status == 200
    thief = caller.thief()
    assert caller.post(contract.PASSWORD, {"old": "foobar", "new": "correct horse"}).status == 204
    assert thief.get(contract.RESTRICTED).status == (401 if promises.password_change == "at once" else 200)
    many, revoked = new_account(), [Client(server.port) for _ in range(5)]
    assert [one.log_in(many).status for one in revoked] == [200] * 5
    assert admin.log_in(contract.EXAMPLE_ADMIN).status == 200
    path = contract.ADMIN_ACCOUNT.format(username=many.username)
    assert admin.post(path, {"revoke": True}).status == 204
    expected = 401 if promises.block == "at once" else 200
    assert [one.get(contract.RESTRICTED).status for one in revoked] == [expected] * 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", [stores.Sentinel, stores.Cluster])
def test_several_nodes_by_tls(
    start: Start,
    kind: type[stores.Sentinel | stores.Cluster],
    stack: contextlib.ExitStack,
    tls: stores.Tls,
    tmp_path: Path,
) -> None:
    """Sentinels and clusters are reached by TLS as well; by another authority they are not."""
    stores.require_tls()
    url = kind(stack, tmp_path, tls=tls).url
    client = Client(start("cookie", url).port)
    assert client.log_in(contract.EXAMPLE).status == 200
    assert client.get(contract.RESTRICTED).status == 200
    refused = run_command("cookie", "--port", "0", env={"REDIS_URL": url.replace("/ca.pem", "/other-ca.pem")})
    assert (refused.returncode, "refuses" in refused.stderr) == (3, True)


@pytest.mark.slow
def test_who_shows_another_certificate_is_no_store_of_ours(secured: stores.Plain, tls: stores.Tls) -> None:
    """Another authority's, another host's; and none of one's own where that is asked for: each is told."""
    wrong = {
        secured.url.replace(str(tls.authority), str(tls.stranger)): "certificate verify failed",
        secured.url.replace("127.0.0.1", "localhost"): "certificate",
        secured.url.partition("&ssl_certfile")[0]: "",
    }
    for url, why in wrong.items():
        done = run_command("cookie", "--port", "0", env={"REDIS_URL": url})
        assert done.returncode == 3, url
        assert "refuses" in done.stderr
        assert why in done.stderr
        assert stores.PASSWORD not in done.stderr
        assert stores.QUOTED not in done.stderr


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("rediss://:hush@127.0.0.1/0?ssl_ca_certs=/nowhere/ca.pem", "TLS"),
        ("rediss+cluster://:hush@127.0.0.1?ssl_ca_certs=/nowhere/ca.pem", "TLS"),
        ("redis://:hush@127.0.0.1/0?ssl_ca_cert=ca.pem", "'ssl_ca_cert'"),
        ("redis+sentinel://:hush@127.0.0.1/name?sentinel_pass=hush", "'pass'"),
        ("redis+cluster://:hush@127.0.0.1?hush=hush", "'hush'"),
        ("redis+sentinel://:hush@127.0.0.1", "cannot be read"),
        ("redis+cluster://:hush@127.0.0.1/1", "cannot be read"),
        ("redis+cluster://:hush@", "cannot be read"),
        ("sentinel://:hush@127.0.0.1/name", "cannot be read"),
        ("redis://:hush#hush@127.0.0.1:6379/0", "write # as %23"),
        ("redis://:hush/hush@127.0.0.1:6379", "/ as %2F"),
        ("redis://:hush?hush@127.0.0.1:6379", "? as %3F"),
        ("rediss://user:12/34@127.0.0.1:6379", "/ as %2F"),
        ("redis://user:12?34@127.0.0.1:6379", "? as %3F"),
        ("redis+sentinel://:hush#hush@127.0.0.1/name", "write # as %23"),
        ("redis+cluster://user:12/hush@127.0.0.1", "/ as %2F"),
    ],
)
def test_what_cannot_be_a_store_is_said(url: str, why: str) -> None:
    """By a sentence that names what is wrong, but no password."""
    with pytest.raises(UsageError) as error:
        connect(url)
    assert why in str(error.value)
    assert "hush@" not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:p%23%2F%3F%40@127.0.0.1:6379/0",
        "rediss://127.0.0.1/0?ssl_ca_certs=/home/me@work/ca.pem",
        "unix:///run/a@b/store",
        "unix://:hush@/run/a?b",
    ],
)
def test_an_at_sign_elsewhere_is_no_mistake(url: str) -> None:
    """A password that is escaped, and an @ in a path, are what they are."""
    urls.check_password(url)


def test_nor_at_a_database() -> None:
    """The same mistake in the URL of the database is met with the same sentence."""
    settings = Settings(
        Path("accounts"), (new_secret(),), lookup_url="postgresql://me:hush#hush@127.0.0.1/db"
    )
    with pytest.raises(UsageError, match="LOOKUP_URL cannot be read: in a password write # as %23"):
        schemes.load("token-lookup").build("token-lookup", settings)


def test_no_other_host_is_tried(accounts_file: Path) -> None:
    """The part of a password before a / is never taken for a host: nobody else gets a connection."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        url = f"redis://127.0.0.1:{port}/rest-of-the-password@store.test:6379"
        done = run_command("cookie", "--json", "--accounts", str(accounts_file), env={"REDIS_URL": url})
        assert (done.returncode, "%2F" in done.stderr) == (2, True)
        other.settimeout(0)
        with pytest.raises(BlockingIOError):
            other.accept()


def test_a_cluster_is_none_for_the_stock_storage() -> None:
    """It says so before it serves anyone."""
    settings = Settings(Path("accounts"), (bytes(32),), "redis+cluster://127.0.0.1")
    with pytest.raises(UsageError, match="cookie-stock cannot use a cluster"):
        schemes.load("cookie-stock").build("cookie-stock", settings)


def test_a_password_of_sentinels_is_none_for_a_command_line() -> None:
    """No more than the store's own."""
    url = "redis+sentinel://127.0.0.1/name?sentinel_password=hush"
    done = run_command("cookie", "--port", "0", "--redis-url", url)
    assert (done.returncode, "command line" in done.stderr) == (2, True)


def test_the_url_may_lie_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As every secret may; what is said on the command line goes before."""
    (tmp_path / "url").write_text("redis://:hush@a\n")
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path / "url"))
    with contextlib.ExitStack() as nothing:
        assert _redis_url(nothing, None) == "redis://:hush@a"
        assert _redis_url(nothing, "redis://b") == "redis://b"


def test_urls_of_several_nodes() -> None:
    """Hosts with and without ports, of version 6 of IP too; what is quoted; whose each option is."""
    read = urls.parse(
        "rediss+sentinel://me:p%40ss@a,[::1]:5,c:6/auth/3?ssl_ca_certs=/ca&sentinel_password=x%2Fy&max_connections=7"
    )
    assert read == urls.Nodes(
        "sentinel",
        [("a", 26379), ("::1", 5), ("c", 6)],
        "auth",
        {
            "username": "me",
            "password": "p@ss",
            "db": 3,
            "ssl": True,
            "ssl_ca_certs": "/ca",
            "max_connections": 7,
        },
        {"ssl": True, "ssl_ca_certs": "/ca", "password": "x/y"},
    )
    assert urls.parse("REDIS+CLUSTER://a:1") == ("cluster", [("a", 1)], "", {}, {})
    assert urls.parse("redis://a:1") is None
    shown = urls.shown("redis+sentinel://me:secret@a:1,b:2/auth?sentinel_password=secret")
    assert shown == "redis+sentinel://a:1,b:2/auth"
    assert urls.shown("unix:///run/store?password=secret") == "unix:///run/store"


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_failover(start: Start, tmp_path: Path, how: signal.Signals) -> None:
    """A master dies, or hangs: 503 until its replica is master, nothing else, and nobody is logged out."""
    with contextlib.ExitStack() as stack:
        store = stores.Sentinel(stack, tmp_path / "stores")
        clients = {}
        for scheme in ("cookie", "token-denylist"):
            port = start(scheme, store.url).port
            clients[scheme] = Client(port), Client(port)
        ended = {}
        for scheme, (caller, other) in clients.items():
            assert [one.log_in(contract.EXAMPLE).status for one in (caller, other)] == [200, 200]
            ended[scheme] = other.thief()
            assert other.post(contract.LOGOUT).status == 204
        assert store.master.client().wait(1, 5000) == 1  # the replica has it all
        store.master.process.send_signal(how)
        assert is_unavailable(clients["cookie"][0].get(contract.RESTRICTED))
        for caller, _ in clients.values():
            await_service(caller)
        assert store.master_port() == store.replica.port
        for scheme, (caller, other) in clients.items():
            assert ended[scheme].get(contract.RESTRICTED).status == 401
            assert other.log_in(contract.EXAMPLE).status == 200
            assert caller.post(contract.LOGOUT).status == 204
            assert other.get(contract.RESTRICTED).status == 200
        if how == signal.SIGSTOP:
            store.master.process.send_signal(signal.SIGCONT)
        else:
            store.master.process.wait()
            store.master.start()
        follows(store)
        for _, other in clients.values():
            assert other.get(contract.RESTRICTED).status == 200


def await_service(caller: Client) -> None:
    """Return once a caller is served; until then the answer is 503, and within a minute."""
    deadline = time.monotonic() + 60
    while (answer := caller.get(contract.RESTRICTED)).status != 200:
        assert is_unavailable(answer)
        assert time.monotonic() < deadline


def follows(store: stores.Sentinel) -> None:
    """Return once the old master is the new one's replica."""
    stores.until(
        lambda: store.master.client().info("replication")["role"] == "slave", "it was not made a replica", 60
    )


def holder(cluster: stores.Cluster, key: str) -> int:
    """Which node of a cluster has a key's slot; its number."""
    client: Any = cluster.nodes[0].client()
    slot = client.execute_command("CLUSTER", "KEYSLOT", key)
    return next(number for number, slots in enumerate(cluster.slots) if slot in slots)


@pytest.mark.slow
def test_a_slot_moves_under_use(start: Start, tmp_path: Path) -> None:
    """To a node half-way, and for good: every key is found, and every change gets to where its slot is."""
    with contextlib.ExitStack() as stack:
        cluster = stores.Cluster(stack, tmp_path / "stores")
        server = start("opaque-bearer", cluster.url)
        caller, second, third = (Client(server.port) for _ in range(3))
        assert caller.log_in(contract.EXAMPLE).status == 200
        clients: list[Any] = [node.client() for node in cluster.nodes]
        for key in [key.decode() for client in clients for key in client.keys("*")]:
            with half_moved(cluster, key):
                assert caller.get(contract.RESTRICTED).status == 200
                assert caller.post(contract.EMAIL, {"email": "john@doe.com"}).status == 200
                assert second.log_in(contract.EXAMPLE).status == 200
                assert second.get(contract.RESTRICTED).status == 200
            assert caller.get(contract.RESTRICTED).status == 200
            assert caller.post(contract.EMAIL, {"email": "john@doe.com"}).status == 200
            assert third.log_in(contract.EXAMPLE).status == 200
        admin = Client(server.port)
        admin.log_in(contract.EXAMPLE_ADMIN)
        path = contract.ADMIN_ACCOUNT.format(username=contract.EXAMPLE.username)
        assert admin.post(path, {"revoke": True}).status == 204
        assert [one.get(contract.RESTRICTED).status for one in (caller, second, third)] == [401] * 3


@contextlib.contextmanager
def half_moved(cluster: stores.Cluster, key: str) -> Iterator[None]:
    """A key has gone to the next node; its slot goes there when the context ends."""
    source = holder(cluster, key)
    target = (source + 1) % stores.NODES
    clients: list[Any] = [node.client() for node in cluster.nodes]
    ids = [client.execute_command("CLUSTER", "MYID").decode() for client in clients]
    slot = clients[0].execute_command("CLUSTER", "KEYSLOT", key)
    clients[target].execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
    clients[source].execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
    to = ("127.0.0.1", cluster.nodes[target].port, key, 0, 5000, "AUTH", stores.PASSWORD)
    assert clients[source].execute_command("MIGRATE", *to) == b"OK"
    yield
    for client in (clients[target], clients[source]):
        client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", ids[target])


@pytest.mark.slow
def test_a_node_of_a_cluster_dies_and_returns(start: Start, tmp_path: Path) -> None:
    """503 meanwhile, and nobody gets in; it serves again by itself, less what the node held."""
    with contextlib.ExitStack() as stack:
        cluster = stores.Cluster(stack, tmp_path / "stores")
        server = start("cookie", cluster.url)
        callers = [Client(server.port) for _ in range(12)]
        assert {caller.log_in(contract.EXAMPLE).status for caller in callers} == {200}
        gone = cluster.nodes[1]
        held = len(gone.client().keys("*:session:*"))
        assert 0 < held < len(callers)
        gone.stop()
        stores.until(
            lambda: is_unavailable(callers[0].get(contract.HEALTH)), "it is served as if nothing were"
        )
        answers = [caller.get(contract.RESTRICTED) for caller in callers]
        assert all(answer.status == 200 or is_unavailable(answer) for answer in answers)
        assert sum(is_unavailable(answer) for answer in answers) >= held
        gone.start()
        stores.until(cluster.is_whole, "the cluster does not come back", 60)
        assert callers[0].get(contract.HEALTH).status == 200
        statuses = [caller.get(contract.RESTRICTED).status for caller in callers]
        assert sorted(statuses) == [200] * (len(callers) - held) + [401] * held
        assert callers[0].log_in(contract.EXAMPLE).status == 200


@pytest.mark.slow
def test_a_replica_takes_over_in_a_cluster(start: Start, tmp_path: Path, account: Credentials) -> None:
    """503 until it does, nothing else, and nobody is logged out."""
    with contextlib.ExitStack() as stack:
        cluster = stores.Cluster(stack, tmp_path / "stores", replicated=True)
        server = start("cookie", cluster.url)
        callers = [Client(server.port) for _ in range(12)]
        assert {caller.log_in(account).status for caller in callers} == {200}
        dying = cluster.nodes[1]
        assert len(dying.client().keys("*:session:*")) > 0
        assert dying.client().wait(1, 5000) == 1  # the replica has it all
        dying.stop()
        assert any(is_unavailable(caller.get(contract.RESTRICTED)) for caller in callers)
        for caller in callers:
            await_service(caller)
        assert callers[0].get(contract.HEALTH).status == 200
        assert callers[0].post(contract.PASSWORD, {"old": "foobar", "new": "correct horse"}).status == 204
        assert [caller.get(contract.RESTRICTED).status for caller in callers] == [200] + [401] * 11
