"""Somebody who calls a server and carries what it issued, by whatever transport."""

from __future__ import annotations

import base64
import copy
import http.client
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from harness.errors import ConformanceError, EnvironmentFailedError
from harness.protocol.dialect import CONTRACT, Dialect

#: The account that every server knows as an admin, and the password of every account.
ADMIN: Final = "jane.roe"
PASSWORD: Final = "foobar"  # noqa: S105 - of the example accounts

_TIMEOUT_S: Final = 20
_JSON: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Response:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body's object; empty where there is none."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return dict(value) if isinstance(value, dict) else {}


@dataclass
class ApiClient:
    """One caller of one server; what it carries are plain strings, with no cookie jar behind them.

    Attributes:
        host: Of the server.
        port: Of the server.
        token: The bearer token that it carries.
        cookie: The cookies that it carries, as `name=value`, with `; ` between them.
        csrf: What must accompany that with whatever changes something.
        refresh_token: What gets the next token.
        requests: How many it has made.
        dialect: How the server speaks the contract.
    """

    host: str
    port: int
    token: str = ""
    cookie: str = ""
    csrf: str = ""
    refresh_token: str = ""
    requests: int = 0
    dialect: Dialect = CONTRACT

    def log_in(self, username: str, password: str = PASSWORD) -> Response:
        """Log in, and carry what is issued from then on."""
        body = {"username": username, "password": password}
        reply = self.send("POST", "/authenticate", body, carry=False)
        if reply.status == 200:
            self._keep(reply.json)
            self._keep_cookie(reply)
        return reply

    def read(self) -> Response:
        """Read the restricted resource."""
        return self.send("GET", "/api/restricted")

    def read_admin(self) -> Response:
        """Read what only admins may."""
        return self.send("GET", "/api/admin")

    def write(self, email: str) -> Response:
        """Change the account's email address."""
        return self.send("POST", "/api/email", {"email": email})

    def log_out(self) -> None:
        """End what is carried, as far as the server can.

        Raises:
            ConformanceError: The server would not.
        """
        self._done(self.send("POST", "/logout"), "a logout")

    def change_password(self, new: str, old: str = PASSWORD) -> None:
        """Change the password, and carry what is issued for it.

        Raises:
            ConformanceError: The server would not.
        """
        reply = self.send("POST", "/password", {"old": old, "new": new})
        self._done(reply, "a change of password")
        items = (item.split("=", 1) for item in reply.headers.get("Authentication-Info", "").split(", "))
        self._keep({name: value.strip('"') for name, value in items})
        self._keep_cookie(reply)

    def change_account(self, username: str, **what: object) -> None:
        """Change another account, as an admin.

        Raises:
            ConformanceError: The server would not.
        """
        self._done(self.send("POST", f"/api/admin/accounts/{username}", what), "a change of an account")

    def refresh(self) -> Response:
        """Get a new pair of tokens, and carry it."""
        reply = self.send("POST", "/token/refresh", {"refresh_token": self.refresh_token}, carry=False)
        if reply.status == 200:
            self._keep(reply.json)
        return reply

    def thief(self) -> ApiClient:
        """Somebody who has a copy of what is carried now, whatever becomes of it."""
        return copy.copy(self)

    def at(self, other: ApiClient) -> ApiClient:
        """The same credential, brought to the server that `other` calls."""
        moved = self.thief()
        moved.host, moved.port = other.host, other.port
        return moved

    @property
    def values_kept(self) -> int:
        """How many values a client has to keep to stay logged in and to write."""
        return sum(1 for value in (self.token, self.cookie, self.csrf, self.refresh_token) if value)

    @property
    def headers(self) -> dict[str, str]:
        """What accompanies a request."""
        bearer = f"{self.dialect.authorization} {self.token}" if self.token else ""
        carried = {"Authorization": bearer, "Cookie": self.cookie, self.dialect.csrf_header: self.csrf}
        return {name: value for name, value in carried.items() if value}

    def send(
        self, method: str, route: str, value: Mapping[str, Any] | None = None, *, carry: bool = True
    ) -> Response:
        """Make one request.

        Args:
            method: Of HTTP.
            route: Of the contract, its parameters filled in.
            value: The object that goes as its JSON.
            carry: Whether what is carried accompanies it.

        Raises:
            EnvironmentFailedError: No answer came.
        """
        body = None if value is None else self.dialect.body(value)
        return self.request(method, route, body, (self.headers if carry else {}) | (_JSON if body else {}))

    def request(self, method: str, route: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        """Make one request of just this, whatever is carried.

        Raises:
            EnvironmentFailedError: No answer came.
        """
        path = self.dialect.path(route)
        self.requests += 1
        try:
            with closing(http.client.HTTPConnection(self.host, self.port, timeout=_TIMEOUT_S)) as connection:
                connection.request(method, path, body, dict(headers))
                answer = connection.getresponse()
                return Response(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise EnvironmentFailedError(f"{method} {path} was not answered: {error}") from error

    def _done(self, reply: Response, what: str) -> None:
        if reply.status != 204:
            raise ConformanceError(f"{what} at port {self.port} was answered {reply.status}.")

    def _keep(self, issued: Mapping[str, Any]) -> None:
        self.token = str(self.dialect.pick(issued, "token") or "")
        self.csrf = str(self.dialect.pick(issued, "csrf_token") or "")
        self.refresh_token = str(self.dialect.pick(issued, "refresh_token") or "")

    def _keep_cookie(self, reply: Response) -> None:
        if cookies := reply.headers.get_all("Set-Cookie"):
            self.cookie = "; ".join(line.partition(";")[0].strip() for line in cookies)


def read_token(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a JWT, as anybody can read them."""
    head, claims, _ = token.split(".")
    decoded = [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (head, claims)]
    return decoded[0], decoded[1]
