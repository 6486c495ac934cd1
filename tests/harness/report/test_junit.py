"""JUnit XML by the rules that Jenkins' xUnit plugin refuses files by.

The rules are those of its schema junit-10.xsd, told in our own words, as far as this export goes: what an
element may have of which it has something. That schema itself is not kept here.
"""

# ruff: noqa: S314 - what is parsed is our own

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.report.exports.parts.format import formats
from harness.results.model import Result
from tests.harness.report.test_exports import gated

ROOT = Path(__file__).parents[3]
STORED = [
    ROOT / "tests/harness/data/result.json",
    ROOT / "results/baseline.json",
    *sorted((ROOT / "results" / "published").rglob("result.json")),
]
#: Seconds as Surefire writes them: digits in groups of three at most, then perhaps a fraction.
TIME = r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?"


@dataclass(frozen=True)
class Rule:
    """What an element may have besides text, and must have."""

    children: set[str] = field(default_factory=set)
    may: set[str] = field(default_factory=set)
    must: set[str] = field(default_factory=set)
    has_text: bool = False


COUNTS = {"tests", "failures", "errors"}
OUTCOMES = {"skipped", "error", "failure"}
OUTCOME = Rule(may={"type", "message"}, has_text=True)
RULES = {
    "testsuites": Rule({"testsuite"}, may={"name", "time", *COUNTS}),
    "testsuite": Rule(
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
        may={"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
        must={"name", *COUNTS},
    ),
    "testcase": Rule(
        OUTCOMES | {"system-out", "system-err"}, may={"time", "classname", "group"}, must={"name"}
    ),
    "system-out": Rule(has_text=True),
    **dict.fromkeys(OUTCOMES, OUTCOME),
}


def faults(text: str) -> list[str]:
    """What a reader by these rules would refuse."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        return [f"not well-formed: {error}"]
    found = [] if root.tag in {"testsuites", "testsuite"} else [f"{root.tag}: no root"]
    for element in root.iter():
        rule = RULES.get(element.tag)
        if rule is None:
            found.append(f"{element.tag}: unknown")
            continue
        found += [f"{element.tag}: needs {name}" for name in rule.must - element.attrib.keys()]
        found += [f"{element.tag}: has {name}" for name in element.attrib.keys() - rule.must - rule.may]
        found += [f"{element.tag}: holds {child.tag}" for child in element if child.tag not in rule.children]
        text_of_its_own = [element.text, *(child.tail for child in element)]
        if not rule.has_text and any(part and part.strip() for part in text_of_its_own):
            found.append(f"{element.tag}: text")
        suites = element.tag in {"testsuites", "testsuite"}
        if suites and not re.fullmatch(TIME, element.get("time", "")):
            found.append(f"{element.tag}: time {element.get('time')}")
    return found


SUITE = '<testsuite name="a" tests="1" failures="0" errors="0">'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"{SUITE}</testsuite>", []),
        ('<testsuite name="a" tests="1" failures="0"/>', ["testsuite: needs errors"]),
        (f"{SUITE}<testcase/></testsuite>", ["testcase: needs name"]),
        (f'{SUITE}<testcase name="b" file="c"/></testsuite>', ["testcase: has file"]),
        (f"{SUITE}<failure/></testsuite>", ["testsuite: holds failure"]),
        (f"{SUITE}said</testsuite>", ["testsuite: text"]),
        (f"{SUITE}<odd/></testsuite>", ["testsuite: holds odd", "odd: unknown"]),
        ('<testsuites time="1e-05"/>', ["testsuites: time 1e-05"]),
        ('<testcase name="b"/>', ["testcase: no root"]),
        ("<a>", ["not well-formed: no element found: line 1, column 3"]),
    ],
)
def test_the_rules_are_kept_by_who_asks(text: str, fault: list[str]) -> None:
    """Otherwise the tests below would hold of anything."""
    assert faults(text) == fault


@pytest.mark.parametrize("file", STORED, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_stored_result_is_read(file: Path) -> None:
    """Of each kind there is: plain runs, a search, a soak, a baseline."""
    [text] = formats()["junit"].files(Result.model_validate_json(file.read_text())).values()
    assert faults(text) == []


def test_every_answer_is_read() -> None:
    """One of each that a gate gives, and an invalid check."""
    result = Result.model_validate_json(STORED[0].read_text())
    bad = result.validity[0].model_copy(update={"status": "invalid"})
    [text] = formats()["junit"].files(gated(result).model_copy(update={"validity": [bad]})).values()
    assert faults(text) == []
    assert {"failure", "error", "skipped", "system-out"} <= {
        e.tag for e in ElementTree.fromstring(text).iter()
    }


def test_what_xml_cannot_say_is_replaced() -> None:
    """Control characters and half of a surrogate pair, as a server's last words may have them; not tabs."""
    result = Result.model_validate_json(STORED[0].read_text())
    odd = {"status": "invalid", "detail": "\x1b[31mred\x00 \ufffe \ud800 \t\u00e4 \U0001f36a"}
    bad = result.validity[0].model_copy(update=odd)
    [text] = formats()["junit"].files(result.model_copy(update={"validity": [bad]})).values()
    assert faults(text) == []
    error = ElementTree.fromstring(text).find(".//error")
    assert error is not None
    assert error.text == "\ufffd[31mred\ufffd \ufffd \ufffd \t\u00e4 \U0001f36a"
