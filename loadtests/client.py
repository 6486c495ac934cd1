"""A fast HTTP/1.1 client for Locust users: sends prepared requests and reads whole answers.

Locust's FastHttpUser costs more CPU per request than these servers do, and so hides their differences
(docs/method.md). This client sends bytes that were built once and parses answers with llhttp, the parser of
geventhttpclient. A connection carries one request at a time.
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
#: A connection that was idle for longer may have been closed by its server.
_IDLE_NS: Final = 1_000_000_000


class RequestFailedError(Exception):
    """Missing or malformed answer: refused, closed, timed out or not HTTP."""


class LoginFailedError(Exception):
    """Failed login of an account, without which nothing can be measured."""


class TimedAnswer(NamedTuple):
    """One answer, with the times at which its request was sent and its last byte arrived (perf_counter, ns).

    `cookies` are the values of its Set-Cookie fields, if requested.
    """

    status: int
    body: bytes
    wire_bytes: int
    sent_ns: int
    read_ns: int
    cookies: tuple[str, ...] = ()


class _Body(HTTPResponseParser):
    """Parser that keeps status and body; header fields are skipped, since reads do not need them."""

    def restart(self) -> None:
        """Begin an answer."""
        self.body = b""
        self.complete = False

    def _on_message_begin(self) -> None:
        if self.complete:
            raise HTTPParseError("the server sent a second answer to one request")

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
    """Parser that also keeps the Set-Cookie fields, which costs a call for every header field."""

    def restart(self) -> None:
        super().restart()
        self._fields: list[tuple[str, str]] = []
        self._in_name = False

    @property
    def cookies(self) -> tuple[str, ...]:
        return tuple(value for name, value in self._fields if name.lower() == "set-cookie")

    # A name or a value arrives in pieces if its bytes did.
    def _on_header_field(self, text: str) -> None:
        name = self._fields.pop()[0] + text if self._in_name else text
        self._fields.append((name, ""))
        self._in_name = True

    def _on_header_value(self, text: str) -> None:
        name, value = self._fields.pop()
        self._fields.append((name, value + text))
        self._in_name = False


class Connection:
    """A keep-alive connection that reconnects after an error.

    Attributes:
        busy_since_ns: When the pending request was sent; 0 while idle. Read by `Deadlines`.
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
            RequestFailedError: No whole answer came; the next exchange reconnects.
        """
        return self._exchange_or_close(request, None)

    def exchange_for_cookies(self, request: bytes) -> TimedAnswer:
        """Send a request and read the whole answer and the cookies that it sets.

        Raises:
            RequestFailedError: No whole answer came; the next exchange reconnects.
        """
        reader = _BodyAndCookies()
        return self._exchange_or_close(request, reader)._replace(cookies=reader.cookies)

    def _exchange_or_close(self, request: bytes, reader: _Body | None) -> TimedAnswer:
        """Exchange with a parser of its own, else with the connection's, which a new connection replaces."""
        try:
            if (
                perf_counter_ns() - self._read_ns > _IDLE_NS
                and self._socket is not None
                and self._was_closed()
            ):
                self.close()
            if self._socket is None:
                self._connect()
            return self._exchange(request, reader or self._reader)
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
            # The end of the connection is fed too: it may mark the end of the answer.
            reader.feed(data)
            if not data and not reader.complete:
                raise ConnectionResetError("the server closed the connection before it answered")
        self._read_ns = read_ns
        answer = TimedAnswer(reader.get_code(), reader.body, size, sent_ns, read_ns)
        if not reader.should_keep_alive():
            self.close()
        return answer

    def _was_closed(self) -> bool:
        """Whether the server closed this connection while no request was pending."""
        try:
            return not self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def abort(self) -> None:
        """Make the pending request fail: its reader gets the end of the connection."""
        if self._socket is not None:
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; a later exchange reconnects."""
        if self._socket is not None:
            self._readable.close()
            self._gevent_socket.close()
            self._socket = None

    def _connect(self) -> None:
        self._gevent_socket = socket.create_connection(self.address, timeout=10)
        self._gevent_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The plain socket below gevent's: gevent tries to read before it waits, each time in vain.
        self._socket = self._gevent_socket._sock  # noqa: SLF001
        kernel_time.note(self._socket)
        self._readable = self._hub.loop.io(self._socket.fileno(), _READABLE)
        self._reader = _Body()  # the rest of a torn answer must not be read as the next


class Deadlines:
    """Timeouts of the requests of all connections; one timer for each connection would cost more."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_ns = round(timeout_s * 1e9)
        self._connections: list[Connection] = []
        self._watcher = gevent.spawn(self._watch)

    def close(self) -> None:
        """Stop the timeouts and close all connections."""
        self._watcher.kill()
        for connection in self._connections:
            connection.close()

    def add(self, connection: Connection) -> Connection:
        """Apply the timeout to this connection from now on."""
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
    """Credential issued by a login: the header lines that carry it, and the id of its account.

    `proof` is the header line required on requests that change something; empty if none is required.
    `refresh_token` is exchanged for the next credential; empty if the scheme has none.
    """

    headers: bytes
    proof: bytes
    account_id: str
    refresh_token: str = ""

    def renewed(self, answer: TimedAnswer, dialect: Dialect = CONTRACT) -> Credential:
        """Return the credential that a refresh issued for the same account."""
        body = json.loads(answer.body)
        return self._replace(
            headers=_bearer(dialect, dialect.pick(body, "token")),
            refresh_token=str(dialect.pick(body, "refresh_token") or ""),
        )


#: Sent to servers without a login.
NO_CREDENTIAL: Final = Credential(b"", b"", "")

#: Characters from the end of a credential to the one that a forgery changes: in the signature of a token, and
#: far enough from its end that all its bits are used.
_FORGED_FROM_END: Final = 10


def forged(headers: bytes) -> bytes:
    """Return the header lines with one character of each credential changed: well-formed, but invalid."""
    lines = (line.partition(b": ") for line in headers.splitlines())
    return b"".join(
        b"%b: %b\r\n" % (name, b"; ".join(map(_altered, value.split(b"; ")))) for name, _, value in lines
    )


def _altered(credential: bytes) -> bytes:
    """Return a credential with one character changed; a value too short to be a credential is unchanged."""
    if len(credential) < _FORGED_FROM_END:
        return credential
    index = len(credential) - _FORGED_FROM_END
    replacement = b"A" if credential[index : index + 1] != b"A" else b"B"
    return credential[:index] + replacement + credential[index + 1 :]


def request_bytes(
    method: str, path: str, address: tuple[str, int], headers: bytes, body: bytes = b""
) -> bytes:
    """Return an HTTP/1.1 request as sent on the wire; `headers` are whole lines with CRLF."""
    content_type = b"Content-Type: application/json\r\n" if body else b""
    length = b"Content-Length: %d\r\n" % len(body) if method != "GET" else b""
    request_line = f"{method} {path} HTTP/1.1\r\nHost: {contract.authority(*address)}\r\n".encode("ascii")
    return request_line + headers + content_type + length + b"\r\n" + body


def load_account(number: int, dialect: Dialect = CONTRACT) -> contract.Credentials:
    """Return the account of a virtual user, counted from 0."""
    return contract.Credentials(dialect.accounts.load_user(number), dialect.accounts.password)


def login_bytes(
    address: tuple[str, int], account: contract.Credentials, dialect: Dialect = CONTRACT
) -> bytes:
    """Return the request that logs an account in."""
    body = dialect.body(account._asdict())
    return request_bytes("POST", dialect.path(contract.AUTHENTICATE), address, b"", body)


def credential_of(answer: TimedAnswer, dialect: Dialect = CONTRACT) -> Credential:
    """Return the credential in the answer to a login: a cookie, a token, or neither.

    Raises:
        LoginFailedError: The answer does not meet the contract.
    """
    if answer.status != 200:
        raise LoginFailedError(f"status {answer.status} {answer.body[:200]!r}")
    try:
        body = json.loads(answer.body)
    except ValueError as error:
        raise LoginFailedError(f"the answer of {len(answer.body)} bytes is not JSON") from error
    if (account_id := dialect.pick(body, "profile.id")) is None:
        # Not the answer itself, which may contain a credential.
        raise LoginFailedError(
            f"no {dialect.fields.get('profile.id', 'profile.id')} in the answer, which has {names_in(body)}"
        )
    lines = b""
    if answer.cookies:  # in one field, as RFC 6265 section 5.4 requires
        cookies = "; ".join(text.split(";", 1)[0] for text in answer.cookies)
        lines += b"Cookie: %b\r\n" % cookies.encode("latin-1")
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
    """Log in on a separate connection.

    Raises:
        LoginFailedError: The login failed; names the account and the answer of the server.
    """
    connection = Connection(*address)
    try:
        answer = connection.exchange_for_cookies(login_bytes(address, account, dialect))
        return credential_of(answer, dialect)
    except RequestFailedError as error:
        raise LoginFailedError(f"no login at {address[0]}:{address[1]}: {error}") from error
    except LoginFailedError as error:
        raise LoginFailedError(
            f"{account.username} could not log in: {error}. Do the accounts of the virtual users exist?"
            " `python -m servers.accounts --load-users` creates them."
        ) from error
    finally:
        connection.close()
