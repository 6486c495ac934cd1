"""A private store: an embedded Valkey or Redis, by TCP with a password, by TLS, or on a Unix socket."""

from __future__ import annotations

import secrets
import subprocess
from pathlib import Path
from typing import Final

import trustme

from harness.errors import EnvironmentFailedError
from harness.results.environment import StoreLink
from harness.system import processes, signals
from harness.system.ports import LOOPBACK, free_ports

#: Variable with its password, as `servers/embedded_store.py` reads it.
_PASSWORD: Final = "STORE_PASSWORD"  # noqa: S105 - a variable's name
#: Address of a Unix socket: this, then its path.
UNIX: Final = "unix:"


def supports_tls() -> bool:
    """Whether a server program with TLS is installed."""
    try:
        processes.run_module("servers.embedded_store", ["--which", "--with-tls"])
    except EnvironmentFailedError:
        return False
    return True


class PrivateStore:
    """Store of one rig; `launch` starts it, also again after its death, at the same address.

    Args:
        folder: Folder for its socket or its certificate.
        log: File for its output.
        link: How clients reach it.
        with_tls: Whether to use a server program that supports TLS, whatever the link: then the same program
            serves every link of a run.

    Attributes:
        address: `HOST:PORT`, or `unix:PATH`.
        password: Password; empty for a Unix socket, which only this user can open.
        process: Process that was started last; None before the first start.
    """

    def __init__(self, folder: Path, log: Path, link: StoreLink, *, with_tls: bool = False) -> None:
        self.link = link
        self._log = log
        self.password = "" if link == "unix" else secrets.token_urlsafe(32)
        self.process: subprocess.Popen[bytes] | None = None
        self._folder = folder
        self._arguments = ["--end-with-parent"]
        if link == "unix":
            self.address = f"{UNIX}{folder / 'store.sock'}"
            self._arguments += ["--socket", self.address.removeprefix(UNIX)]
        else:
            (port,) = free_ports(1)
            self.address = f"{LOOPBACK}:{port}"
            self._arguments += ["--port", str(port)]
        if with_tls:
            self._arguments.append("--with-tls")
        if link == "tls":
            self._arguments += ["--certificate", str(self._certify())]

    def url(self, address: str) -> str:
        """Return the URL for clients that reach it at an address, its own or that of a relay."""
        if self.link == "unix":
            return f"unix://{address.removeprefix(UNIX)}"
        if self.link == "tls":
            return f"rediss://:{self.password}@{address}/0?ssl_ca_certs={self._authority}"
        return f"redis://:{self.password}@{address}/0"

    def launch(self) -> None:
        """Start it, empty; it may take a moment until it answers."""
        secret = {_PASSWORD: self.password} if self.password else {}
        with signals.deferred():
            self.process = processes.start(
                "servers.embedded_store", self._arguments, log=self._log, environment=secret
            )

    @property
    def _authority(self) -> Path:
        return self._folder / "store-authority.pem"

    def _certify(self) -> Path:
        """Write a certificate for the loopback address, with its key, and the authority's certificate."""
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self._authority))
        file = self._folder / "store.pem"
        file.touch(mode=0o600)
        authority.issue_cert(LOOPBACK).private_key_and_cert_chain_pem.write_to_path(str(file))
        return file
