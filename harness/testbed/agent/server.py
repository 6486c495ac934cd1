"""The agent itself: answers those who have the secret, and nothing but what is in `_answer`."""

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

#: Connections at one time, ports of one connection, and seconds until the secret must have been proved.
_CONNECTIONS: Final = 16
_PORTS: Final = 128
_PROOF_S: Final = 5.0
#: A host that vanished is noticed after so many seconds of silence, asked every so many, so often.
_KEEPALIVE: Final = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}

#: Told of connections, in words.
Log = Callable[[str], None]


def run(host: str, port: int, secret: str, log: Log) -> None:
    """Answer until KeyboardInterrupt.

    Args:
        host: Where to listen.
        port: The same; 0 for any that is free.
        secret: What a run has to prove that it has, too.
        log: Told where it listens, who came, and who was turned away.

    Raises:
        EnvironmentFailedError: It cannot listen there.
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
    log(f"the agent listens at {_place(listener.getsockname())}; Ctrl-C ends it")
    async with server:
        await server.serve_forever()


class _Agent:
    def __init__(self, secret: str, log: Log) -> None:
        self._secret = secret
        self._say = log
        self._connections = 0

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """See one connection through."""
        whose = _place(writer.get_extra_info("peername"))
        self._connections += 1
        try:
            if self._connections > _CONNECTIONS:
                writer.write(messages.plain({"error": f"{_CONNECTIONS} connections are open already"}))
                return
            _notice_silence(writer.get_extra_info("socket"))
            await self._converse(reader, writer, whose)
        except (ValueError, TimeoutError):  # NotSealedError, and a line without an end, are ValueErrors
            self._say(f"{whose} was turned away: it has another secret, speaks otherwise, or fell silent")
            writer.write(messages.plain({"error": "another secret, or no line of this protocol"}))
        except OSError:  # it is gone
            pass
        finally:
            self._connections -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, whose: str) -> None:
        nonce = seal.nonce()
        writer.write(messages.plain({"protocol": messages.PROTOCOL, "nonce": nonce}))
        async with asyncio.timeout(_PROOF_S):
            theirs = messages.nonce_of(messages.parsed(await reader.readline()))
            sealed = messages.AgentSeal(self._secret, nonce, theirs, "agent")
            request = sealed.opened(await reader.readline())
        self._say(f"{whose} has the secret")
        meters: dict[int, PortMeter] = {}
        while True:
            writer.write(sealed.line(_answer(request, meters)))
            await writer.drain()
            if not (line := await reader.readline()):
                self._say(f"{whose} is gone")
                return
            request = sealed.opened(line)


def _answer(request: Mapping[str, Any], meters: dict[int, PortMeter]) -> dict[str, Any]:
    """The answer to one request, and all that can be asked.

    Args:
        request: Of somebody who has the secret.
        meters: Of the ports that were met on this connection.
    """
    asked, port = request.get("ask"), request.get("port")
    if asked == "who":
        return about()
    if type(port) is not int or not 0 < port < 1 << 16:
        return {"error": f"expected a port (got {port!r})"}
    try:
        if asked == "meet":
            if port not in meters and len(meters) == _PORTS:
                return {"error": f"{_PORTS} ports are read already"}
            meter = meters.get(port) or PortMeter(port)
            family = meter.meet()
            meters[port] = meter
            return {"family": sorted(family)}
        if port not in meters:
            return {"error": f"port {port} was not met yet"}
        if asked == "cpu":
            read = meters[port].cpu()
            return {"on_ns": read.on_ns, "waiting_ns": read.waiting_ns}
        if asked == "memory":
            return {"bytes": meters[port].resident_bytes()}
    except UnreadableError as error:
        return {"error": str(error)}
    return {"error": "expected who, meet, cpu or memory"}


def about() -> dict[str, Any]:
    """What this machine is."""
    return {
        "host": platform.node(),
        "cpu": cpus.cpu_model(),
        "cores": cpus.cores(),
        "kernel": f"{platform.system()} {platform.release()}",
    }


def _notice_silence(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _place(address: tuple[Any, ...]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
