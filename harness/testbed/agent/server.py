"""The agent: answers the requests of `_respond`, and only to clients that have the secret."""

from __future__ import annotations

import asyncio
import contextlib
import platform
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from harness.errors import EnvironmentFailedError, SuiteError
from harness.protocol import json_lines, seal
from harness.suites import external
from harness.system import cpus
from harness.testbed.agent import messages
from harness.testbed.agent.meter import PortMeter, UnreadableError
from servers.contract import authority

#: Maximum of open connections and of ports per connection.
_CONNECTIONS: Final = 16
_PORTS: Final = 128
#: Keepalive that detects a vanished host: seconds of silence before it, seconds between probes, probes.
_KEEPALIVE: Final = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}

#: Receives messages about connections.
Log = Callable[[str], None]


def run(bind: str, environment: Mapping[str, str], log: Log) -> None:
    """Answer requests of runs until KeyboardInterrupt: `bench.py remote agent`.

    Args:
        bind: Address to listen on, as `HOST:PORT`; port 0 for any free one.
        environment: Environment variables with the secret, which clients have to prove.
        log: Receives the address, and accepted and rejected connections.

    Raises:
        SuiteError: `bind` is not `HOST:PORT`, or there is no secret.
        EnvironmentFailedError: The address is not available, or this system is not Linux.
    """
    try:
        host, port = external.HostPort.parse(bind)
    except ValueError as error:
        raise SuiteError(f"--bind: {error}") from error
    secret = messages.secret_of(environment)
    if sys.platform != "linux":
        raise EnvironmentFailedError(
            "the agent runs on Linux only: it finds the processes of a port in /proc."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise EnvironmentFailedError(
            f"--bind: cannot listen at {authority(host, port)}: {error.strerror}."
        ) from error
    with listener:
        asyncio.run(_serve(listener, secret, log))


async def _serve(listener: socket.socket, secret: str, log: Log) -> None:
    agent = _Agent(secret, log)
    server = await asyncio.start_server(agent.attend, sock=listener, limit=messages.REQUEST_BYTES)
    log(f"the agent listens at {authority(*listener.getsockname()[:2])}; Ctrl-C stops it")
    async with server:
        await server.serve_forever()


class _Agent:
    def __init__(self, secret: str, log: Log) -> None:
        self._secret = secret
        self._log = log
        self._connections = 0

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        peer = authority(*writer.get_extra_info("peername")[:2])
        self._connections += 1
        try:
            if self._connections > _CONNECTIONS:
                error = {"error": f"{_CONNECTIONS} connections are open already"}
                writer.write(json_lines.line(error).encode())
                return
            _enable_keepalive(writer.get_extra_info("socket"))
            await self._serve(reader, writer, peer)
        except (ValueError, TimeoutError):  # ForgedError, and a line without an end, are ValueErrors
            self._log(f"{peer} was rejected: different secret, invalid message, or timeout")
            writer.write(json_lines.line({"error": "different secret, or invalid message"}).encode())
        except OSError:  # the client is gone
            pass
        finally:
            self._connections -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str) -> None:
        nonce = seal.nonce()
        writer.write(json_lines.line({"protocol": messages.PROTOCOL, "nonce": nonce}).encode())
        async with asyncio.timeout(5):  # seconds to prove the secret
            run_nonce = messages.nonce_of(json_lines.parse(await reader.readline()))
            session = seal.Seal(self._secret, "agent", "run", messages.SESSION, nonce, run_nonce)
            request = session.open_line(await reader.readline())
        self._log(f"{peer} is authenticated")
        meters: dict[int, PortMeter] = {}
        while True:
            writer.write(session.line(_respond(request, meters)))
            await writer.drain()
            if not (line := await reader.readline()):
                self._log(f"{peer} disconnected")
                return
            request = session.open_line(line)


def _respond(request: Mapping[str, Any], meters: dict[int, PortMeter]) -> dict[str, Any]:
    """Return the response to one request; no other requests exist.

    Args:
        request: Request of an authenticated client.
        meters: Meters of this connection, by port; `meet` adds them.
    """
    kind, port = request.get("ask"), request.get("port")
    if kind == "who":
        return about()
    if type(port) is not int or not 0 < port < 1 << 16:
        return {"error": f"expected a port (got {port!r})"}
    try:
        if kind == "meet":
            if port not in meters and len(meters) == _PORTS:
                return {"error": f"{_PORTS} ports are read already, the maximum"}
            meter = meters.get(port) or PortMeter(port)
            family = meter.meet()
            meters[port] = meter
            return {"family": sorted(family)}
        if port not in meters:
            return {"error": f"port {port} needs a request `meet` first"}
        if kind == "cpu":
            return asdict(meters[port].cpu())
        if kind == "memory":
            return {"bytes": meters[port].resident_bytes()}
    except UnreadableError as error:
        return {"error": str(error)}
    return {"error": "expected who, meet, cpu or memory"}


def about() -> dict[str, Any]:
    """Return a description of this machine."""
    return {
        "host": platform.node(),
        "cpu": cpus.cpu_model(),
        "cores": cpus.cores(),
        "kernel": f"{platform.system()} {platform.release()}",
    }


def _enable_keepalive(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
