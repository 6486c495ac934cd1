"""Parses suite files and describes their errors. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from harness.errors import SuiteError
from harness.suites.model import Suite
from harness.system.suggest import did_you_mean


def parse(text: str, name: str, source: str) -> Suite:
    """Read a suite.

    Args:
        text: TOML text.
        name: Name of the suite.
        source: Name of the file, for messages.

    Raises:
        SuiteError: The suite is not valid; the message has the file, the key and the expected value.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SuiteError(f"{source}: not TOML: {error}") from error
    return validated({"name": name} | data, source)


def validated(data: Mapping[str, Any], source: str) -> Suite:
    """Return the suite of these keys.

    Raises:
        SuiteError: The suite is not valid: a line per error, with file, key, expected value, actual value.
    """
    try:
        return Suite.model_validate(data)
    except ValidationError as error:
        raise SuiteError("\n".join(f"{source}: {_fault(fault)}" for fault in error.errors())) from error


def _fault(fault: ErrorDetails) -> str:
    location = fault["loc"]
    if fault["type"] == "extra_forbidden":
        keys = _keys_at(location[:-1])
        hint = did_you_mean(str(location[-1]), keys) or f" Expected one of {', '.join(keys)}."
        where = f"{_key(location[:-1])}: " if location[:-1] else ""
        return f"{where}unknown key {str(location[-1])!r}.{hint}"
    message = fault["msg"].removeprefix("Value error, ")
    return f"{_key(location)}: {message[:1].lower()}{message[1:]} (got {_shorten(fault['input'])})"


def _keys_at(location: tuple[int | str, ...]) -> list[str]:
    """Return the keys of the table at a location in a suite, such as `("scenarios", 0, "load")`."""
    model: type[BaseModel] = Suite
    for part in location:
        if part in model.model_fields:
            model = _model_in(model.model_fields[str(part)].annotation) or model
    return sorted(model.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Return the model in a type such as `list[Scenario]` or `dict[Name, ExternalServer]`, or None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for inner in get_args(annotation) if (model := _model_in(inner))), None)


def check_names(
    suite: Suite, source: str, *, schemes: Collection[str], judged: Mapping[str, Collection[str]]
) -> None:
    """Check that all schemes, scenarios and primary metrics of a suite exist.

    Args:
        suite: Suite to check.
        source: Name of the file, for messages.
        schemes: Names of all schemes.
        judged: Metrics that can be primary, by scenario.

    Raises:
        SuiteError: A name does not exist; the message has the file, the key and the possible names.
    """
    messages = [
        unknown(f"{source}: arms[{i}]", "a scheme", arm, schemes)
        for i, arm in enumerate(suite.arms)
        if arm not in schemes
    ]
    for i, scenario in enumerate(suite.scenarios):
        key = f"scenarios[{i}]"
        if scenario.name not in judged:
            messages.append(unknown(f"{source}: {key}.name", "a scenario", scenario.name, judged))
        elif scenario.primary_metric not in (metrics := judged[scenario.name]):
            messages.append(unknown(f"{source}: {key}.primary", "a metric", scenario.primary_metric, metrics))
    if messages:
        raise SuiteError("\n".join(messages))


def unknown(key: str, kind: str, got: str, known: Collection[str]) -> str:
    """Return the message about an unknown name: the expected names, and a suggestion."""
    names = sorted(set(known))
    hint = did_you_mean(got, names)
    return f"{key}: expected {kind}, one of {', '.join(names)} (got {got!r})" + (hint and f".{hint}")


def _key(location: tuple[int | str, ...]) -> str:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return path.removeprefix(".") or "the whole file"


def _shorten(value: object, limit: int = 60) -> str:
    # Only the keys of a table: its values may be secrets.
    text = f"a table of {', '.join(map(str, value))}" if isinstance(value, Mapping) else repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
