"""URLs of stores with several nodes, two kinds that redis-py does not support itself.

    redis+sentinel://[[user]:[password]@]host[:26379][,host[:port] ...]/NAME[/db][?options]
    redis+cluster://[[user]:[password]@]host[:6379][,host[:port] ...][?options]

`rediss+` enables TLS. Prefect, docket and limits use the same formats. User, password, database and options
are those of redis-py's URLs and apply to the nodes that hold keys; `sentinel_username` and
`sentinel_password` apply to the Sentinels, which share TLS and its options with the nodes.

The harness parses these URLs with this file: from `servers` it imports only this and `servers.contract`.
"""

import re
from typing import Any, Final, Literal, NamedTuple, cast
from urllib.parse import urlsplit

from redis.connection import parse_url

_URL: Final = re.compile(
    r"(?P<scheme>rediss?)\+(?P<kind>sentinel|cluster)://"
    r"(?:(?P<user>[^/?#]*)@)?(?P<hosts>[^/?#@]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?",
    re.IGNORECASE,
)

#: Message about a password that breaks its URL.
UNESCAPED_PASSWORD: Final = "in a password write # as %23, / as %2F, ? as %3F and @ as %40"  # noqa: S105 - a message

_PORTS: Final = {"sentinel": 26379, "cluster": 6379}
_SENTINEL_PREFIX: Final = "sentinel_"


class Nodes(NamedTuple):
    """Addresses and options of a store with several nodes.

    Attributes:
        kind: Type of the store.
        hosts: Hosts and ports of the Sentinels, or of cluster nodes.
        name: Name of the master at the Sentinels; empty for a cluster.
        options: Options of connections to nodes that hold keys, by redis-py's names.
        sentinel_options: Options of connections to Sentinels.
    """

    kind: Literal["sentinel", "cluster"]
    hosts: list[tuple[str, int]]
    name: str
    options: dict[str, Any]
    sentinel_options: dict[str, Any]


def parse(url: str) -> Nodes | None:
    """Return the nodes in a URL; None if the URL is of another kind.

    Raises:
        ValueError: The URL is of these kinds but invalid.
    """
    check_password(url)
    match = _URL.fullmatch(url)
    if match is None:
        return None
    kind = cast(Literal["sentinel", "cluster"], match["kind"].lower())
    name, _, database = match["path"].strip("/").partition("/") if kind == "sentinel" else ("", "", "")
    if kind == "sentinel" and not name:
        raise ValueError("the name of the master is missing: redis+sentinel://host:26379/NAME")
    if kind == "cluster" and match["path"].strip("/") not in ("", "0"):
        raise ValueError("a cluster has one database only")
    user = "" if match["user"] is None else f"{match['user']}@"
    node_url = f"{match['scheme'].lower()}://{user}host/{database}{match['query'] or ''}"
    options: dict[str, Any] = dict(parse_url(node_url))  # type: ignore[no-untyped-call]
    del options["host"]
    options.pop("connection_class", None)
    if match["scheme"].lower() == "rediss":
        options["ssl"] = True
    for_sentinels = {key: options.pop(key) for key in list(options) if key.startswith(_SENTINEL_PREFIX)}
    shared = {key: value for key, value in options.items() if key.startswith("ssl")}
    return Nodes(
        kind,
        [_host(text, _PORTS[kind]) for text in match["hosts"].split(",")],
        name,
        options,
        shared | {key.removeprefix(_SENTINEL_PREFIX): value for key, value in for_sentinels.items()},
    )


def check_password(url: str) -> None:
    """Check that a password in a URL is percent-encoded where it must be.

    A `/`, `?` or `#` ends the part of a URL that has user, password and host: with one in the password, the
    text before it would be taken for the host, and the store at that host would get the rest.

    Raises:
        ValueError: An `@` comes after a `/`, `?` or `#`, outside of an option's value.
    """
    scheme, _, rest = url.partition("://")
    user, at, _ = rest.rpartition("@")
    if at and not scheme.startswith("unix") and re.search(r"[/?#]", user) and not re.search(r"\?.*=", user):
        raise ValueError(UNESCAPED_PASSWORD)


def shown(url: str) -> str:
    """Return a store's URL without user, password and options, which may be secret."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("?")[0].partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def _host(text: str, port: int) -> tuple[str, int]:
    """Return the host and port in `host`, `host:port` or `[IPv6]:port`."""
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError("a host is missing")
    return parts.hostname, parts.port or port
