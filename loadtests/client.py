"""A lean HTTP/1.1 client for Locust users: prepared requests out, whole answers in.

Locust's own FastHttpUser costs more CPU per request than these servers do, and so hides their differences
(docs/method.md). This one sends bytes that were put together once and reads with llhttp, the parser of
geventhttpclient. One connection carries one request at a time.
"""

from __future__ import annotations

import json
from time import perf_counter_ns
from typing import Any, Final, NamedTuple

import gevent
from gevent import socket
from gevent.hub import get_hub
from geventhttpclient._parser import HTTPParseError, HTTPResponseParser

from harness.protocol.dialect import CONTRACT, Dialect, names_in
from loadtests import kernel_time
from servers import contract

_READABLE: Final = 1
#: A connection that lay idle for longer may have been closed by its server, as servers do with idle ones.
_IDLE_NS: Final = 1_000_000_000


class RequestFailedError(Exception):
    """No whole, well-formed answer came: refused, closed, timed out or not HTTP."""


class LoginFailedError(Exception):
    """An account could not log in; without it nothing can be measured."""


class TimedAnswer(NamedTuple):
    """One answer, and when its request was sent and its last byte came in (perf_counter, ns).

    `cookies` are the values of its Set-Cookie fields, where they were asked for.
    """

    status: int
    body: bytes
    wire_bytes: int
    sent_ns: int
    read_ns: int
    cookies: tuple[str, ...] = ()


class _Body(HTTPResponseParser):
    """Keeps status and body; header fields are skipped, since reads do not need them."""

    def __init__(self) -> None:
        super().__init__()
        self.body = b""
        self.complete = False

    def restart(self) -> None:
        self.body = b""
        self.complete = False

    def _on_message_begin(self) -> None:
        if self.complete:
            raise HTTPParseError("another answer came behind the one that was asked for")

    def _on_message_complete(self) -> None:
        # An interim answer (1xx) is followed by the real one.
        self.complete = self.get_code() >= 200

    def _on_headers_complete(self) -> bool:
        return False

    def _on_body(self, chunk: bytes) -> None:
        self.body += chunk

    def _on_status(self, text: str) -> None:
        pass

    def _on_header_field(self, text: str) -> None:
        pass

    def _on_header_value(self, text: str) -> None:
        pass


class _BodyAndCookies(_Body):
    """Keeps the Set-Cookie fields too, which costs a call for every header field."""

    def restart(self) -> None:
        super().restart()
        self._fields: list[tuple[str, str]] = []
        self._in_name = False

    @property
    def cookies(self) -> tuple[str, ...]:
        return tuple(value for name, value in self._fields if name.lower() == "set-cookie")

    # A name or a value comes in pieces where the bytes did.
    def _on_header_field(self, text: str) -> None:
        name = self._fields.pop()[0] + text if self._in_name else text
        self._fields.append((name, ""))
        self._in_name = True

    def _on_header_value(self, text: str) -> None:
        name, value = self._fields.pop()
        self._fields.append((name, value + text))
        self._in_name = False


class Connection:
    """A keep-alive connection that opens itself again after an error.

    Attributes:
        busy_since_ns: When the request under way was sent; 0 while idle. `Deadlines` reads it.
    """

    def __init__(self, host: str, port: int) -> None:
        self.address = (host, port)
        self.busy_since_ns = 0
        self._read_ns = 0
        self._hub = get_hub()
        self._socket: Any = None
        self._reader = _Body()

    def exchange(self, request: bytes) -> TimedAnswer:
        """Send a request and read the whole answer, skipping its header fields.

        Raises:
            RequestFailedError: There was none; the next exchange connects anew.
        """
        return self._guarded(request, self._reader)

    def exchange_for_cookies(self, request: bytes) -> TimedAnswer:
        """Send a request and read the whole answer and the cookies that it sets.

        Raises:
            RequestFailedError: There was none; the next exchange connects anew.
        """
        reader = _BodyAndCookies()
        return self._guarded(request, reader)._replace(cookies=reader.cookies)

    def _guarded(self, request: bytes, reader: _Body) -> TimedAnswer:
        try:
            if perf_counter_ns() - self._read_ns > _IDLE_NS and self._was_closed():
                self.close()
            if self._socket is None:
                self._connect()
            return self._exchange(request, reader)
        except (OSError, HTTPParseError) as error:
            self.close()
            raise RequestFailedError(f"{type(error).__name__}: {error}") from error
        finally:
            self.busy_since_ns = 0

    def _exchange(self, request: bytes, reader: _Body) -> TimedAnswer:
        size = 0
        reader.restart()
        sent_ns = self.busy_since_ns = perf_counter_ns()
        sent = self._socket.send(request)
        if sent < len(request):
            self._gevent_socket.sendall(request[sent:])
        while not reader.complete:
            self._hub.wait(self._readable)
            try:
                data, read_ns = kernel_time.read(self._socket, sent_ns)
            except BlockingIOError:  # a spurious wake-up
                continue
            size += len(data)
            # The end of the connection is fed too: it may be how the server says that its answer is whole.
            reader.feed(data)
            if not data and not reader.complete:
                raise ConnectionResetError("the server closed the connection before it answered")
        self._read_ns = read_ns
        answer = TimedAnswer(reader.get_code(), reader.body, size, sent_ns, read_ns)
        if not reader.should_keep_alive():
            self.close()
        return answer

    def _was_closed(self) -> bool:
        """Whether the server has ended this connection while nothing was asked."""
        if self._socket is None:
            return False
        try:
            return not self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def abort(self) -> None:
        """Make the request under way fail: its reader sees the connection end."""
        if self._socket is not None:
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close; a later exchange opens anew."""
        if self._socket is not None:
            self._readable.close()
            self._gevent_socket.close()
            self._socket = None

    def _connect(self) -> None:
        self._gevent_socket = socket.create_connection(self.address, timeout=10)
        self._gevent_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The plain socket beneath gevent's: gevent tries to read before it waits, which is in vain each time.
        self._socket = self._gevent_socket._sock  # noqa: SLF001
        kernel_time.note(self._socket)
        self._readable = self._hub.loop.io(self._socket.fileno(), _READABLE)
        self._reader = _Body()  # what is left of a torn answer must not meet the next


class Deadlines:
    """Ends requests that take too long, for all connections at once: a timer for each would cost more."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_ns = round(timeout_s * 1e9)
        self._connections: list[Connection] = []
        self._watching = gevent.spawn(self._watch)

    def close(self) -> None:
        """Watch no more, and close all connections."""
        self._watching.kill()
        for connection in self._connections:
            connection.close()

    def add(self, connection: Connection) -> Connection:
        """Watch this one from now on."""
        self._connections.append(connection)
        return connection

    def _watch(self) -> None:
        while True:
            gevent.sleep(min(0.25, self._timeout_ns / 4e9))
            oldest = perf_counter_ns() - self._timeout_ns
            for connection in self._connections:
                if 0 < connection.busy_since_ns < oldest:
                    connection.abort()


class Credential(NamedTuple):
    """What a login answered with: header lines that carry it, and whose it is.

    `proof` is the header line that must accompany what changes something; empty where none must.
    `refresh_token` gets the next credential; empty where the scheme has none.
    """

    headers: bytes
    proof: bytes
    account_id: str
    refresh_token: str = ""

    def renewed(self, answer: TimedAnswer, dialect: Dialect = CONTRACT) -> Credential:
        """What a refresh was answered with, for the same account."""
        body = json.loads(answer.body)
        return self._replace(
            headers=_bearer(dialect, dialect.pick(body, "token")),
            refresh_token=str(dialect.pick(body, "refresh_token") or ""),
        )

    @property
    def is_none(self) -> bool:
        """True where the scheme issued none: the floor."""
        return not self.headers


#: What is carried to a server where nobody can log in.
NOBODYS: Final = Credential(b"", b"", "")

#: Characters from the end of a credential to the one that a forgery changes: in the signature of a token, and
#: far enough from its end that no bit of it goes unused.
_FORGED_AT: Final = 10


def forged(headers: bytes) -> bytes:
    """The same header lines with one character of each credential changed: well-formed, and nobody's."""
    lines = (line.partition(b": ") for line in headers.splitlines())
    return b"".join(
        b"%b: %b\r\n" % (name, b"; ".join(map(_changed, value.split(b"; ")))) for name, _, value in lines
    )


def _changed(credential: bytes) -> bytes:
    """It with one character changed, if it is long enough to be one."""
    if len(credential) < _FORGED_AT:
        return credential
    place = len(credential) - _FORGED_AT
    other = b"A" if credential[place : place + 1] != b"A" else b"B"
    return credential[:place] + other + credential[place + 1 :]


def request_bytes(
    method: str, path: str, address: tuple[str, int], headers: bytes, body: bytes = b""
) -> bytes:
    """One HTTP/1.1 request as it goes over the wire; `headers` are whole lines with CRLF."""
    host, port = address
    kind = b"Content-Type: application/json\r\n" if body else b""
    length = b"Content-Length: %d\r\n" % len(body) if method != "GET" else b""
    start = f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\n".encode("ascii")
    return start + headers + kind + length + b"\r\n" + body


def load_account(number: int, dialect: Dialect = CONTRACT) -> contract.Credentials:
    """The account of a virtual user, from 0."""
    return contract.Credentials(dialect.accounts.load_user(number), dialect.accounts.password)


def login_bytes(
    address: tuple[str, int], account: contract.Credentials, dialect: Dialect = CONTRACT
) -> bytes:
    """The request that logs an account in."""
    body = dialect.body(account._asdict())
    return request_bytes("POST", dialect.path(contract.AUTHENTICATE), address, b"", body)


def credential_of(answer: TimedAnswer, dialect: Dialect = CONTRACT) -> Credential:
    """The credential that a login was answered with: a cookie, a token, or nothing.

    Raises:
        LoginFailedError: The answer is not the contract's.
    """
    if answer.status != 200:
        raise LoginFailedError(f"status {answer.status} {answer.body[:200]!r}")
    try:
        body = json.loads(answer.body)
    except ValueError as error:
        raise LoginFailedError(f"no JSON in the answer of {len(answer.body)} bytes") from error
    if (account_id := dialect.pick(body, "profile.id")) is None:
        # Not the answer itself, which may hold a credential.
        raise LoginFailedError(
            f"no {dialect.fields.get('profile.id', 'profile.id')} in the answer, which has {names_in(body)}"
        )
    lines = b""
    if answer.cookies:  # in one field, as RFC 6265 section 5.4 has it
        carried = "; ".join(text.split(";", 1)[0] for text in answer.cookies)
        lines += b"Cookie: %b\r\n" % carried.encode("latin-1")
    if token := dialect.pick(body, "token"):
        lines += _bearer(dialect, token)
    csrf = dialect.pick(body, "csrf_token")
    proof = f"{dialect.csrf_header}: {csrf}\r\n".encode("ascii") if csrf else b""
    return Credential(lines, proof, str(account_id), str(dialect.pick(body, "refresh_token") or ""))


def _bearer(dialect: Dialect, token: str) -> bytes:
    return f"Authorization: {dialect.authorization} {token}\r\n".encode("ascii")


def log_in(
    address: tuple[str, int], account: contract.Credentials, dialect: Dialect = CONTRACT
) -> Credential:
    """Log in on a connection of its own.

    Raises:
        LoginFailedError: Says which account, and what the server answered.
    """
    connection = Connection(*address)
    try:
        answer = connection.exchange_for_cookies(login_bytes(address, account, dialect))
        return credential_of(answer, dialect)
    except RequestFailedError as error:
        raise LoginFailedError(f"no login at {address[0]}:{address[1]}: {error}") from error
    except LoginFailedError as error:
        raise LoginFailedError(
            f"{account.username} could not log in: {error}. Are the accounts of virtual users there?"
            " `python -m servers.accounts --load-users` makes them."
        ) from error
    finally:
        connection.close()
