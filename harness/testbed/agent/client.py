"""Client of the agents: reads CPU and memory of servers on other machines for a run."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Final

from harness.errors import EnvironmentFailedError, OutOfReachError
from harness.protocol import json_lines, seal
from harness.suites import external
from harness.testbed.agent import messages
from harness.testbed.cpu_clock import CpuReading
from harness.testbed.meters import Family

_TIMEOUT_S: Final = 10


class AgentConnection:
    """Connection to one agent; both sides have proved that they have the secret.

    Args:
        address: Address of the agent, as `HOST:PORT`.
        secret: Shared secret.

    Raises:
        EnvironmentFailedError: Nothing answers at the address, or the agent has a different secret.
    """

    def __init__(self, address: str, secret: str) -> None:
        self.address = address
        try:
            self._socket = socket.create_connection(external.HostPort.parse(address), timeout=_TIMEOUT_S)
        except OSError as error:
            raise EnvironmentFailedError(
                f"no agent at {address}: {error.strerror or error}. Start it there: bench.py remote agent"
                f" --bind {address}, with the same secret in its environment."
            ) from error
        self._file = self._socket.makefile("rb")
        try:
            nonce = seal.nonce()
            agent_nonce = messages.nonce_of(self._greeting())
            self._seal = seal.Seal(secret, "run", "agent", messages.SESSION, agent_nonce, nonce)
            self._send(json_lines.line({"nonce": nonce}).encode())
            self.about = self.request("who")
        except BaseException:
            self.close()
            raise

    def request(self, what: str, port: int | None = None) -> dict[str, Any]:
        """Send one request and return the agent's response.

        Raises:
            OutOfReachError: The agent did not respond.
            EnvironmentFailedError: It has a different secret, or cannot read what was requested.
        """
        self._send(self._seal.line({"ask": what} | ({} if port is None else {"port": port})))
        line = self._line()
        try:
            response = self._seal.open_line(line)
        except seal.ForgedError as error:
            raise EnvironmentFailedError(
                f"the agent at {self.address} has a different secret, or is not an agent: its response is not"
                " authenticated with this run's secret."
            ) from error
        if "error" in response:
            raise EnvironmentFailedError(f"the agent at {self.address} reports: {response['error']}.")
        return response

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self._socket.close()

    def _greeting(self) -> dict[str, Any]:
        greeting = json_lines.parse(self._line())
        if greeting is None:
            raise EnvironmentFailedError(f"the program that listens at {self.address} is not an agent.")
        if greeting.get("protocol") != messages.PROTOCOL:
            raise EnvironmentFailedError(
                f"the program that listens at {self.address} is not an agent of protocol {messages.PROTOCOL}:"
                f" {greeting.get('error', 'use the same version of this tool on both sides')}."
            )
        return greeting

    def _send(self, line: bytes) -> None:
        try:
            self._socket.sendall(line)
        except OSError as error:
            raise self._out_of_reach(error) from error

    def _line(self) -> bytes:
        try:
            line = self._file.readline(messages.ANSWER_BYTES)
        except OSError as error:
            raise self._out_of_reach(error) from error
        if not line.endswith(b"\n"):
            raise self._out_of_reach(None)
        return line

    def _out_of_reach(self, error: OSError | None) -> OutOfReachError:
        """Return the error of an agent that no longer responds."""
        reason = (
            "it closed the connection"
            if error is None
            else f"no response within {_TIMEOUT_S} s"
            if isinstance(error, TimeoutError)
            else error.strerror
        )
        return OutOfReachError(f"the agent at {self.address} no longer responds: {reason}.")


class AgentMeter:
    """Meter of the server on a port of an agent's machine (`harness.testbed.meters.Meter`).

    Args:
        connection: Connection to the agent.
        port: Port of the server.
    """

    def __init__(self, connection: AgentConnection, port: int) -> None:
        self._connection = connection
        self._port = port

    def meet(self) -> Family:
        """Return the processes that serve on the port now; later readings are of these."""
        return frozenset(
            (int(pid), float(began)) for pid, began in self._connection.request("meet", self._port)["family"]
        )

    def cpu(self) -> CpuReading:
        """Return the CPU time of all of them until now."""
        reading = self._connection.request("cpu", self._port)
        return CpuReading(**{field.name: int(reading[field.name]) for field in fields(CpuReading)})

    def resident_bytes(self) -> int:
        """Return the resident memory of all of them."""
        return int(self._connection.request("memory", self._port)["bytes"])


class Agents:
    """Connections of one run to all its agents, open until `close`.

    Args:
        addresses: Addresses of the agents; if there are any, the environment must have the secret.

    Raises:
        EnvironmentFailedError: An agent does not respond, or has a different secret.
        SuiteError: There is no secret.
    """

    def __init__(self, addresses: Iterable[str]) -> None:
        self._connections: dict[str, AgentConnection] = {}
        try:
            for address in dict.fromkeys(addresses):
                self._connections[address] = AgentConnection(address, messages.secret_of(os.environ))
        except BaseException:
            self.close()
            raise

    def meter(self, address: str, port: int) -> AgentMeter:
        """Return the meter of the server on a port of the machine of the agent at an address.

        Raises:
            EnvironmentFailedError: Nothing listens on the port, or the agent has no permission to read it.
        """
        meter = AgentMeter(self._connections[address], port)
        meter.meet()
        return meter

    def machines(self) -> dict[str, dict[str, Any]]:
        """Return each agent's description of its machine (`server.about`), by its address."""
        return {address: connection.about for address, connection in self._connections.items()}

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections.values():
            connection.close()
