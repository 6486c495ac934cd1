"""A virtual user's visit to one server: what scenarios are written in."""

from __future__ import annotations

import json

from loadtests.client import Answer, Connection, Credential, RequestFailedError, request_bytes
from loadtests.recorder import WRONG, StepTally, Tally
from servers import contract


class Session:
    """One logged-in account on one server instance.

    Every answer is checked: its status, and that it names this account and no other.
    """

    def __init__(self, connection: Connection, credential: Credential, read_path: str) -> None:
        self._connection = connection
        self._account_id = credential.account_id
        self._read = request_bytes("GET", read_path, connection.address, credential.headers)
        self._names_nobody = read_path == contract.PUBLIC
        self._right_body: bytes | None = None
        self._reads: StepTally | None = None
        self._due_ns: int | None = None

    def enter(self, tally: Tally) -> None:
        """Count into this tally from now on."""
        self._reads = tally.step("GET", "read")

    def arrive(self, due_ns: int | None) -> None:
        """Begin a visit; its first request counts from `due_ns` on the response clock."""
        self._due_ns = due_ns

    def read(self) -> None:
        """Read the restricted resource (the public one where the scheme authenticates nobody)."""
        tally = self._reads
        if tally is None:
            raise RuntimeError("enter a tally first")
        try:
            answer = self._connection.exchange(self._read)
        except RequestFailedError as error:
            tally.failed(str(error))
            return
        tally.answered(answer, len(self._read), self._due_ns)
        if answer.status != 200 or answer.body != self._right_body:
            self._look_closer(answer, tally)

    def _look_closer(self, answer: Answer, tally: StepTally) -> None:
        """Accept a body that is not known yet when it names this account; it is known from then on."""
        if answer.status != 200:
            tally.failed(f"{WRONG}status {answer.status}")
            return
        try:
            named = json.loads(answer.body)["id"]
        except (ValueError, KeyError, TypeError):
            tally.failed(f"{WRONG}no id in the body")
            return
        if named == self._account_id or self._names_nobody:
            self._right_body = answer.body
        else:
            tally.failed(f"{WRONG}it names another account")
