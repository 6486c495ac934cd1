"""Real stores of every kind that the servers can use: by password, by TLS, behind Sentinels, in a cluster."""

import contextlib
import functools
import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
import trustme
from redis.backoff import NoBackoff
from redis.retry import Retry

from servers.embedded_store import find_binary

PASSWORD = "pa:ss/w@rd"
#: The same, as a URL has it.
QUOTED = "pa%3Ass%2Fw%40rd"

START_TIMEOUT_S = 20.0
NODES = 3


def free_port() -> int:
    """A port of the loopback interface that nobody has now."""
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


def until(true: Callable[[], Any], what: str, seconds: float = START_TIMEOUT_S) -> None:
    """Return once `true` is; an exception of the store counts as not yet."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(redis.RedisError, OSError):
            if true():
                return
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@functools.cache
def tls_binary() -> str | None:
    """A store's program that was built with TLS, or None; the packaged one was not."""
    return find_binary(with_tls=True)


def require_tls() -> str:
    """A store's program with TLS; skips the test where there is none, unless that is said to be wrong."""
    binary = tls_binary()
    if binary is None:
        missing = "no store with TLS is installed (Debian: apt-get install redis-server)"
        assert not os.environ.get("REQUIRE_TLS_STORE"), missing
        pytest.skip(missing)
    return binary


class Tls:
    """Certificates of a test's own: an authority, the store's, and a client's."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        self.authority, self.stranger = folder / "ca.pem", folder / "other-ca.pem"
        authority.cert_pem.write_to_path(str(self.authority))
        trustme.CA().cert_pem.write_to_path(str(self.stranger))
        self.client, self.server = folder / "client.pem", folder / "server.pem"
        authority.issue_cert("client@example.org").private_key_and_cert_chain_pem.write_to_path(
            str(self.client)
        )
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(self.server))

    @property
    def served(self) -> list[str]:
        """Arguments of a store that shows the certificate and asks for the client's."""
        files = {"cert": self.server, "key": self.server, "ca-cert": self.authority}
        return [word for name, path in files.items() for word in (f"--tls-{name}-file", str(path))]

    @property
    def options(self) -> str:
        """What a URL says of it."""
        return f"ssl_ca_certs={self.authority}&ssl_certfile={self.client}&ssl_keyfile={self.client}"


class Node:
    """One store process, at a port of its own."""

    def __init__(
        self,
        stack: contextlib.ExitStack,
        folder: Path,
        *arguments: str,
        tls: Tls | None = None,
        first: str = "",
    ) -> None:
        self.folder, self.tls, self.port = folder, tls, free_port()
        folder.mkdir(parents=True, exist_ok=True)
        binary = find_binary() if tls is None else require_tls()
        assert binary is not None
        where = ["--port", str(self.port)]
        if tls is not None:
            where = ["--port", "0", "--tls-port", str(self.port), *tls.served]
        common = ["--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no"]
        self._command = [binary, *([first] if first else []), *where, *common, *arguments]
        self.start()
        stack.callback(self.stop)

    def start(self) -> None:
        """Start it, empty."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self._command, stdout=log, stderr=log)

    def stop(self) -> None:
        """End it at once, as a crash would."""
        self.process.kill()
        self.process.wait()

    def client(self, user: str | None = None, password: str | None = PASSWORD) -> "redis.Redis":
        """A connection of the test's own, which is not tried twice."""
        secure: dict[str, Any] = {}
        if self.tls is not None:
            pair = str(self.tls.client)
            ca = str(self.tls.authority)
            secure = {"ssl": True, "ssl_ca_certs": ca, "ssl_certfile": pair, "ssl_keyfile": pair}
        return redis.Redis(
            port=self.port,
            host="127.0.0.1",
            username=user,
            password=password,
            protocol=2,
            socket_timeout=5,
            retry=Retry(NoBackoff(), 0),
            **secure,
        )


class Plain:
    """One store."""

    def __init__(
        self, stack: contextlib.ExitStack, folder: Path, *arguments: str, tls: Tls | None = None
    ) -> None:
        self.nodes = [Node(stack, folder, *arguments, tls=tls)]
        until(lambda: self.nodes[0].client().ping(), "the store does not answer")

    @property
    def url(self) -> str:
        """Where it is."""
        (node,) = self.nodes
        secure = ("rediss", f"?{node.tls.options}") if node.tls else ("redis", "")
        return f"{secure[0]}://:{QUOTED}@127.0.0.1:{node.port}/0{secure[1]}"


class Sentinel:
    """A master, its replica, and a Sentinel that puts the one in the other's place."""

    NAME = "auth-store"
    SENTINEL_PASSWORD = "another"

    def __init__(self, stack: contextlib.ExitStack, folder: Path, tls: Tls | None = None) -> None:
        secret = ["--requirepass", PASSWORD, "--masterauth", PASSWORD, "--repl-diskless-sync-delay", "0"]
        replicated = ["--tls-replication", "yes"] if tls else []
        self.master = Node(stack, folder / "master", *secret, *replicated, tls=tls)
        until(lambda: self.master.client().ping(), "the master does not answer")
        of_master = ["--replicaof", "127.0.0.1", str(self.master.port)]
        self.replica = Node(stack, folder / "replica", *secret, *replicated, *of_master, tls=tls)
        until(
            lambda: self.replica.client().info("replication")["master_link_status"] == "up",
            "the replica does not follow",
        )
        # It asks once a second: within less, a master that it has just made may be taken for dead.
        config = folder / "sentinel.conf"
        config.write_text(
            f"sentinel monitor {self.NAME} 127.0.0.1 {self.master.port} 1\n"
            f'sentinel auth-pass {self.NAME} "{PASSWORD}"\n'
            f"sentinel down-after-milliseconds {self.NAME} 2000\n"
            f"sentinel failover-timeout {self.NAME} 3000\n"
            f"requirepass {self.SENTINEL_PASSWORD}\n"
        )
        self.sentinel = Node(
            stack, folder / "sentinel", "--sentinel", *replicated, tls=tls, first=str(config)
        )
        self.nodes = [self.master, self.replica, self.sentinel]
        until(lambda: self._state()["num-slaves"] == 1, "the Sentinel does not know the replica")

    def _state(self) -> Any:
        client: Any = self.sentinel.client(password=self.SENTINEL_PASSWORD)
        return client.sentinel_masters()[self.NAME]

    def master_port(self) -> int:
        """The port of whom the Sentinel takes for the master."""
        return int(self._state()["port"])

    @property
    def url(self) -> str:
        """Where it is; nobody is at the first of the Sentinels named."""
        tls = self.sentinel.tls
        options = f"sentinel_password={self.SENTINEL_PASSWORD}" + (f"&{tls.options}" if tls else "")
        hosts = f"127.0.0.1:1,127.0.0.1:{self.sentinel.port}"
        return f"{'rediss' if tls else 'redis'}+sentinel://:{QUOTED}@{hosts}/{self.NAME}/0?{options}"


class Cluster:
    """Three masters, a third of the slots each; the last node is a replica of the second where asked for."""

    def __init__(
        self,
        stack: contextlib.ExitStack,
        folder: Path,
        tls: Tls | None = None,
        *,
        replicated: bool = False,
    ) -> None:
        self.nodes = []
        buses = [free_port() for _ in range(NODES + replicated)]
        for number, bus in enumerate(buses):
            arguments = ["--requirepass", PASSWORD, "--masterauth", PASSWORD, "--cluster-enabled", "yes"]
            arguments += ["--cluster-node-timeout", "1000", "--cluster-port", str(bus)]
            arguments += ["--tls-cluster", "yes"] if tls else []
            arguments += ["--repl-diskless-sync-delay", "0"]
            self.nodes.append(Node(stack, folder / str(number), *arguments, tls=tls))
        clients: list[Any] = [node.client() for node in self.nodes]
        for number, client in enumerate(clients):
            until(client.ping, "a node does not answer")
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        self.slots = [range(16384 * n // NODES, 16384 * (n + 1) // NODES) for n in range(NODES)]
        for client, slots in zip(clients, self.slots, strict=False):
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", slots[0], slots[-1])
        for node, bus in zip(self.nodes, buses, strict=True):
            clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", node.port, bus)
        until(self.is_whole, "the cluster does not come about")
        if replicated:
            name = clients[1].execute_command("CLUSTER", "MYID").decode()
            until(lambda: clients[-1].execute_command("CLUSTER", "REPLICATE", name), "it is not known yet")
            until(
                lambda: clients[1].info("replication")["connected_slaves"] == 1, "the replica does not follow"
            )
            until(lambda: clients[-1].info("replication")["master_link_status"] == "up", "nor is it ready")

    def is_whole(self) -> bool:
        """Whether every node knows an owner of every slot, and of all nodes."""
        for node in self.nodes:
            client: Any = node.client()
            info = client.execute_command("CLUSTER INFO")
            if (info["cluster_state"], int(info["cluster_known_nodes"])) != ("ok", len(self.nodes)):
                return False
        return True

    @property
    def url(self) -> str:
        """Where it is; nobody is at the first of the nodes named."""
        tls = self.nodes[0].tls
        hosts = ",".join(f"127.0.0.1:{port}" for port in [1, *(node.port for node in self.nodes)])
        return f"{'rediss' if tls else 'redis'}+cluster://:{QUOTED}@{hosts}" + (
            f"?{tls.options}" if tls else ""
        )


Store = Plain | Sentinel | Cluster


#: All that docs/stores.md allows a user of the servers' own.
COMMANDS = (
    "+ping +get +getex +getdel +set +exists +del +zadd +zrem +zrange +zremrangebyscore +expireat +hset "
    "+hmget +multi +exec +evalsha +script|load"
)
OF_A_CLUSTER = "+cluster|slots +command"
OF_THE_HARNESS = "+info +scan +unlink +memory|usage"


def restricted(store: Plain | Cluster, more: str = "") -> str:
    """Make a user of a store who may do what the servers do, and no more; return the URL with it."""
    allowed = f"{COMMANDS} {OF_A_CLUSTER if isinstance(store, Cluster) else ''} {more}"
    for node in store.nodes:
        client: Any = node.client()
        rules = f"on >{PASSWORD} resetchannels ~cookies-vs-tokens:* -@all {allowed}".split()
        client.execute_command("ACL", "SETUSER", "servers", *rules)
    return store.url.replace("://:", "://servers:")
