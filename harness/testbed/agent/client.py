"""A run's end of the line to an agent."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from typing import Any, Final

from harness.errors import EnvironmentFailedError, OutOfReachError
from harness.protocol import seal
from harness.suites import external
from harness.testbed.agent import messages
from harness.testbed.meters import CpuReading, Family

_TIMEOUT_S: Final = 10


class AgentConnection:
    """A connection to one agent, which has proved that it has the secret, as this side has.

    Args:
        address: Where it answers, as `HOST:PORT`.
        secret: What both know.

    Raises:
        EnvironmentFailedError: Nothing answers there, or it has another secret.
    """

    def __init__(self, address: str, secret: str) -> None:
        self.address = address
        try:
            self._socket = socket.create_connection(external.agent_at(address), timeout=_TIMEOUT_S)
        except OSError as error:
            raise EnvironmentFailedError(
                f"no agent at {address}: {error.strerror or error}. Start it there: bench.py remote agent"
                f" --bind {address}, with the same secret in its environment."
            ) from error
        self._file = self._socket.makefile("rb")
        try:
            nonce = seal.nonce()
            theirs = messages.nonce_of(self._greeting())
            self._seal = messages.AgentSeal(secret, theirs, nonce, "run")
            self._send(messages.plain({"nonce": nonce}))
            self.about = self.request("who")
        except BaseException:
            self.close()
            raise

    def request(self, what: str, port: int | None = None) -> dict[str, Any]:
        """The agent's answer to one request.

        Raises:
            OutOfReachError: It gave none.
            EnvironmentFailedError: It has another secret, or cannot read what was asked for.
        """
        self._send(self._seal.line({"ask": what} | ({} if port is None else {"port": port})))
        line = self._line()
        try:
            answer = self._seal.opened(line)
        except messages.NotSealedError as error:
            raise EnvironmentFailedError(
                f"the agent at {self.address} has another secret, or is none: what it answers is not sealed"
                " with this run's."
            ) from error
        if "error" in answer:
            raise EnvironmentFailedError(f"the agent at {self.address} says: {answer['error']}.")
        return answer

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()

    def _greeting(self) -> dict[str, Any]:
        line = self._line()
        try:
            greeting = messages.parsed(line)
        except messages.NotSealedError as error:
            raise EnvironmentFailedError(f"what answers at {self.address} is no agent.") from error
        if greeting.get("protocol") != messages.PROTOCOL:
            raise EnvironmentFailedError(
                f"what answers at {self.address} is no agent of protocol {messages.PROTOCOL}:"
                f" {greeting.get('error', 'use the same version of this tool on both sides')}."
            )
        return greeting

    def _send(self, line: bytes) -> None:
        try:
            self._socket.sendall(line)
        except OSError as error:
            raise self._silent(error) from error

    def _line(self) -> bytes:
        try:
            line = self._file.readline(messages.ANSWER_BYTES)
        except OSError as error:
            raise self._silent(error) from error
        if not line.endswith(b"\n"):
            raise self._silent(None)
        return line

    def _silent(self, error: OSError | None) -> OutOfReachError:
        """The error of an agent that answers no more."""
        why = (
            "it hung up"
            if error is None
            else f"not within {_TIMEOUT_S} s"
            if isinstance(error, TimeoutError)
            else error.strerror
        )
        return OutOfReachError(f"the agent at {self.address} does not answer any more: {why}.")


class AgentMeter:
    """Reads what listens on a port of an agent's machine (`harness.testbed.meters.Meter`).

    Args:
        line: To the agent.
        port: Of the server.
    """

    def __init__(self, line: AgentConnection, port: int) -> None:
        self._line = line
        self._port = port

    def meet(self) -> Family:
        """Find out which processes serve there now."""
        return frozenset(
            (int(pid), float(began)) for pid, began in self._line.request("meet", self._port)["family"]
        )

    def cpu(self) -> CpuReading:
        """CPU time of all of them until now."""
        read = self._line.request("cpu", self._port)
        return CpuReading(int(read["on_ns"]), int(read["waiting_ns"]))

    def resident_bytes(self) -> int:
        """Resident memory of all of them."""
        return int(self._line.request("memory", self._port)["bytes"])


class Agents:
    """The lines of one run to all its agents, from now until `close`.

    Args:
        addresses: Where they answer; the secret is needed where there is one.

    Raises:
        EnvironmentFailedError: One does not answer, or has another secret.
        SuiteError: There is no secret.
    """

    def __init__(self, addresses: Iterable[str]) -> None:
        self._lines: dict[str, AgentConnection] = {}
        try:
            for address in dict.fromkeys(addresses):
                self._lines[address] = AgentConnection(address, messages.secret_of(os.environ))
        except BaseException:
            self.close()
            raise

    def meter(self, address: str, port: int) -> AgentMeter:
        """Of what listens on that port, beside the agent at that address.

        Raises:
            EnvironmentFailedError: Nothing does, or the agent may not look into it.
        """
        meter = AgentMeter(self._lines[address], port)
        meter.meet()
        return meter

    def machines(self) -> dict[str, dict[str, Any]]:
        """What each agent says of its machine (`server.about`), by its address."""
        return {address: line.about for address, line in self._lines.items()}

    def close(self) -> None:
        """Hang up everywhere."""
        for line in self._lines.values():
            line.close()
