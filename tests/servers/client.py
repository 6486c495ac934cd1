"""A plain HTTP client that carries whatever credential the login answered with."""

import contextlib
import copy
import http.client
import json
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any

from servers import contract
from servers.contract import Credentials
from tests.servers import description

JSON = {"Content-Type": "application/json"}


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)

    @property
    def cookies(self) -> SimpleCookie:
        """What Set-Cookie set."""
        cookies = SimpleCookie()
        for line in self.headers.get_all("Set-Cookie", []):
            cookies.load(line)
        return cookies


class Client:
    """One caller of the server at `port`.

    Args:
        port: Where the server listens.
        described: Whether every answer must be one of the description; False for what a scheme waives.
    """

    def __init__(self, port: int, *, described: bool = True) -> None:
        self.port = port
        self._described = described
        self.cookies: dict[str, str] = {}
        self.csrf = ""
        self.token = ""

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send exactly this, and nothing that the caller carries. Its answer must be one described."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)) as connection:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        if self._described:
            description.check(method, path, answer.status, answer.headers, answer.body)
        return answer

    def carried(self) -> dict[str, str]:
        """Return the headers that carry the caller's credential."""
        headers = {}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if self.csrf:
            headers[contract.CSRF_HEADER] = self.csrf
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    def get(self, path: str) -> Answer:
        """GET `path` with the credential."""
        return self._carry(self.send("GET", path, headers=self.carried()))

    def post(self, path: str, value: object = None) -> Answer:
        """POST `value` as JSON with the credential."""
        body = None if value is None else json.dumps(value).encode()
        return self._carry(self.send("POST", path, body, self.carried() | (JSON if body else {})))

    def log_in(self, credentials: Credentials) -> Answer:
        """Authenticate, and carry what is issued from now on."""
        answer = self.post(contract.AUTHENTICATE, credentials._asdict())
        if answer.status == 200:
            self.csrf = answer.json.get("csrf_token", "")
            self.token = answer.json.get("token", "")
        return answer

    def thief(self) -> "Client":
        """Return a client that carries what this one carries now, whatever becomes of this one."""
        return copy.deepcopy(self)

    @property
    def secret(self) -> str:
        """The credential's text."""
        return self.token or next(iter(self.cookies.values()), "")

    def _carry(self, answer: Answer) -> Answer:
        for name, morsel in answer.cookies.items():
            self.cookies[name] = morsel.value
            if not morsel.value:
                del self.cookies[name]
        return answer
