"""Where a store of several nodes is: the two kinds of URL that redis-py by itself does not read.

    redis+sentinel://[[user]:[password]@]host[:26379][,host[:port] ...]/NAME[/db][?options]
    redis+cluster://[[user]:[password]@]host[:6379][,host[:port] ...][?options]

`rediss+` asks for TLS. Prefect, docket and limits read the same. User, password, database and options are
those of redis-py's own URLs and go for the nodes that hold keys; `sentinel_username` and `sentinel_password`
go for the Sentinels, which share TLS and its options with the nodes.

The harness reads the same URLs by this file: it and `servers.contract` are all that it imports of `servers`.
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

_PORTS: Final = {"sentinel": 26379, "cluster": 6379}
_OF_SENTINELS: Final = "sentinel_"


class Nodes(NamedTuple):
    """A store of several nodes.

    Attributes:
        kind: Whom to ask where the keys are.
        hosts: Those to ask, each with its port.
        name: What the Sentinels call the master; empty for a cluster.
        options: Of every connection to a node that holds keys, by redis-py's names.
        sentinel_options: Of every connection to a Sentinel.
    """

    kind: Literal["sentinel", "cluster"]
    hosts: list[tuple[str, int]]
    name: str
    options: dict[str, Any]
    sentinel_options: dict[str, Any]


def parse(url: str) -> Nodes | None:
    """Return what a URL says of a store of several nodes; None where it is of another kind.

    Raises:
        ValueError: It is of these kinds and cannot be read.
    """
    match = _URL.fullmatch(url)
    if match is None:
        return None
    kind = cast(Literal["sentinel", "cluster"], match["kind"].lower())
    name, _, database = match["path"].strip("/").partition("/") if kind == "sentinel" else ("", "", "")
    if kind == "sentinel" and not name:
        raise ValueError("it does not name the master: redis+sentinel://host:26379/NAME")
    if kind == "cluster" and match["path"].strip("/") not in ("", "0"):
        raise ValueError("a cluster has one database only")
    user = "" if match["user"] is None else f"{match['user']}@"
    one = f"{match['scheme'].lower()}://{user}host/{database}{match['query'] or ''}"
    options: dict[str, Any] = dict(parse_url(one))  # type: ignore[no-untyped-call]
    del options["host"]
    options.pop("connection_class", None)
    if match["scheme"].lower() == "rediss":
        options["ssl"] = True
    of_sentinels = {key: options.pop(key) for key in list(options) if key.startswith(_OF_SENTINELS)}
    shared = {key: value for key, value in options.items() if key.startswith("ssl")}
    return Nodes(
        kind,
        [_host(text, _PORTS[kind]) for text in match["hosts"].split(",")],
        name,
        options,
        shared | {key.removeprefix(_OF_SENTINELS): value for key, value in of_sentinels.items()},
    )


def shown(url: str) -> str:
    """Return a URL of a store without user, password and options, any of which may be secret."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("?")[0].partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def _host(text: str, port: int) -> tuple[str, int]:
    """The host and port of `host`, `host:port` or `[IPv6]:port`."""
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError("a host is missing")
    return parts.hostname, parts.port or port
