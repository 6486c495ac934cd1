"""The session store of a rig: one private to it, or the user's own; at a distance, where that is asked."""

from __future__ import annotations

import contextlib
import subprocess
import time
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from harness.errors import EnvironmentFailedError, SuiteError
from harness.system import cpus, processes, signals
from harness.system.cpus import Placement
from harness.testbed.store import nodes, relay
from servers.stores import urls

#: Seconds that one of our own may take until it answers, and that any may take for an answer.
_START_TIMEOUT_S: Final = 10
_TIMEOUT_S: Final = 10
#: Seconds that one of our own may take from hanging up to its end.
_DYING_S: Final = 2
#: Keys that are removed by one command.
_AT_ONCE: Final = 1000


class SessionStore:
    """A Valkey or Redis, from `start` to `close`.

    Args:
        folder: For sockets and logs.
        placement: CPUs by role.
        given_url: A store of the user's own; None for one private to this rig.
        relayed: Put a relay before it, whose delay `delay` sets.

    Attributes:
        url: Where it is.
        nodes: Clients of the harness, straight to it; of a cluster one of each node that holds keys.
        servers_url: The servers' way to it.
    """

    def __init__(self, folder: Path, placement: Placement, given_url: str | None, *, relayed: bool) -> None:
        self._folder = folder
        self._placement = placement
        self._given_url = given_url
        self._relayed = relayed
        self._process: subprocess.Popen[bytes] | None = None
        self._relay: subprocess.Popen[bytes] | None = None
        self._is_down = False
        self.url = given_url or f"unix://{self._socket}"
        self.servers_url = f"unix://{self._relay_socket}" if relayed else self.url
        self.nodes: list[redis.Redis] = []

    @property
    def client(self) -> redis.Redis:
        """Of the harness: to the store, or to one node of a cluster, which tells what all are."""
        return self.nodes[0]

    def start(self) -> None:
        """Start what is ours, and return when it answers.

        Raises:
            SuiteError: A store of the user's own was to be moved away, or its URL cannot be read.
            EnvironmentFailedError: It does not answer.
        """
        if self._given_url is None:
            self._launch()
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
        """End what is ours; of the user's own remove the keys that begin with this prefix."""
        processes.terminate([one for one in (self._relay,) if one is not None])
        if self._given_url is not None:
            self._remove_keys(prefix)
        processes.terminate([one for one in (self._process,) if one is not None])

    @property
    def pid(self) -> int | None:
        """Process id of one of our own; None where the user has one."""
        return None if self._process is None else self._process.pid

    @property
    def given(self) -> bool:
        """Whether it is the user's own."""
        return self._given_url is not None

    @property
    def source(self) -> str:
        """Where it is, without any password."""
        return "embedded" if self._given_url is None else urls.shown(self._given_url)

    def run_ids(self) -> list[str]:
        """What each node of the user's own calls this life of it: another after a restart or a failover.

        Raises:
            EnvironmentFailedError: It does not answer.
        """
        if self._given_url is None:
            return []  # `check_alive` sees those of ours
        try:
            return [str(node.info("server")["run_id"]) for node in self.nodes]
        except nodes.FAILURES as error:
            raise EnvironmentFailedError(f"the session store stopped answering: {error}") from error

    def check_alive(self) -> None:
        """Raise EnvironmentFailedError if one of our own has died, and was not meant to."""
        if self._process is not None and self._process.poll() is not None and not self._is_down:
            raise EnvironmentFailedError(
                f"the session store died with exit code {self._process.returncode}:"
                f" {processes.log_end(self._log)}"
            )
        if self._relay is not None and self._relay.poll() is not None:
            raise EnvironmentFailedError(
                f"the relay before the store died with exit code {self._relay.returncode}:"
                f" {processes.log_end(self._relay_log)}"
            )

    def check_behind(self, error: BaseException | None) -> None:
        """Raise EnvironmentFailedError if what failed is but a consequence of the end of one of our own."""
        causes = (error, error.__cause__) if error is not None else ()
        if self._process is not None and any(isinstance(one, nodes.FAILURES) for one in causes):
            # What hangs up may be dead only a moment later.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_DYING_S)
            self.check_alive()

    def kill(self) -> None:
        """End one of our own as a crash would: what it held is gone, and nobody answers."""
        if self._process is None:
            raise AssertionError("a store of the user's own is not ours to kill")
        self._is_down = True
        self._process.kill()
        processes.terminate([self._process])

    def revive(self) -> None:
        """Start it again, empty, at the same socket; returns when it answers.

        Raises:
            EnvironmentFailedError: It did not start.
        """
        self._launch()
        # A client of its own: others may wait between tries, by redis-py's own rules.
        with redis.Redis.from_url(self.url, socket_timeout=_TIMEOUT_S, retry=Retry(NoBackoff(), 0)) as client:
            try:
                self._await(client)
            except redis.RedisError as error:
                raise EnvironmentFailedError(f"the session store did not come back: {error}") from error
        self._pin()
        self._is_down = False

    def delay(self, delay_ms: float) -> None:
        """Have every round trip of the servers to it take so much longer, from now on."""
        relay.set_delay(self._relay_control, delay_ms * 1000)

    def rtt_us(self, asked: int = 100) -> float:
        """Median round trip of a PING on the servers' way to it, while nothing else goes on.

        Raises:
            EnvironmentFailedError: It does not answer.
        """
        try:
            if self._given_url is not None:
                return median(took for node in self.nodes for took in _pings_us(node, asked))
            with redis.Redis.from_url(self.servers_url, socket_timeout=_TIMEOUT_S) as client:
                return median(_pings_us(client, asked))
        except nodes.FAILURES as error:
            raise EnvironmentFailedError(f"the session store stopped answering: {error}") from error

    @property
    def _socket(self) -> Path:
        return self._folder / "store.sock"

    @property
    def _log(self) -> Path:
        return self._folder / "store.log"

    @property
    def _relay_socket(self) -> Path:
        return self._folder / "relay.sock"

    @property
    def _relay_log(self) -> Path:
        return self._folder / "relay.log"

    @property
    def _relay_control(self) -> Path:
        return self._folder / "control.sock"

    def _launch(self) -> None:
        arguments = ["--socket", str(self._socket), "--end-with-parent"]
        with signals.deferred():
            self._process = processes.start("servers.embedded_store", arguments, log=self._log)

    def _pin(self) -> None:
        if self._process is not None:
            cpus.pin(self._process.pid, self._placement.store)

    def _start_relay(self) -> None:
        """Stand the relay between the servers and the store, on the store's CPU."""
        if self._process is None:
            raise SuiteError("store_delay_ms needs the embedded store: leave out --redis-url.")
        sockets = {"socket": self._relay_socket, "store": self._socket, "control": self._relay_control}
        arguments = [f"--{name}={path}" for name, path in sockets.items()]
        with signals.deferred():
            self._relay = processes.start("harness.testbed.store.relay", arguments, log=self._relay_log)
        if self._relay.stdout is None or self._relay.stdout.readline() != b"ready\n":
            raise EnvironmentFailedError(f"the relay would not start: {processes.log_end(self._relay_log)}")
        cpus.pin(self._relay.pid, self._placement.store)

    def _await(self, client: redis.Redis) -> None:
        deadline = time.monotonic() + (0 if self._process is None else _START_TIMEOUT_S)
        while True:
            try:
                client.ping()
                return
            except redis.ConnectionError:
                if self._process is not None and self._process.poll() is not None:
                    raise EnvironmentFailedError(processes.log_end(self._log)) from None
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _remove_keys(self, prefix: str) -> None:
        try:
            for node in self.nodes:
                keys = node.scan_iter(match=f"{prefix}*", count=_AT_ONCE)
                while some := list(islice(keys, _AT_ONCE)):
                    # One by one: those that a node of a cluster holds do not share a slot.
                    unlinking = node.pipeline(transaction=False)
                    for key in some:
                        unlinking.unlink(key)
                    unlinking.execute()
                    if signals.is_forced():
                        return
        except nodes.FAILURES:
            return  # a store that is gone keeps nothing that matters: every key has a lifetime


def _pings_us(node: redis.Redis, asked: int) -> list[float]:
    """How long each of so many PINGs took, over one connection, in us."""
    pool: Any = node.connection_pool
    connection = pool.get_connection()
    try:
        ping = connection.pack_command("PING")
        taken = []
        for _ in range(asked):
            begun_ns = time.perf_counter_ns()
            connection.send_packed_command(ping, check_health=False)
            connection.read_response()
            taken.append((time.perf_counter_ns() - begun_ns) / 1e3)
        return taken
    finally:
        pool.release(connection)
