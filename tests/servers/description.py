"""The description of the contract, docs/openapi.yaml, and the check of an answer against it."""

import http.client
import re
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import requests
import schemathesis
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

Operation: TypeAlias = schemathesis.APIOperation[Any, Any, Any, Any]
Case: TypeAlias = schemathesis.Case[Operation]

PATH: Final = Path(__file__).resolve().parents[2] / "docs" / "openapi.yaml"

_CHECKS: Final = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def load(**settings: Any) -> schemathesis.BaseSchema:
    """Return the description, to be tried under `settings` (those of a schemathesis.toml)."""
    return schemathesis.openapi.from_path(PATH, config=schemathesis.Config.from_dict(settings))


def check(method: str, path: str, status: int, headers: http.client.HTTPMessage, body: bytes) -> None:
    """Fail unless this is an answer that the description has for the route; other routes have none."""
    case = _case(method, path.partition("?")[0])
    if case is None:
        return
    answer = schemathesis.Response(
        status,
        {name: headers.get_all(name, []) for name in headers},
        body,
        requests.Request(method, f"http://127.0.0.1{path}").prepare(),
        elapsed=0,
        verify=False,
    )
    case.validate_response(answer, checks=_CHECKS)


def _case(method: str, path: str) -> Case | None:
    for pattern, operations in _paths():
        match = pattern.fullmatch(path)
        if match and method in operations:
            return operations[method].Case(path_parameters=match.groupdict())
    return None


@cache
def _paths() -> list[tuple[re.Pattern[str], dict[str, Operation]]]:
    description = load()
    return [
        (
            re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", path)),
            {method.upper(): description[path][method] for method in description[path]},
        )
        for path in description
    ]
