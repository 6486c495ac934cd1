"""Servers of somebody else's, as a suite names them: by a command or by their addresses. Pure."""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Mapping
from pathlib import PurePath
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from harness.protocol.dialect import FIELDS, ROUTES, AccountNames, Dialect

#: What stands for what only a run knows, in a command and in values of the environment. Whoever is on the
#: machine can read a command, so that no secret goes there.
IN_COMMANDS: Final = ("port", "python", "accounts", "key_prefix")
IN_ENVIRONMENT: Final = ("port", "accounts", "key_prefix", "redis_url", "secret")
_PLACE: Final = re.compile(r"\{([a-z_]+)\}")
#: Keys that are about starting a server.
_OF_COMMANDS: Final = frozenset({"folder", "environment", "lock", "ready"})
_ACCOUNTS: Final = "/api/admin/accounts/{username}"

Transport = Literal["cookie", "bearer", "none"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class OwnAccounts(_Frozen):
    """The accounts that such a server knows.

    Attributes:
        load: Name of the account of virtual user `{n}`, counted from 0.
        example: Somebody without a role.
        admin: Somebody with the role `admin`; empty where there is none.
        password: Of all of them.
    """

    load: str = Field(default=AccountNames.load, pattern=r"\{n\}")
    example: str = AccountNames.example
    admin: str = AccountNames.admin
    password: str = AccountNames.password


class ExternalServer(_Frozen):
    """One such server, an arm of its suite by the name of its table.

    Attributes:
        title: What it is, for people.
        transport: What its credential travels in; `none` for one that authenticates nobody.
        command: Starts it in the foreground; `{port}` is where it is to listen on 127.0.0.1, and `{python}`
            an interpreter with what `lock` names; `{accounts}` and `{key_prefix}` as in `environment`.
        folder: Where it is started, from the suite's file.
        environment: What its environment holds besides; `{port}`, `{accounts}` (an SQLite file with the
            accounts that this tool's own servers have), `{redis_url}`, `{key_prefix}` and `{secret}` stand
            for those.
        lock: What `{python}` has, as pip reads it with hashes, from the same folder; empty for no more than
            this tool's own.
        ready: A path that answers 2xx once it can serve.
        address: Where it runs already, as `http://HOST:PORT`; one an instance.
        agent: Where `bench.py remote agent` answers for the processes at these addresses, as `HOST:PORT`.
        paths: Its own path by the contract's; `""` for a route that it does not have.
        fields: Its own field by the contract's; a dot leads into an object.
        authorization: The word before its bearer token.
        csrf_header: The header that proves an unsafe request to be no forgery.
        accounts: Who can log in.
    """

    title: str = "a server of somebody else's"
    transport: Transport
    command: str | None = None
    folder: str = "."
    environment: dict[str, str] = Field(default_factory=dict)
    lock: str = ""
    ready: str = Field(default="/healthz", pattern=r"^/\S*$")
    address: Annotated[list[str], Field(min_length=1)] | None = None
    agent: str | None = None
    paths: dict[str, str] = Field(default_factory=dict)
    fields: dict[str, str] = Field(default_factory=dict)
    authorization: str = Field(default="Bearer", pattern=r"^[!-~]+$")
    csrf_header: str = Field(default="X-CSRF-Token", pattern=r"^[A-Za-z0-9-]+$")
    accounts: OwnAccounts = OwnAccounts()

    @field_validator("command")
    @classmethod
    def _can_be_filled_in(cls, command: str | None) -> str | None:
        if command is None:
            return None
        for name in _PLACE.findall(command):
            if name in IN_ENVIRONMENT and name not in IN_COMMANDS:
                raise ValueError(
                    f"{{{name}}} belongs in environment, since whoever is on the machine can read a command"
                )
        if not filled(command, dict.fromkeys(IN_COMMANDS, "0")):
            raise ValueError("expected a command, such as node server.js --port {port}")
        return command

    @field_validator("environment")
    @classmethod
    def _values_can_be_filled_in(cls, environment: dict[str, str]) -> dict[str, str]:
        for name, value in environment.items():
            put(value, dict.fromkeys(IN_ENVIRONMENT, "0"), name)
        return environment

    @field_validator("address")
    @classmethod
    def _addresses_can_be_called(cls, addresses: list[str] | None) -> list[str] | None:
        for address in addresses or []:
            host_and_port(address)
        return addresses

    @field_validator("agent")
    @classmethod
    def _agent_can_be_called(cls, agent: str | None) -> str | None:
        if agent is not None and not agent_at(agent)[1]:
            raise ValueError(f"expected a port from 1 (got {agent!r})")
        return agent

    @field_validator("paths")
    @classmethod
    def _paths_are_routes(cls, paths: dict[str, str]) -> dict[str, str]:
        for route, path in paths.items():
            if route not in ROUTES:
                raise ValueError(f"expected one of {', '.join(ROUTES)} (got {route!r})")
            if path and not (
                path.startswith("/") and path.isascii() and path.isprintable() and " " not in path
            ):
                raise ValueError(f"expected a path that begins with / for {route} (got {path!r})")
        if paths.get(_ACCOUNTS) and "{username}" not in paths[_ACCOUNTS]:
            raise ValueError(f"expected a path with {{username}} in it for {_ACCOUNTS}")
        return paths

    @field_validator("fields")
    @classmethod
    def _fields_are_known(cls, fields: dict[str, str]) -> dict[str, str]:
        for name, own in fields.items():
            if name not in FIELDS:
                raise ValueError(f"expected one of {', '.join(FIELDS)} (got {name!r})")
            if not all(own.split(".")):
                raise ValueError(f"expected a field such as user.id for {name} (got {own!r})")
        return fields

    @model_validator(mode="after")
    def _has_what_is_measured(self) -> Self:
        needed = ["/public"] if self.transport == "none" else [one for one in ROUTES if not ROUTES[one]]
        for route in needed:
            if not self.dialect.has(route):
                raise ValueError(f"without {route} there is nothing to measure")
        return self

    @model_validator(mode="after")
    def _is_started_or_runs(self) -> Self:
        if (self.command is None) == (self.address is None):
            raise ValueError("expected either command, to start it, or address, where it runs already")
        if self.address is None and self.agent is not None:
            raise ValueError("agent is for servers that are named by their address")
        if self.address is not None and (told := sorted(self.model_fields_set & _OF_COMMANDS)):
            raise ValueError(f"{', '.join(told)}: only for servers that are started by a command")
        return self

    @model_validator(mode="after")
    def _is_told_what_it_needs(self) -> Self:
        command = self.command
        if command is None:
            return self
        if not any("{port}" in text for text in (command, *self.environment.values())):
            raise ValueError("expected {port} in command or in environment: where it is to listen")
        if self.lock and "{python}" not in command:
            raise ValueError("lock is what {python} has, and that is not in command")
        return self

    @property
    def dialect(self) -> Dialect:
        """How it speaks the contract."""
        return Dialect(
            self.paths,
            self.fields,
            self.authorization,
            self.csrf_header,
            AccountNames(**self.accounts.model_dump()),
        )

    @property
    def uses_store(self) -> bool:
        """Whether it is told where the run's store is."""
        return any("{redis_url}" in value for value in self.environment.values())

    @property
    def place(self) -> str:
        """Where it comes from, for people: its command and folder, or its addresses."""
        if self.command is None:
            return ", ".join(self.address or [])
        return f"{self.command} in {PurePath(self.folder).name or self.folder}"

    @property
    def read_path(self) -> str:
        """What a read asks for, by the contract's name."""
        return "/public" if self.transport == "none" else "/api/restricted"

    def remote(self) -> list[str]:
        """Those of its addresses that are not this machine's loopback."""
        return [one for one in self.address or [] if not is_loopback(host_and_port(one)[0])]


def filled(command: str, values: Mapping[str, str]) -> list[str]:
    """A command's words, as a shell would split them, with what stands in braces put in.

    Raises:
        ValueError: A quotation does not end, or a name in braces is not known.
    """
    return [put(word, values, "command") for word in shlex.split(command)]


def put(text: str, values: Mapping[str, str], where: str) -> str:
    """A text with what names in braces stand for; other braces, such as those of JSON, stay.

    Args:
        text: The text.
        values: By name.
        where: Whose text it is, for the message.

    Raises:
        ValueError: A name is not known.
    """

    def value(place: re.Match[str]) -> str:
        if place[1] not in values:
            known = ", ".join(f"{{{name}}}" for name in values)
            raise ValueError(f"expected one of {known} in {where} (got {place[0]})")
        return values[place[1]]

    return _PLACE.sub(value, text)


def host_and_port(address: str) -> tuple[str, int]:
    """Where an address is.

    Raises:
        ValueError: It is not written as http://HOST:PORT.
    """
    url = urlsplit(address)
    if "@" in url.netloc:
        raise ValueError("expected an address without a user: what logs in is said in accounts")
    if url.scheme != "http" or not url.hostname or url.port == 0 or url.path.strip("/") or url.query:
        raise ValueError(f"expected an address such as http://127.0.0.1:3000 (got {address!r})")
    return url.hostname, 80 if url.port is None else url.port


def agent_at(text: str) -> tuple[str, int]:
    """The host and port that `HOST:PORT` names.

    Raises:
        ValueError: It is not written so.
    """
    place = urlsplit(f"//{text}")
    try:
        if place.hostname and place.port is not None and text == place.netloc and not place.username:
            return place.hostname, place.port
    except ValueError:  # a port that is no number, or too large
        pass
    raise ValueError(f"expected HOST:PORT, such as 127.0.0.1:5600 (got {text!r})")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine's loopback, by its name or number; no name is looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
