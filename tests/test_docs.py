"""What the documentation names exists."""

import ast
import re
from pathlib import Path
from typing import get_args

import pytest

from servers import schemes
from servers.credentials.scheme import Requirement

ROOT = Path(__file__).parents[1]
SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def defined_tests(path: Path) -> set[str]:
    """Return the names of the tests in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return {function.name for function in functions if function.name.startswith("test_")}


def test_every_attack_names_a_test_that_exists() -> None:
    """Each row of the table has a test, under the name that it gives."""
    section = SECURITY.split("## Attacks")[1].split("## The viewer")[0]
    rows = [line.split("|")[1:-1] for line in section.splitlines() if "|" in line]
    attacks = [row for row in rows[2:] if row[1].strip()]
    assert len(attacks) > 50
    for attack, _, tests in attacks:
        named = re.findall(r"`(tests/[\w/]+/)?(test_\w+\.py)::(test_\w+)`", tests)
        assert named, attack
        for folder, file, name in named:
            assert name in defined_tests(ROOT / (folder or "tests/servers") / file), (attack, file, name)


@pytest.mark.parametrize("heading", ["The viewer", "Between the machines of a run"])
def test_every_attack_on_the_tools_names_tests_that_exist(heading: str) -> None:
    """The same of the tables of what is no server under test, whose tests lie elsewhere."""
    section = SECURITY.split(f"## {heading}\n")[1].split("\n## ")[0]
    attacks = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| ")][2:]
    assert len(attacks) > 5
    for attack, _, tests in attacks:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", tests)
        assert named, attack
        for file, name in named:
            assert name in defined_tests(ROOT / file), (attack, file, name)


def test_what_is_waived_is_written_down() -> None:
    """Every requirement that may be waived is named, and some scheme waives it, so that its attack is run."""
    waived = {requirement for name in schemes.names() for requirement in schemes.load(name).ABOUT.waives}
    assert waived == set(get_args(Requirement))
    text = " ".join(SECURITY.split())
    assert all(requirement in text for requirement in waived)
