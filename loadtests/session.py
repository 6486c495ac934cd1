"""A virtual user's visit to one server, in the methods that scenarios call."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Final, Protocol

import gevent

from harness.protocol.dialect import CONTRACT, Dialect
from loadtests.client import (
    Connection,
    Credential,
    LoginFailedError,
    RequestFailedError,
    TimedAnswer,
    credential_of,
    forged,
    login_bytes,
    request_bytes,
)
from loadtests.recorder import WRONG
from servers import contract

#: Seconds between checks whether a credential has expired, and the number of checks.
_EXPIRY_POLL_S: Final = 0.2
_EXPIRY_POLLS: Final = 150
#: Status of the answer to a request with a missing or bad credential.
_REFUSED: Final = 401

_email_numbers = count()


class StepLog(Protocol):
    """Log of the requests of one step: `loadtests.recorder.StepTally`, or a replacement for it."""

    def answered(self, answer: TimedAnswer, sent_bytes: int, due_ns: int | None) -> None:
        """Log an answer."""

    def failed(self, reason: str) -> None:
        """Log an error: after `answered` a wrong answer, otherwise a missing one."""


class RequestLog(Protocol):
    """Log of all requests: `loadtests.recorder.Tally`, or a replacement for it."""

    def step(self, method: str, name: str) -> StepLog:
        """Return the log of one step."""


class Session:
    """One account on one server instance.

    Every answer is checked: its status, and that it names this account and no other.

    Args:
        connection: Connection to the instance.
        account: Account that logs in.
        read_path: Path of a read.
        credential: Credential of an earlier login.
        dialect: Dialect of the contract that the instance uses.

    Attributes:
        may_log_in: Whether the user logs in again after a refusal, in scenarios with such logins.
    """

    def __init__(
        self,
        connection: Connection,
        account: contract.Credentials,
        read_path: str,
        credential: Credential,
        dialect: Dialect = CONTRACT,
    ) -> None:
        self.may_log_in = True
        self._connection = connection
        self._account = account
        self._dialect = dialect
        self._read_path = dialect.path(read_path)
        self._is_public = read_path == contract.PUBLIC
        self._account_id = credential.account_id
        self._login = login_bytes(connection.address, account, dialect)
        self._known_body: bytes | None = None
        self._tally: RequestLog | None = None
        self._due_ns: int | None = None
        self._expired = False
        self._use(credential)

    def enter(self, tally: RequestLog) -> None:
        """Count requests in this tally from now on."""
        self._tally = tally

    def move(self, connection: Connection) -> None:
        """Use another instance from now on, with the same credential."""
        self._connection.close()
        self._connection = connection
        self._login = login_bytes(connection.address, self._account, self._dialect)
        self._use(self._credential)

    def arrive(self, due_ns: int | None) -> None:
        """Begin a visit; on the response clock its first request counts from `due_ns`."""
        self._due_ns = due_ns

    def read(self) -> int:
        """Read the restricted resource (the public one if the scheme has no authentication).

        Returns:
            The status of the answer; 0 if none came.
        """
        answer = self._exchange("GET", "read", self._read, self._connection.exchange)
        if answer is None:
            return 0
        if answer.status != 200 or answer.body != self._known_body:
            self._check_body(answer)
        return answer.status

    def read_or_log_in(self) -> None:
        """Read, and log in if the read is refused and this user may log in."""
        if self.read() == _REFUSED and self.may_log_in:
            self.log_in()

    def read_without_credential(self) -> None:
        """Read the restricted resource without a credential, and expect a refusal."""
        self._read_refused("absent", b"")

    def read_with_forged_credential(self) -> None:
        """Read with a well-formed credential that was never issued, and expect a refusal."""
        self._read_refused("forged", forged(self._credential.headers))

    def read_with_expired_credential(self) -> None:
        """Read with an expired credential, and expect a refusal; the first call waits for the expiry."""
        if not self._expired:
            self._wait_for_expiry()
        self._read_refused("expired", self._credential.headers)

    def _wait_for_expiry(self) -> None:
        for _ in range(_EXPIRY_POLLS):
            if self._connection.exchange(self._read).status == _REFUSED:
                self._expired = True
                return
            gevent.sleep(_EXPIRY_POLL_S)
        raise LoginFailedError("a credential did not expire: set a short lifetime_s in the suite")

    def log_in(self) -> None:
        """Log in, and use the new credential from then on."""
        answer = self._exchange("POST", "login", self._login, self._connection.exchange_for_cookies)
        if answer is None:
            return
        try:
            credential = credential_of(answer, self._dialect)
        except LoginFailedError as error:
            self._wrong("POST", "login", str(error))
            return
        if credential.account_id != self._account_id:
            self._wrong("POST", "login", "it names another account")
        self._use(credential)

    def write(self) -> None:
        """Change the account's email address."""
        email = f"{self._account.username}+{next(_email_numbers)}@example.com"
        request = self._request("POST", contract.EMAIL, self._dialect.body({"email": email}))
        answer = self._expect(200, "POST", "write", request)
        if answer is not None and json.dumps(email).encode() not in answer.body:
            self._wrong("POST", "write", "the new address is missing")

    def refresh(self) -> None:
        """Get the next credential with the refresh token, and use it from then on."""
        if not self._credential.refresh_token:
            raise LoginFailedError(
                "this scheme issued no refresh token: remove it from the arms of the scenario"
            )
        body = self._dialect.body({"refresh_token": self._credential.refresh_token})
        path = self._dialect.path(contract.REFRESH)
        request = request_bytes("POST", path, self._connection.address, b"", body)
        answer = self._expect(200, "POST", "refresh", request)
        if answer is not None:
            self._use(self._credential.renewed(answer, self._dialect))

    def log_out(self) -> None:
        """Log out."""
        self._expect(204, "POST", "logout", self._request("POST", contract.LOGOUT))

    def _read_refused(self, step: str, headers: bytes) -> None:
        request = request_bytes("GET", self._read_path, self._connection.address, headers)
        self._expect(_REFUSED, "GET", step, request)

    def _use(self, credential: Credential) -> None:
        self._credential = credential
        self._read = request_bytes("GET", self._read_path, self._connection.address, credential.headers)

    def _request(self, method: str, path: str, body: bytes = b"") -> bytes:
        headers = self._credential.headers + self._credential.proof
        return request_bytes(method, self._dialect.path(path), self._connection.address, headers, body)

    def _expect(self, status: int, method: str, step: str, request: bytes) -> TimedAnswer | None:
        """Make one request; return its answer, or None if none came or its status is another, an error."""
        answer = self._exchange(method, step, request, self._connection.exchange)
        if answer is None or answer.status == status:
            return answer
        self._wrong(method, step, f"status {answer.status}")
        return None

    def _exchange(
        self, method: str, step: str, request: bytes, exchange: Callable[[bytes], TimedAnswer]
    ) -> TimedAnswer | None:
        """Make one request and count it; return None if no answer came."""
        if self._tally is None:
            raise RuntimeError("call enter() with a tally first")
        tally = self._tally.step(method, step)
        due_ns, self._due_ns = self._due_ns, None
        try:
            answer = exchange(request)
        except RequestFailedError as error:
            tally.failed(str(error))
            return None
        tally.answered(answer, len(request), due_ns)
        return answer

    def _wrong(self, method: str, step: str, reason: str) -> None:
        if self._tally is not None:
            self._tally.step(method, step).failed(f"{WRONG}{reason}")

    def _check_body(self, answer: TimedAnswer) -> None:
        """Accept a new body if it names this account; it is known from then on."""
        if answer.status != 200:
            self._wrong("GET", "read", f"status {answer.status}")
            return
        if self._is_public:
            self._known_body = answer.body
            return
        try:
            account_id = self._dialect.pick(json.loads(answer.body), "id")
        except ValueError:
            account_id = None
        if account_id is None:
            self._wrong("GET", "read", "no id in the body")
        elif str(account_id) == self._account_id:
            self._known_body = answer.body
        else:
            self._wrong("GET", "read", "it names another account")
