"""The agent: answers the requests of `_respond`, and only to clients that have the secret."""

from __future__ import annotations

import asyncio
import contextlib
import platform
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final

from harness.errors import EnvironmentFailedError
from harness.protocol import seal
from harness.system import cpus
from harness.testbed.agent import messages
from harness.testbed.agent.meter import PortMeter, UnreadableError

#: Maximum of open connections and of ports per connection, and seconds to prove the secret.
_CONNECTIONS: Final = 16
_PORTS: Final = 128
_PROOF_S: Final = 5.0
#: Keepalive that detects a vanished host: seconds of silence before it, seconds between probes, probes.
_KEEPALIVE: Final = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}

#: Receives messages about connections.
Log = Callable[[str], None]


def run(host: str, port: int, secret: str, log: Log) -> None:
    """Answer requests until KeyboardInterrupt.

    Args:
        host: Host to listen on.
        port: Port to listen on; 0 for any free port.
        secret: Shared secret, which clients have to prove.
        log: Receives the address, and accepted and rejected connections.

    Raises:
        EnvironmentFailedError: The address is not available.
    """
    try:
        listener = socket.create_server((host, port), family=_family(host))
    except OSError as error:
        raise EnvironmentFailedError(f"--bind: cannot listen at {host}:{port}: {error.strerror}.") from error
    with listener:
        asyncio.run(_serve(listener, secret, log))


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


async def _serve(listener: socket.socket, secret: str, log: Log) -> None:
    agent = _Agent(secret, log)
    server = await asyncio.start_server(agent.attend, sock=listener, limit=messages.REQUEST_BYTES)
    log(f"the agent listens at {_place(listener.getsockname())}; Ctrl-C stops it")
    async with server:
        await server.serve_forever()


class _Agent:
    def __init__(self, secret: str, log: Log) -> None:
        self._secret = secret
        self._log = log
        self._connections = 0

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        peer = _place(writer.get_extra_info("peername"))
        self._connections += 1
        try:
            if self._connections > _CONNECTIONS:
                writer.write(messages.plain({"error": f"{_CONNECTIONS} connections are open already"}))
                return
            _enable_keepalive(writer.get_extra_info("socket"))
            await self._serve(reader, writer, peer)
        except (ValueError, TimeoutError):  # NotSealedError, and a line without an end, are ValueErrors
            self._log(f"{peer} was rejected: different secret, invalid message, or timeout")
            writer.write(messages.plain({"error": "different secret, or invalid message"}))
        except OSError:  # the client is gone
            pass
        finally:
            self._connections -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str) -> None:
        nonce = seal.nonce()
        writer.write(messages.plain({"protocol": messages.PROTOCOL, "nonce": nonce}))
        async with asyncio.timeout(_PROOF_S):
            run_nonce = messages.nonce_of(messages.parsed(await reader.readline()))
            seals = messages.AgentSeal(self._secret, nonce, run_nonce, "agent")
            request = seals.opened(await reader.readline())
        self._log(f"{peer} is authenticated")
        meters: dict[int, PortMeter] = {}
        while True:
            writer.write(seals.line(_respond(request, meters)))
            await writer.drain()
            if not (line := await reader.readline()):
                self._log(f"{peer} disconnected")
                return
            request = seals.opened(line)


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
            reading = meters[port].cpu()
            return {"on_ns": reading.on_ns, "waiting_ns": reading.waiting_ns}
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


def _place(address: tuple[Any, ...]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
