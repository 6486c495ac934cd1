"""JUnit XML for Jenkins, GitLab and others: a test case per gate check or verdict, and per validity check."""

from __future__ import annotations

import re
from collections.abc import Sequence
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


def texts(result: Result) -> tuple[str]:
    """Return the report: regressions are failures, invalid checks errors, inconclusive checks skipped."""
    run = result.run
    root = ElementTree.Element("testsuites", name=f"cookies-vs-tokens {run.suite}")
    answers = _suite(root, run.suite, run.wall_s, run.started_at)
    for row in result.gate:
        _add_gated(answers, row)
    if not result.gate:
        for pair in result.comparisons:
            if pair.primary:
                name = f"{pair.arm} / {pair.base} {pair.metric}"
                case = _case(answers, f"{pair.scenario} ({pair.load})", name)
                ElementTree.SubElement(case, "system-out").text = wording.sentence(pair, result)
    checks = _suite(root, "validity", 0, run.started_at)
    for number, check in enumerate(result.validity, 1):
        _add_check(checks, number, check)
    for suite in (answers, checks):
        _count(suite)
    ElementTree.indent(root, " ")
    text = ElementTree.tostring(root, encoding="unicode", xml_declaration=True)
    return (_NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text) + "\n",)


def _suite(root: ElementTree.Element, name: str, seconds: float, started_at: str) -> ElementTree.Element:
    timestamp = started_at.partition("+")[0]  # Jenkins' schema has no time zone
    return ElementTree.SubElement(
        root, "testsuite", name=name, time=f"{seconds:.3f}", timestamp=timestamp, hostname="localhost"
    )


def _case(suite: ElementTree.Element, class_name: str, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=class_name, name=name, time="0")


def _add_gated(suite: ElementTree.Element, row: GateCheck) -> None:
    case = _case(suite, f"{row.scenario} ({row.load})", gate.name(row))
    text = f"{gate.describe_row(row)}. {row.detail}".strip()
    if row.answer == "regression":
        ElementTree.SubElement(case, "failure", type="regression", message=text).text = text
    elif row.answer != "pass":
        ElementTree.SubElement(case, "skipped", message=f"{row.answer}: {text}")
    else:
        ElementTree.SubElement(case, "system-out").text = text


def _add_check(suite: ElementTree.Element, number: int, check: Check) -> None:
    case = _case(suite, "validity", f"{number}. {check.check}")
    if check.status == "invalid":
        ElementTree.SubElement(case, "error", type="invalid", message=check.detail).text = check.detail
    else:
        ElementTree.SubElement(case, "system-out").text = f"{check.status}: {check.detail}"


def _count(suite: ElementTree.Element) -> None:
    kinds: Sequence[tuple[str, str]] = (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))
    suite.set("tests", str(len(suite)))
    for attribute, tag in kinds:
        suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))
