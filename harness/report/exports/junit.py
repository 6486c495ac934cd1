"""JUnit XML for Jenkins, GitLab and others: a test case per gate check or verdict, and per validity check."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from xml.etree import ElementTree

from harness.report.content import gate, wording
from harness.results.gate import GateCheck
from harness.results.model import Check, Result

NAME: Final = "junit"
TITLE: Final = "JUnit XML: results of `check` (otherwise the verdicts) and the validity checks"
FILES: Final = ("junit.xml",)
#: Characters that XML 1.0 (section 2.2) cannot contain: a server's output may have colour codes.
_NO_CHARACTER: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


#: Element for the outcome of a test case: its tag, its attributes, its text.
_Outcome = tuple[str, dict[str, str], str | None]
#: Class name, name and outcome of a test case.
_Case = tuple[str, str, _Outcome]


def texts(result: Result) -> tuple[str]:
    """Return the report: regressions are failures, invalid checks errors, inconclusive checks skipped."""
    run = result.run
    answers: list[_Case] = [
        (f"{row.scenario} ({row.load})", gate.name(row), _of_gate(row)) for row in result.gate
    ] or [
        (
            f"{pair.scenario} ({pair.load})",
            f"{pair.arm} / {pair.base} {pair.metric}",
            ("system-out", {}, wording.sentence(pair, result)),
        )
        for pair in result.comparisons
        if pair.primary
    ]
    checks = [
        ("validity", f"{number}. {check.check}", _of_check(check))
        for number, check in enumerate(result.validity, 1)
    ]
    root = ElementTree.Element("testsuites", name=f"cookies-vs-tokens {run.suite}")
    _add_suite(root, run.suite, run.wall_s, run.started_at, answers)
    _add_suite(root, "validity", 0, run.started_at, checks)
    ElementTree.indent(root, " ")
    text = ElementTree.tostring(root, encoding="unicode", xml_declaration=True)
    return (_NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text) + "\n",)


def _of_gate(row: GateCheck) -> _Outcome:
    text = f"{gate.describe_row(row)}. {row.detail}".strip()
    if row.answer == "pass":
        return "system-out", {}, text
    if row.answer == "regression":
        return "failure", {"type": "regression", "message": text}, text
    return "skipped", {"message": f"{row.answer}: {text}"}, None


def _of_check(check: Check) -> _Outcome:
    if check.status == "invalid":
        return "error", {"type": "invalid", "message": check.detail}, check.detail
    return "system-out", {}, f"{check.status}: {check.detail}"


def _add_suite(
    root: ElementTree.Element, name: str, seconds: float, started_at: str, cases: Iterable[_Case]
) -> None:
    timestamp = started_at.partition("+")[0]  # Jenkins' schema has no time zone
    suite = ElementTree.SubElement(
        root, "testsuite", name=name, time=f"{seconds:.3f}", timestamp=timestamp, hostname="localhost"
    )
    for class_name, case_name, (tag, attributes, text) in cases:
        case = ElementTree.SubElement(suite, "testcase", classname=class_name, name=case_name, time="0")
        ElementTree.SubElement(case, tag, attributes).text = text
    suite.set("tests", str(len(suite)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))
