"""Command line of the servers: `python -m servers SCHEME`."""

import argparse
import contextlib
import ipaddress
import json
import math
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from servers import schemes
from servers.accounts import seed
from servers.bench.costs import COSTS, check_hashes
from servers.bench.ready_line import ready_line
from servers.embedded_store import StoreStartError, embedded_store
from servers.errors import CannotStartError, UsageError
from servers.http import cors
from servers.process import describe, multiprocess, serving
from servers.settings import (
    DEFAULT_KEY_PREFIX,
    MAX_CREDENTIAL_BYTES,
    Settings,
    new_secret,
    read_lifetime_s,
    read_secrets,
    read_text,
)
from servers.signing_keys import new_private_key

INTERRUPTED_EXIT_CODE: Final = 130
MAX_PORT: Final = 65535


def main() -> None:
    """Serve one scheme, or list the schemes; an error is one line on stderr and an exit code."""
    options = _parser().parse_args()
    # Until the event loop handles SIGTERM: exit through all clean-up, including the store and the accounts.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        if options.list:
            print(json.dumps(describe.describe_schemes()) if options.json else describe.list_schemes())
        elif options.scheme is None:
            raise UsageError(f"Name a scheme: {', '.join(schemes.names())}.")
        else:
            _serve(options)
    except CannotStartError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:  # before the loop handles it
        sys.exit(INTERRUPTED_EXIT_CODE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m servers",
        description="Run a server with one authentication scheme. Default: embedded store, example accounts.",
        epilog="Secrets are read from environment variables, or from the file given by NAME_FILE. "
        "AUTH_SECRET (at least 32 bytes) signs tokens and CSRF tokens; AUTH_SECRET_PREVIOUS is the previous "
        "secret, which still verifies. AUTH_PRIVATE_KEY (PEM) signs for schemes with key pairs; "
        "AUTH_PUBLIC_KEYS (PEM) are additional keys that verify. REDIS_URL is the store (redis://, "
        "rediss://, unix://, redis+sentinel://, redis+cluster://: docs/stores.md), LOOKUP_URL the PostgreSQL "
        "of token-lookup. AUTH_LIFETIME_S is the lifetime of a credential in seconds (default: 18000; access "
        "tokens of token-refresh: 300). With --processes N all processes share these settings, but limits "
        "and failed-login counters are per process: an account allows N times as many guesses.",
    )
    for name, (text, options) in _OPTIONS.items():
        parser.add_argument(name, help=text, **options)
    return parser


def _whole_number(what: str, least: int, most: float) -> Callable[[str], int]:
    """Return a function that parses the number of an option, and rejects others with the message `what`."""

    def parse(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(what)
        return int(text)

    return parse


_PORT: Final = _whole_number(f"a port is a number from 0 to {MAX_PORT}", 0, MAX_PORT)
_PROCESSES: Final = _whole_number("a number of processes is 1 or more", 1, math.inf)
_CONNECTIONS: Final = _whole_number("a number of connections is 1 or more", 1, math.inf)
_FLAG: Final = {"action": "store_true"}
#: Help and argparse options of each argument.
_OPTIONS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "scheme": ("name of the scheme (see --list)", {"nargs": "?", "metavar": "SCHEME"}),
    "--list": ("list the schemes and their guarantees, and exit", _FLAG),
    "--json": ("print one line of JSON", _FLAG),
    "--host": ("address to listen on (default: %(default)s)", {"default": "127.0.0.1"}),
    "--port": ("port; 0 selects a free one (default: %(default)s)", {"type": _PORT, "default": 8001}),
    "--processes": (
        "number of processes that share the port (default: 1)",
        {"type": _PROCESSES, "default": 1, "metavar": "N"},
    ),
    "--loop": ("event loop (default: %(default)s)", {"choices": serving.LOOPS, "default": "uvloop"}),
    "--keepalive": (
        "idle timeout of connections (default: 75 s)",
        {"type": float, "default": 75, "metavar": "S"},
    ),
    "--max-connections": (
        "number of open connections of a process; further ones are answered 503 (default: %(default)s)",
        {"type": _CONNECTIONS, "default": serving.MAX_CONNECTIONS, "metavar": "N"},
    ),
    "--password-cost": ("argon2 cost profile (default: %(default)s)", {"choices": COSTS, "default": "owasp"}),
    "--accounts": (
        "accounts file (default: temporary example accounts, with a public password)",
        {"type": Path, "metavar": "FILE"},
    ),
    "--redis-url": ("URL of the store, without a password; REDIS_URL may have one", {"metavar": "URL"}),
    "--key-prefix": ("prefix of all keys in the store", {"default": DEFAULT_KEY_PREFIX}),
    "--behind-tls": ("browsers connect by https: bind cookies to https and to this host", _FLAG),
    "--allow-origin": (
        "additional origin that may call this server, matched exactly; repeatable (default: none)",
        {"action": "append", "default": [], "metavar": "URL"},
    ),
    "--max-credential-bytes": (
        "default: 4096",
        {"type": int, "default": MAX_CREDENTIAL_BYTES, "metavar": "N"},
    ),
}


def _serve(options: argparse.Namespace) -> None:
    about = schemes.load(options.scheme).ABOUT
    public_keys = read_text(os.environ, "AUTH_PUBLIC_KEYS") or b""
    allow_origins = tuple(
        cors.parse_origin(text, behind_tls=options.behind_tls) for text in options.allow_origin
    )
    if options.accounts:
        check_hashes(options.accounts, options.password_cost)
    elif not _is_loopback(options.host):
        raise UsageError(
            "The example accounts have a public password, so they are for this machine only: set --accounts"
            " FILE (`python -m servers.accounts` creates it)."
        )
    with contextlib.ExitStack() as stack:
        settings = Settings(
            accounts_file=options.accounts or _example_accounts(stack, options.password_cost),
            secrets=_secrets(quiet=options.json),
            redis_url="" if about.promises.store == "none" else _redis_url(stack, options.redis_url),
            key_prefix=options.key_prefix,
            password_cost=COSTS[options.password_cost],
            behind_tls=options.behind_tls,
            max_credential_bytes=options.max_credential_bytes,
            private_key=_private_key(about.key_pair, public_keys),
            public_keys=public_keys,
            lookup_url=(read_text(os.environ, "LOOKUP_URL") or b"").decode().strip(),
            lifetime_s=read_lifetime_s(os.environ),
            allow_origins=allow_origins,
        )

        serve = partial(
            serving.run,
            options.scheme,
            settings,
            options.host,
            loop=options.loop,
            keepalive_s=options.keepalive,
            max_connections=options.max_connections,
            shared=options.processes > 1,
        )

        def ready(port: int) -> None:
            commands = describe.try_it(options.scheme, options.host, port, behind_tls=options.behind_tls)
            print(ready_line(options, port, commands) if options.json else commands, flush=True)

        if options.processes == 1:
            serve(options.port, ready)
        else:
            multiprocess.run(options.processes, options.host, options.port, serve, ready)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _example_accounts(stack: contextlib.ExitStack, cost: str) -> Path:
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="accounts-"))
    path = Path(folder, "accounts.sqlite")
    seed(path, cost=cost)
    return path


def _secrets(*, quiet: bool) -> tuple[bytes, ...]:
    secrets = read_secrets(os.environ)
    if not secrets and not quiet:
        print("AUTH_SECRET is not set: using a random secret for this run.")
    return secrets or (new_secret(),)


def _private_key(key_pair: str, public_keys: bytes) -> bytes:
    """Return the signing key that all processes of this server share; a new one if none is configured."""
    private_key = read_text(os.environ, "AUTH_PRIVATE_KEY") or b""
    if key_pair and not private_key and not public_keys:
        return new_private_key(key_pair)
    return private_key


def _redis_url(stack: contextlib.ExitStack, argument: str | None) -> str:
    if argument and re.search(r"://[^/]*:[^/]*@|[?&]\w*password=", argument):
        raise UsageError("A password on the command line is visible to all users: set the URL in REDIS_URL.")
    url = argument or (read_text(os.environ, "REDIS_URL") or b"").decode().strip()
    if url:
        return url
    try:
        return stack.enter_context(embedded_store())
    except StoreStartError as error:
        raise CannotStartError(str(error)) from None


if __name__ == "__main__":
    main()
