"""Live servers of every scheme against docs/openapi.yaml, and that against the routes there are.

Schemathesis makes requests of the description, good and bad ones, and judges the answers by it.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path

import jsonschema_rs
import pytest
import requests
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import ignored_auth, negative_data_rejection

from servers import contract, schemes
from servers.bench.costs import COSTS
from servers.contract import Credentials
from servers.credentials.passwords import weakness
from servers.http.app import create_app
from servers.http.app_keys import ACCOUNTS, PASSWORDS
from servers.settings import Settings, new_secret
from servers.stores.accounts import ROLES
from tests.servers import description
from tests.servers.client import JSON, Client
from tests.servers.conftest import AUTHENTICATING
from tests.servers.description import Case
from tests.servers.process import Server

_REFUSED = ["401", "403", "404", "413", "429"]

#: A request in good form may lack a right, or be too long all the same; one in bad form gets no further.
_FORM = {
    "positive_data_acceptance": {"expected-statuses": ["2xx", *_REFUSED]},
    "negative_data_rejection": {"expected-statuses": ["400", "405", "415", *_REFUSED]},
}

#: Credentials come from the callers below, not from chance.
_GENERATION = {"with-security-parameters": False, "max-examples": 5}

#: The same requests in every run, the bounds of every field among them.
BOUNDS = description.load(checks=_FORM, generation=_GENERATION | {"deterministic": True})

#: Many more, others in every run.
CHANCE = description.load(
    checks=_FORM, generation=_GENERATION | {"max-examples": 40}, phases={"coverage": {"enabled": False}}
)


#: The name that the description has for an example: the check of ignored credentials leaves out this one.
COOKIE = BOUNDS.raw_schema["components"]["securitySchemes"]["session"]["name"]

#: How many callers try each request: all schemes and roles take their turn within some requests to a route.
CALLERS = 6
_turn = itertools.count()

#: Statuses that want a store that is gone, or patience: other files' tests have them.
ELSEWHERE = {408, 429, 503}

#: Answers to a refresh token that is one, and of a server that issues nothing: likewise.
RARE = {(contract.REFRESH, 200), (contract.AUTHENTICATE, 404), (contract.PASSWORD, 404)}


class Caller:
    """Somebody who tries requests on a server: nobody known (the role ""), a `user` or an `admin`."""

    def __init__(self, server: Server, role: str, new_account: Callable[[], Credentials]) -> None:
        self.server = server
        self.role = role
        self._new_account = new_account
        self._account = new_account()
        self._client = Client(server.port)
        self._connection = requests.Session()
        self._connection.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # the client keeps them

    def __repr__(self) -> str:
        return f"{self.role or 'nobody'} at {self.server.scheme}"

    def try_out(self, case: Case) -> None:
        """Send the request, and judge the answer."""
        if self.role and self._client.get(contract.RESTRICTED).status == 401:
            self._log_in()
        # Others' tests use the account that the description has for an example.
        for names in (case.body, case.path_parameters):
            if isinstance(names, dict) and names.get("username") == contract.EXAMPLE.username:
                names["username"] = self._account.username
        if isinstance(case.body, dict) and _is_refused(case.body.get("new"), case.body.get("old")):
            case.body["new"] = "correct horse"
        case.call_and_validate(
            base_url=f"http://127.0.0.1:{self.server.port}",
            session=self._connection,
            headers=self._client.carried(),
            excluded_checks=self._not_for(case),
            timeout=20,
        )

    def _not_for(self, case: Case) -> list[CheckFunction]:
        """Of addresses out of form a server may take some, and of a logout ignore the body.

        Its cookie may have a name not described, and a refresh token may log out without a credential.
        """
        lenient = case.path in (contract.EMAIL, contract.LOGOUT)
        by_body = case.path == contract.LOGOUT and self.server.scheme == "token-refresh"
        checks: list[CheckFunction] = [negative_data_rejection] if lenient else []
        return checks if self._client.cookies.keys() <= {COOKIE} and not by_body else [*checks, ignored_auth]

    def _log_in(self) -> None:
        if self._client.log_in(self._account).status != 200:  # the password was changed
            self._account = self._new_account()
        admin = Client(self.server.port)
        admin.log_in(contract.EXAMPLE_ADMIN)
        path = contract.ADMIN_ACCOUNT.format(username=self._account.username)
        assert admin.post(path, {"role": self.role}).status == 204
        assert self._client.log_in(self._account).status == 200


def _is_refused(new: object, old: object) -> bool:
    """Whether a new password is refused for what no schema can say: it is the old one, or a common one."""
    return isinstance(new, str) and (new == old or weakness(new) == "password_too_common")


@pytest.fixture(scope="module")
def callers(serve: Callable[[str], Server], new_account: Callable[[], Credentials]) -> list[Caller]:
    """One of each role for every scheme that issues credentials, and nobody for those that do not.

    A scheme that waives requirements is held to what it waives elsewhere, and not to the description.
    """
    return [
        Caller(serve(scheme), role, new_account)
        for scheme in schemes.names()
        if not schemes.load(scheme).ABOUT.waives
        for role in ("", *(ROLES if scheme in AUTHENTICATING else ()))
    ]


@BOUNDS.parametrize()
def test_answers_are_as_described(case: Case, callers: list[Caller]) -> None:
    """Every answer has a status, headers and a body that the description has for it, and nothing is 500.

    Good form is taken and bad form refused, credentials are asked for, and other methods are 405.
    """
    try_out_in_turn(case, callers)


@pytest.mark.slow
@CHANCE.parametrize()
def test_many_answers_are_as_described(case: Case, callers: list[Caller]) -> None:
    """The same holds for many more requests, others in every run."""
    try_out_in_turn(case, callers)


def try_out_in_turn(case: Case, callers: list[Caller]) -> None:
    """Have some callers send a request, of those whom it is for."""
    asked = [one for one in callers if one.role == "" or case.operation.definition.raw["security"]]
    for _ in range(CALLERS):
        asked[next(_turn) % len(asked)].try_out(case)


def test_described_answers_are_given(
    serve: Callable[[str], Server], new_account: Callable[[], Credentials]
) -> None:
    """Servers of one scheme or another give every answer described, but for `ELSEWHERE` and `RARE`."""
    described = {
        (path, int(status))
        for path in BOUNDS
        for operation in BOUNDS[path].values()
        for status in operation.responses.status_codes
    }
    given = {
        (path, status)
        for scheme in schemes.names()
        for path in BOUNDS
        for status in statuses(serve(scheme).port, path, new_account())
    }
    assert {answer for answer in described if answer[1] not in ELSEWHERE} - given == RARE


def statuses(port: int, path: str, account: Credentials) -> Iterator[int]:
    """Yield what `path` is answered to requests of every kind, by nobody and by somebody whom it is for."""
    [(method, operation)] = BOUNDS[path].items()
    good = account._asdict() | {"email": "a@b.c", "refresh_token": "x"}
    good |= {"old": account.password, "new": "correct horse"}
    trials: list[tuple[str, object, dict[str, str]]] = [
        (account.username, {}, {"Content-Type": "text/plain"}),
        (account.username, {}, {contract.CSRF_HEADER: "wrong"}),
        (account.username, {}, {"Origin": "https://evil.example"}),
        (account.username, {}, {"X-Long": "x" * 9000}),
        (account.username, {}, {}),
        (account.username, {"username": "x" * 5000}, {}),
        (account.username, good | {"password": "wrong", "old": "wrong"}, {}),
        ("nobody", {"revoke": True}, {}),
        (account.username, {"revoke": True}, {}),
        (account.username, good, {}),  # last, since it changes the password
    ]
    holders: list[Credentials | None] = [None]
    if operation.definition.raw["security"]:
        holders += [account, contract.EXAMPLE_ADMIN] if path.startswith(contract.ADMIN) else [account]
    for holder in holders:
        client = Client(port)
        for username, body, headers in trials:
            if holder and client.get(contract.RESTRICTED).status == 401:
                client.log_in(holder)
            text = json.dumps(body).encode() if method == "post" else None
            carried = JSON | client.carried() | headers
            yield client.send(method.upper(), path.format(username=username), text, carried).status


def test_the_description_is_openapi() -> None:
    """It is what OpenAPI 3.1 allows."""
    BOUNDS.validate()


@pytest.mark.parametrize("name", BOUNDS.raw_schema["components"]["schemas"])
def test_schemas_and_their_examples(name: str) -> None:
    """Every schema is one, refers to what is there, and allows its own examples."""
    components = BOUNDS.raw_schema["components"]
    schema = {"$ref": f"#/components/schemas/{name}", "components": components}
    validator = jsonschema_rs.Draft202012Validator(schema)
    for example in components["schemas"][name].get("examples", []):
        validator.validate(example)


def test_references() -> None:
    """Every reference leads somewhere, and everything that is there to be referred to is."""
    text = description.PATH.read_text()
    components = BOUNDS.raw_schema["components"]
    there = {
        f"#/components/{kind}/{name}"
        for kind in ("schemas", "headers", "responses")
        for name in components[kind]
    }
    assert set(re.findall(r'\$ref: "([^"]+)"', text)) == there


def test_routes_are_described(accounts_file: Path) -> None:
    """The description has every route of the application, and the application has every one of it."""
    app = create_app("anonymous", Settings(accounts_file, (new_secret(),), password_cost=COSTS["bench"]))
    app[PASSWORDS].close()
    app[ACCOUNTS].close()
    there = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource and route.method != "HEAD"
    }
    assert there == {(method.upper(), path) for path in BOUNDS for method in BOUNDS[path]}


def test_paths_are_those_of_the_contract() -> None:
    """The module that the load shares with the servers has the same paths."""
    constants = {value for name, value in vars(contract).items() if name.isupper()}
    assert {value for value in constants if str(value).startswith("/")} == set(BOUNDS)


def test_names_are_those_of_the_contract() -> None:
    """So are the headers' and the cookie's names, and the lifetime."""
    components = BOUNDS.raw_schema["components"]
    assert components["securitySchemes"]["csrf"]["name"] == contract.CSRF_HEADER
    assert components["schemas"]["Lifetime"]["maximum"] == contract.ABSOLUTE_TIMEOUT_S
