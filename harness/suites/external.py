"""External servers in a suite, given by a command or by their addresses. Pure."""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import PurePath
from typing import Annotated, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import Field

from harness.protocol.dialect import FIELDS, ROUTES, AccountNames, Dialect
from harness.suites.table import Table, checked

#: Placeholders in a command and in values of the environment, filled in by a run. Commands hold no secrets,
#: since all users of the machine can read them.
IN_COMMANDS: Final = ("port", "python", "accounts", "key_prefix")
IN_ENVIRONMENT: Final = (
    *("port", "accounts", "key_prefix", "secret"),
    *("redis_url", "redis_host", "redis_port", "redis_password"),
)
#: Those that exist only if the store is a single server on TCP or TLS.
OF_TCP_STORE: Final = ("redis_host", "redis_port", "redis_password")
_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")
#: Keys that apply only to servers that are started by a command.
_COMMAND_KEYS: Final = frozenset({"folder", "environment", "lock", "ready"})
_ACCOUNTS: Final = "/api/admin/accounts/{username}"

Transport = Literal["cookie", "bearer", "none"]


class OwnAccounts(Table):
    """Accounts of an external server.

    Attributes:
        load: Name of the account of virtual user `{n}`, counted from 0.
        example: Name of an account without a role.
        admin: Name of an account with the role `admin`; empty if there is none.
        password: Password of all accounts.
    """

    load: str = Field(default=AccountNames.load, pattern=r"\{n\}")
    example: str = AccountNames.example
    admin: str = AccountNames.admin
    password: str = AccountNames.password


def _check_command(command: str) -> None:
    for name in _PLACEHOLDER.findall(command):
        if name in IN_ENVIRONMENT and name not in IN_COMMANDS:
            raise ValueError(
                f"{{{name}}} belongs in environment, since all users of the machine can read a command"
            )
    if not filled(command, dict.fromkeys(IN_COMMANDS, "0")):
        raise ValueError("expected a command, such as node server.js --port {port}")


def _check_environment(environment: dict[str, str]) -> None:
    for name, value in environment.items():
        put(value, dict.fromkeys(IN_ENVIRONMENT, "0"), name)


def _check_addresses(addresses: list[str]) -> None:
    for address in addresses:
        host_and_port(address)


def _check_agent(agent: str) -> None:
    if not HostPort.parse(agent).port:
        raise ValueError(f"expected a port from 1 (got {agent!r})")


def _check_paths(paths: dict[str, str]) -> None:
    for route, path in paths.items():
        if route not in ROUTES:
            raise ValueError(f"expected one of {', '.join(ROUTES)} (got {route!r})")
        if path and not (path.startswith("/") and path.isascii() and path.isprintable() and " " not in path):
            raise ValueError(f"expected a path that begins with / for {route} (got {path!r})")
    if paths.get(_ACCOUNTS) and "{username}" not in paths[_ACCOUNTS]:
        raise ValueError(f"expected a path with {{username}} in it for {_ACCOUNTS}")


def _check_fields(fields: dict[str, str]) -> None:
    for name, field in fields.items():
        if name not in FIELDS:
            raise ValueError(f"expected one of {', '.join(FIELDS)} (got {name!r})")
        if not all(field.split(".")):
            raise ValueError(f"expected a field such as user.id for {name} (got {field!r})")


class ExternalServer(Table):
    """External server; its arm has the name of its table in the suite.

    Attributes:
        title: Title for people.
        transport: Transport of its credential; `none` for a server without authentication.
        command: Command that starts it in the foreground; `{port}` is the port to listen on at 127.0.0.1, and
            `{python}` an interpreter with the packages of `lock`; `{accounts}` and `{key_prefix}` as in
            `environment`.
        folder: Working directory of the command, relative to the suite's file.
        environment: Additional environment variables, with the placeholders `{port}`, `{accounts}` (an SQLite
            file with the accounts of this tool's servers), `{key_prefix}`, `{secret}`, and `{redis_url}`, or
            `{redis_host}`, `{redis_port}` and `{redis_password}`.
        lock: Lock file with hashes, in pip's format, of the packages of `{python}`, relative to `folder`;
            empty for the packages of this tool's own interpreter.
        ready: Path that answers 2xx once the server can serve.
        address: Addresses of servers that already run, as `http://HOST:PORT`, one per instance.
        agent: Address of `bench.py remote agent` for the processes at these addresses, as `HOST:PORT`.
        paths: Paths of the server by those of the contract; `""` for a route that it does not have.
        fields: Field names of the server by those of the contract; a dot leads into an object.
        authorization: Scheme in the Authorization header, before the bearer token.
        csrf_header: Name of the header with the CSRF token of unsafe requests.
        accounts: Accounts that can log in.
    """

    title: str = "external server"
    transport: Transport
    command: Annotated[str, checked(_check_command)] | None = None
    folder: str = "."
    environment: Annotated[dict[str, str], checked(_check_environment)] = Field(default_factory=dict)
    lock: str = ""
    ready: str = Field(default="/healthz", pattern=r"^/\S*$")
    address: Annotated[list[str], Field(min_length=1), checked(_check_addresses)] | None = None
    agent: Annotated[str, checked(_check_agent)] | None = None
    paths: Annotated[dict[str, str], checked(_check_paths)] = Field(default_factory=dict)
    fields: Annotated[dict[str, str], checked(_check_fields)] = Field(default_factory=dict)
    authorization: str = Field(default="Bearer", pattern=r"^[!-~]+$")
    csrf_header: str = Field(default="X-CSRF-Token", pattern=r"^[A-Za-z0-9-]+$")
    accounts: OwnAccounts = OwnAccounts()

    def _check_keys(self) -> None:
        required = (
            ["/public"] if self.transport == "none" else [route for route in ROUTES if not ROUTES[route]]
        )
        for route in required:
            if not self.dialect.has(route):
                raise ValueError(f"without {route} there is nothing to measure")
        if (self.command is None) == (self.address is None):
            raise ValueError("expected either command, to start it, or address, if it already runs")
        if self.address is None and self.agent is not None:
            raise ValueError("agent is for servers that are named by their address")
        if self.address is not None and (keys := sorted(self.model_fields_set & _COMMAND_KEYS)):
            raise ValueError(f"{', '.join(keys)}: only for servers that are started by a command")
        if self.command is None:
            return
        if not any("{port}" in text for text in (self.command, *self.environment.values())):
            raise ValueError("expected {port} in command or in environment: the port to listen on")
        if self.lock and "{python}" not in self.command:
            raise ValueError("lock sets the packages of {python}, which is not in command")

    @property
    def dialect(self) -> Dialect:
        """Return the paths, fields and accounts with which it implements the contract."""
        return Dialect(
            self.paths,
            self.fields,
            self.authorization,
            self.csrf_header,
            AccountNames(**self.accounts.model_dump()),
        )

    def uses(self, *names: str) -> bool:
        """Whether its environment has any of these placeholders."""
        return any(f"{{{name}}}" in value for value in self.environment.values() for name in names)

    @property
    def place(self) -> str:
        """Return its command and folder, or its addresses, for people."""
        if self.command is None:
            return ", ".join(self.address or [])
        return f"{self.command} in {PurePath(self.folder).name or self.folder}"

    @property
    def read_path(self) -> str:
        """Return the path of a read, as in the contract."""
        return "/public" if self.transport == "none" else "/api/restricted"

    def remote(self) -> list[str]:
        """Return its addresses that are not this machine's loopback."""
        return [address for address in self.address or [] if not is_loopback(host_and_port(address)[0])]


def filled(command: str, values: Mapping[str, str]) -> list[str]:
    """Return a command's words, split as by a shell, with placeholders filled in.

    Raises:
        ValueError: A quotation does not end, or a placeholder is unknown.
    """
    return [put(word, values, "command") for word in shlex.split(command)]


def put(text: str, values: Mapping[str, str], where: str) -> str:
    """Return a text with placeholders filled in; other braces, such as those of JSON, are kept.

    Args:
        text: Text with placeholders.
        values: Values by name of the placeholder.
        where: Key that the text belongs to, for the message.

    Raises:
        ValueError: A placeholder is unknown.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            known = ", ".join(f"{{{name}}}" for name in values)
            raise ValueError(f"expected one of {known} in {where} (got {match[0]})")
        return values[match[1]]

    return _PLACEHOLDER.sub(value, text)


def host_and_port(address: str) -> tuple[str, int]:
    """Return the host and port of an address.

    Raises:
        ValueError: The address does not have the form http://HOST:PORT.
    """
    url = urlsplit(address)
    if "@" in url.netloc:
        raise ValueError("expected an address without a user: set the accounts under accounts")
    if url.scheme != "http" or not url.hostname or url.port == 0 or url.path.strip("/") or url.query:
        raise ValueError(f"expected an address such as http://127.0.0.1:3000 (got {address!r})")
    return url.hostname, 80 if url.port is None else url.port


class HostPort(NamedTuple):
    """Host and port of a listener."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> HostPort:
        """Parse `HOST:PORT`.

        Raises:
            ValueError: The text does not have this form.
        """
        url = urlsplit(f"//{text}")
        with suppress(ValueError):  # the port is not a number, or too large
            if url.hostname and url.port is not None and text == url.netloc and not url.username:
                return cls(url.hostname, url.port)
        raise ValueError(f"expected HOST:PORT, such as 127.0.0.1:5600 (got {text!r})")


def is_loopback(host: str) -> bool:
    """Whether a host, by name or number, is this machine's loopback; names are not resolved."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
