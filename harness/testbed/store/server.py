"""The session store of a rig: a private one or the user's, optionally behind a relay that delays it."""

from __future__ import annotations

import contextlib
import subprocess
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from harness.errors import EnvironmentFailedError, SuiteError
from harness.results.environment import StoreLink
from harness.system import cpus, processes, signals
from harness.system.cpus import Placement
from harness.system.ports import LOOPBACK
from harness.testbed.store import nodes, relay
from harness.testbed.store.private import UNIX, PrivateStore
from servers.stores import urls

#: Seconds until a private store answers after its start, and until any store answers a command.
_START_TIMEOUT_S: Final = 10
_TIMEOUT_S: Final = 10
#: Keys removed per pipeline.
_BATCH_SIZE: Final = 1000


@dataclass(frozen=True)
class StoreOptions:
    """Choice of a store.

    Attributes:
        url: URL of the user's store; None for a private one.
        link: How servers reach a private store.
        with_tls: Whether a private store's program has to support TLS, whatever the link.
        relayed: Whether a relay in front of a private store can delay it (`SessionStore.delay`).
    """

    url: str | None = None
    link: StoreLink = "tcp"
    with_tls: bool = False
    relayed: bool = False


class SessionStore:
    """Valkey or Redis, from `start` to `close`.

    Args:
        folder: Folder for sockets and logs.
        placement: CPUs by role.
        options: Choice of the store.

    Attributes:
        url: URL of the store.
        nodes: Clients of the harness, past the relay; for a cluster, one per node that holds keys.
        servers_url: URL for the servers; of the relay if there is one, once it is started.
    """

    def __init__(self, folder: Path, placement: Placement, options: StoreOptions) -> None:
        self._folder = folder
        self._store_log = folder / "store.log"
        self._relay_log = folder / "relay.log"
        self._relay_control = folder / "control.sock"
        self._placement = placement
        self._given_url = options.url
        self._relayed = options.relayed
        self._private = None
        if options.url is None:
            self._private = PrivateStore(folder, self._store_log, options.link, with_tls=options.with_tls)
        self._relay: subprocess.Popen[bytes] | None = None
        self._is_down = False
        self.url = options.url or self._own.url(self._own.address)
        self.servers_url = self.url
        self.nodes: list[redis.Redis] = []

    @property
    def _own(self) -> PrivateStore:
        if self._private is None:
            raise AssertionError("the store is the user's")
        return self._private

    @property
    def client(self) -> redis.Redis:
        """Return a client of the store; of any node of a cluster, since all are configured alike."""
        return self.nodes[0]

    def start(self) -> None:
        """Start a private store and the relay, and wait until the store answers.

        Raises:
            SuiteError: A relay was requested for the user's store, or its URL is invalid.
            EnvironmentFailedError: The store does not answer.
        """
        if self._private is not None:
            self._private.launch()
        try:
            self.nodes = nodes.connect(self.url, _TIMEOUT_S)
            for node in self.nodes:
                self._await(node)
        except nodes.FAILURES as error:
            raise EnvironmentFailedError(
                f"no answer from the store at {self.source}: {str(error).rstrip('.')}."
                " Start it, or leave out --redis-url for an embedded one."
            ) from error
        self._pin()
        if self._relayed:
            self._start_relay()

    def close(self, prefix: str) -> None:
        """Terminate the relay and a private store; remove the keys with this prefix from the user's store."""
        processes.terminate([process for process in (self._relay,) if process is not None])
        if self._given_url is not None:
            self._remove_keys(prefix)
        processes.terminate([process for process in (self._process,) if process is not None])

    @property
    def _process(self) -> subprocess.Popen[bytes] | None:
        """Return the process of a private store, once it is started; None for the user's."""
        return None if self._private is None else self._private.process

    @property
    def pid(self) -> int | None:
        """Return the process id of a private store; None for the user's."""
        return None if self._process is None else self._process.pid

    @property
    def secrets(self) -> list[str]:
        """Return what must not be shown of it: its password, and its URL, which may have several."""
        password = self._private.password if self._private else urlsplit(self.url).password or ""
        urls = [self.url, self.servers_url] if password or self.given else []
        return [text for text in (*urls, password) if text]

    @property
    def given(self) -> bool:
        """Whether it is the user's store."""
        return self._given_url is not None

    @property
    def source(self) -> str:
        """Return its URL without any password, or `embedded`."""
        return "embedded" if self._given_url is None else urls.shown(self._given_url)

    @nodes.answering()
    def run_ids(self) -> list[str]:
        """Return the run id of each node of the user's store, which a restart or a failover changes.

        Raises:
            EnvironmentFailedError: The store does not answer.
        """
        if self._given_url is None:
            return []  # `check_alive` checks a private store
        return [str(node.info("server")["run_id"]) for node in self.nodes]

    def check_alive(self) -> None:
        """Raise EnvironmentFailedError if a private store or the relay died unexpectedly."""
        for name, process, log in (
            ("session store", None if self._is_down else self._process, self._store_log),
            ("relay in front of the store", self._relay, self._relay_log),
        ):
            if process is not None and process.poll() is not None:
                raise EnvironmentFailedError(
                    f"the {name} died with exit code {process.returncode}: {processes.log_end(log)}"
                )

    def check_behind(self, error: BaseException | None) -> None:
        """Raise EnvironmentFailedError if an error is the consequence of a private store's death."""
        causes = (error, error.__cause__) if error is not None else ()
        if self._process is not None and any(isinstance(cause, nodes.FAILURES) for cause in causes):
            # The process may end a moment after its connections closed.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(2)
            self.check_alive()

    def kill(self) -> None:
        """Kill a private store as a crash would: its data is lost, and it does not answer."""
        if (process := self._own.process) is None:
            raise AssertionError("it was not started")
        self._is_down = True
        process.kill()
        processes.terminate([process])

    def revive(self) -> None:
        """Start it again, empty, at the same address, and wait until it answers.

        Raises:
            EnvironmentFailedError: It did not start.
        """
        self._own.launch()
        # A separate client without retries: the others may wait between tries, by redis-py's rules.
        with redis.Redis.from_url(self.url, socket_timeout=_TIMEOUT_S, retry=Retry(NoBackoff(), 0)) as client:
            try:
                self._await(client)
            except redis.RedisError as error:
                raise EnvironmentFailedError(f"the session store did not restart: {error}") from error
        self._pin()
        self._is_down = False

    def delay(self, delay_ms: float) -> None:
        """Add a delay, in ms, to every round trip of the servers to the store from now on."""
        relay.set_delay(self._relay_control, delay_ms * 1000)

    @nodes.answering()
    def rtt_us(self, pings: int = 100) -> float:
        """Return the median round trip of a PING on the servers' path to an idle store, in microseconds.

        Raises:
            EnvironmentFailedError: The store does not answer.
        """
        if self._given_url is not None:
            return median(rtt for node in self.nodes for rtt in _pings_us(node, pings))
        with redis.Redis.from_url(self.servers_url, socket_timeout=_TIMEOUT_S) as client:
            return median(_pings_us(client, pings))

    def _pin(self) -> None:
        if self._process is not None:
            cpus.pin(self._process.pid, self._placement.store)

    def _start_relay(self) -> None:
        """Start the relay between the servers and the store, on the store's CPU, with the store's link."""
        if self._private is None:
            raise SuiteError("store_delay_ms needs the embedded store: leave out --redis-url.")
        store = self._private.address
        listen = f"{UNIX}{self._folder / 'relay.sock'}" if store.startswith(UNIX) else f"{LOOPBACK}:0"
        arguments = ["--listen", listen, "--store", store, "--control", str(self._relay_control)]
        with signals.deferred():
            self._relay = processes.start("harness.testbed.store.relay", arguments, log=self._relay_log)
        ready, _, address = (self._relay.stdout.readline() if self._relay.stdout else b"").partition(b" ")
        if ready != b"ready":
            raise EnvironmentFailedError(f"the relay would not start: {processes.log_end(self._relay_log)}")
        self.servers_url = self._private.url(address.decode().strip())
        cpus.pin(self._relay.pid, self._placement.store)

    def _await(self, client: redis.Redis) -> None:
        deadline = time.monotonic() + (0 if self._process is None else _START_TIMEOUT_S)
        while True:
            try:
                client.ping()
            except redis.ConnectionError:
                if time.monotonic() > deadline:
                    raise
            else:
                return
            finally:
                # Before an answer is believed, too: it might be that of another store at the same port.
                if self._process is not None and self._process.poll() is not None:
                    raise EnvironmentFailedError(processes.log_end(self._store_log)) from None
            time.sleep(0.02)

    def _remove_keys(self, prefix: str) -> None:
        try:
            for node in self.nodes:
                keys = node.scan_iter(match=f"{prefix}*", count=_BATCH_SIZE)
                while batch := list(islice(keys, _BATCH_SIZE)):
                    # A command per key: keys on one node of a cluster are in different hash slots.
                    pipeline = node.pipeline(transaction=False)
                    for key in batch:
                        pipeline.unlink(key)
                    pipeline.execute()
                    if signals.is_forced():
                        return
        except nodes.FAILURES:
            return  # harmless: every key expires


def _pings_us(node: redis.Redis, pings: int) -> list[float]:
    """Return the round trips of this many PINGs over one connection, in microseconds."""
    pool: Any = node.connection_pool
    connection = pool.get_connection()
    try:
        ping = connection.pack_command("PING")
        times_us = []
        for _ in range(pings):
            begun_ns = time.perf_counter_ns()
            connection.send_packed_command(ping, check_health=False)
            connection.read_response()
            times_us.append((time.perf_counter_ns() - begun_ns) / 1e3)
        return times_us
    finally:
        pool.release(connection)
