"""A virtual user's visit to one server: what scenarios are written in."""

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

#: Seconds between looks whether a credential has expired, and how many are made.
_LOOK_S: Final = 0.2
_LIFETIME_LOOKS: Final = 150
#: What a request is answered whose credential is missing or bad.
_REFUSED: Final = 401

_email_numbers = count()


class StepLog(Protocol):
    """Where the requests of one step are noted: `loadtests.recorder.StepTally` says how."""

    def answered(self, answer: TimedAnswer, sent_bytes: int, due_ns: int | None) -> None:
        """An answer came."""

    def failed(self, reason: str) -> None:
        """With `answered` before it the answer was wrong, without it none came."""


class RequestLog(Protocol):
    """Where all requests are noted: `loadtests.recorder.Tally`, or what stands in for it."""

    def step(self, method: str, name: str) -> StepLog:
        """Where those of one step are."""


class Session:
    """One account on one server instance.

    Every answer is checked: its status, and that it names this account and no other.

    Args:
        connection: To the instance.
        account: Who logs in.
        read_path: What a read asks for.
        credential: That of an earlier login.
        dialect: How the instance speaks the contract.

    Attributes:
        may_log_in: Whether who is refused logs in again, where a scenario has people do so.
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
        self._names_nobody = read_path == contract.PUBLIC
        self._account_id = credential.account_id
        self._login = login_bytes(connection.address, account, dialect)
        self._right_body: bytes | None = None
        self._tally: RequestLog | None = None
        self._due_ns: int | None = None
        self._expired = False
        self._carry(credential)

    def enter(self, tally: RequestLog) -> None:
        """Count into this tally from now on."""
        self._tally = tally

    def move(self, connection: Connection) -> None:
        """Go to another instance from now on, with the credential of before."""
        self._connection.close()
        self._connection = connection
        self._login = login_bytes(connection.address, self._account, self._dialect)
        self._carry(self._credential)

    def arrive(self, due_ns: int | None) -> None:
        """Begin a visit; its first request counts from `due_ns` on the response clock."""
        self._due_ns = due_ns

    def read(self) -> int:
        """Read the restricted resource (the public one where the scheme authenticates nobody).

        Returns:
            The status of the answer; 0 where none came.
        """
        answer = self._ask("GET", "read", self._read, self._connection.exchange)
        if answer is None:
            return 0
        if answer.status != 200 or answer.body != self._right_body:
            self._look_closer(answer)
        return answer.status

    def read_or_log_in(self) -> None:
        """Read, and log in where the answer is that one must, as people do who may."""
        if self.read() == _REFUSED and self.may_log_in:
            self.log_in()

    def read_without_credential(self) -> None:
        """Read the restricted resource without any credential, and be refused."""
        self._be_refused("absent", b"")

    def read_with_forged_credential(self) -> None:
        """Read with a credential of the right form that nobody issued, and be refused."""
        self._be_refused("forged", forged(self._credential.headers))

    def read_with_expired_credential(self) -> None:
        """Read with a credential whose time is up, and be refused; the first time, wait until it is."""
        if not self._expired:
            self._outlive()
        self._be_refused("expired", self._credential.headers)

    def _outlive(self) -> None:
        for _ in range(_LIFETIME_LOOKS):
            if self._connection.exchange(self._read).status == _REFUSED:
                self._expired = True
                return
            gevent.sleep(_LOOK_S)
        raise LoginFailedError("a credential did not expire: say a short lifetime_s in the suite")

    def log_in(self) -> None:
        """Log in, and carry the fresh credential from then on."""
        answer = self._ask("POST", "login", self._login, self._connection.exchange_for_cookies)
        if answer is None:
            return
        try:
            credential = credential_of(answer, self._dialect)
        except LoginFailedError as error:
            self._wrong("POST", "login", str(error))
            return
        if credential.account_id != self._account_id:
            self._wrong("POST", "login", "it names another account")
        self._carry(credential)

    def write(self) -> None:
        """Change the account's email address."""
        email = f"{self._account.username}+{next(_email_numbers)}@example.com"
        request = self._request("POST", contract.EMAIL, self._dialect.body({"email": email}))
        answer = self._ask("POST", "write", request, self._connection.exchange)
        if answer is None:
            return
        if answer.status != 200:
            self._wrong("POST", "write", f"status {answer.status}")
        elif json.dumps(email).encode() not in answer.body:
            self._wrong("POST", "write", "it does not say the new address")

    def refresh(self) -> None:
        """Get the next credential by the refresh token, and carry it from then on."""
        if not self._credential.refresh_token:
            raise LoginFailedError("this scheme issued no refresh token: leave its arm out of the scenario")
        body = self._dialect.body({"refresh_token": self._credential.refresh_token})
        path = self._dialect.path(contract.REFRESH)
        request = request_bytes("POST", path, self._connection.address, b"", body)
        answer = self._ask("POST", "refresh", request, self._connection.exchange)
        if answer is None:
            return
        if answer.status != 200:
            self._wrong("POST", "refresh", f"status {answer.status}")
            return
        self._carry(self._credential.renewed(answer, self._dialect))

    def log_out(self) -> None:
        """Log out."""
        answer = self._ask(
            "POST", "logout", self._request("POST", contract.LOGOUT), self._connection.exchange
        )
        if answer is not None and answer.status != 204:
            self._wrong("POST", "logout", f"status {answer.status}")

    def _be_refused(self, step: str, headers: bytes) -> None:
        request = request_bytes("GET", self._read_path, self._connection.address, headers)
        answer = self._ask("GET", step, request, self._connection.exchange)
        if answer is not None and answer.status != _REFUSED:
            self._wrong("GET", step, f"status {answer.status}")

    def _carry(self, credential: Credential) -> None:
        self._credential = credential
        self._read = request_bytes("GET", self._read_path, self._connection.address, credential.headers)

    def _request(self, method: str, path: str, body: bytes = b"") -> bytes:
        headers = self._credential.headers + self._credential.proof
        return request_bytes(method, self._dialect.path(path), self._connection.address, headers, body)

    def _ask(
        self, method: str, step: str, request: bytes, exchange: Callable[[bytes], TimedAnswer]
    ) -> TimedAnswer | None:
        """Make one request and count it; None where no answer came."""
        if self._tally is None:
            raise RuntimeError("enter a tally first")
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

    def _look_closer(self, answer: TimedAnswer) -> None:
        """Accept a body that is not known yet when it names this account; it is known from then on."""
        if answer.status != 200:
            self._wrong("GET", "read", f"status {answer.status}")
            return
        if self._names_nobody:
            self._right_body = answer.body
            return
        try:
            named = self._dialect.pick(json.loads(answer.body), "id")
        except ValueError:
            named = None
        if named is None:
            self._wrong("GET", "read", "no id in the body")
        elif str(named) == self._account_id:
            self._right_body = answer.body
        else:
            self._wrong("GET", "read", "it names another account")
