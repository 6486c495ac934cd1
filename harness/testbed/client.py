"""HTTP client that logs in and sends its credential by cookie or bearer token."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Final

from harness.errors import ConformanceError, EnvironmentFailedError
from harness.protocol import json_lines
from harness.protocol.dialect import CONTRACT, Dialect
from harness.protocol.plan import Target

#: The account that is an admin on every server, and the password of every account.
ADMIN: Final = "jane.roe"
PASSWORD: Final = "foobar"  # noqa: S105 - of the example accounts

_JSON: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Response:
    """Status, headers and body of an HTTP response."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """Return the JSON object of the body; an empty one if there is none."""
        return json_lines.parse(self.body) or {}


@dataclass
class ApiClient:
    """HTTP client of one server. Its credentials are plain strings: there is no cookie jar.

    Attributes:
        host: Host of the server.
        port: Port of the server.
        token: Bearer token sent with requests.
        cookie: Cookies sent with requests, as `name=value`, separated by `; `.
        csrf: CSRF token sent with requests.
        refresh_token: Refresh token of the last login or refresh.
        requests: Number of requests sent.
        dialect: Paths and fields of the server.
        timeout_s: Seconds to wait for a response.
    """

    host: str
    port: int
    token: str = ""
    cookie: str = ""
    csrf: str = ""
    refresh_token: str = ""
    requests: int = 0
    dialect: Dialect = CONTRACT
    timeout_s: float = 20

    def log_in(self, username: str, password: str = PASSWORD) -> Response:
        """Log in and keep the issued credentials for later requests."""
        body = {"username": username, "password": password}
        response = self.send("POST", "/authenticate", body, carry=False)
        if response.status == 200:
            self._keep(response.json)
            self._keep_cookie(response)
        return response

    def read(self) -> Response:
        """Read the restricted resource."""
        return self.send("GET", "/api/restricted")

    def read_admin(self) -> Response:
        """Read the resource that is restricted to admins."""
        return self.send("GET", "/api/admin")

    def write(self, email: str) -> Response:
        """Change the account's email address."""
        return self.send("POST", "/api/email", {"email": email})

    def log_out(self) -> None:
        """Log out, which revokes the credentials as far as the server can.

        Raises:
            ConformanceError: The server refused the logout.
        """
        self._require_done(self.send("POST", "/logout"), "a logout")

    def change_password(self, new: str, old: str = PASSWORD) -> None:
        """Change the password and keep the credentials issued in exchange.

        Raises:
            ConformanceError: The server refused the change.
        """
        response = self.send("POST", "/password", {"old": old, "new": new})
        self._require_done(response, "a change of password")
        items = (item.split("=", 1) for item in response.headers.get("Authentication-Info", "").split(", "))
        self._keep({name: value.strip('"') for name, value in items})
        self._keep_cookie(response)

    def change_account(self, username: str, **what: object) -> None:
        """Change another account, as an admin.

        Raises:
            ConformanceError: The server refused the change.
        """
        self._require_done(
            self.send("POST", f"/api/admin/accounts/{username}", what), "a change of an account"
        )

    def refresh(self) -> Response:
        """Get a new pair of tokens and keep it for later requests."""
        response = self.send("POST", "/token/refresh", {"refresh_token": self.refresh_token}, carry=False)
        if response.status == 200:
            self._keep(response.json)
        return response

    def thief(self) -> ApiClient:
        """Return a client with a copy of the current credentials, which later changes do not affect."""
        return replace(self)

    def at(self, other: ApiClient) -> ApiClient:
        """Return a client that sends these credentials to the server of `other`."""
        return replace(self, host=other.host, port=other.port)

    @property
    def values_kept(self) -> int:
        """Return how many values a client has to keep to stay logged in and to write."""
        return sum(1 for value in (self.token, self.cookie, self.csrf, self.refresh_token) if value)

    @property
    def headers(self) -> dict[str, str]:
        """Return the credentials as request headers."""
        bearer = f"{self.dialect.authorization} {self.token}" if self.token else ""
        carried = {"Authorization": bearer, "Cookie": self.cookie, self.dialect.csrf_header: self.csrf}
        return {name: value for name, value in carried.items() if value}

    def send(
        self, method: str, route: str, value: Mapping[str, Any] | None = None, *, carry: bool = True
    ) -> Response:
        """Send one request.

        Args:
            method: HTTP method.
            route: Route of the contract, with its parameters filled in.
            value: Object to send as JSON; None for no body.
            carry: Whether to send the credentials.

        Raises:
            EnvironmentFailedError: No response was received.
        """
        body = None if value is None else self.dialect.body(value)
        return self.request(method, route, body, (self.headers if carry else {}) | (_JSON if body else {}))

    def request(self, method: str, route: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        """Send one request with exactly this body and these headers, without the credentials.

        Raises:
            EnvironmentFailedError: No response was received.
        """
        path = self.dialect.path(route)
        self.requests += 1
        try:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout_s)
            with closing(connection):
                connection.request(method, path, body, dict(headers))
                response = connection.getresponse()
                return Response(response.status, response.headers, response.read())
        except (OSError, http.client.HTTPException) as error:
            raise EnvironmentFailedError(f"{method} {path} was not answered: {error}") from error

    def _require_done(self, response: Response, what: str) -> None:
        if response.status != 204:
            raise ConformanceError(f"{what} at port {self.port} returned {response.status}.")

    def _keep(self, issued: Mapping[str, Any]) -> None:
        self.token = str(self.dialect.pick(issued, "token") or "")
        self.csrf = str(self.dialect.pick(issued, "csrf_token") or "")
        self.refresh_token = str(self.dialect.pick(issued, "refresh_token") or "")

    def _keep_cookie(self, response: Response) -> None:
        if cookies := response.headers.get_all("Set-Cookie"):
            self.cookie = "; ".join(line.partition(";")[0].strip() for line in cookies)


def read_token(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of a JWT; its signature is not verified."""
    header, claims, _ = token.split(".")
    decoded = [
        json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (header, claims)
    ]
    return decoded[0], decoded[1]


def logged_in(target: Target, username: str) -> ApiClient:
    """Return a client that is logged in at a server.

    Raises:
        ConformanceError: The server refuses the login.
        EnvironmentFailedError: The server does not answer.
    """
    client = ApiClient(target.host, target.port)
    response = client.log_in(username)
    if response.status != 200:
        raise ConformanceError(f"server {target.arm}: a login was answered {response.status}.")
    return client
