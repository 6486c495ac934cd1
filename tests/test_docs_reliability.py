"""docs/reliability.md promises what a test holds."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT))


def defined_in(file: Path) -> set[str]:
    """The test functions of a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {
        node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test")
    }


def test_every_test_named_exists() -> None:
    """A renamed test is renamed in the table."""
    assert {(file, name) for file, name in NAMED if name not in defined_in(ROOT / file)} == set()


def test_every_row_names_a_test() -> None:
    """No fault is promised without one."""
    rows = [
        line for line in TEXT.split("## Faults")[1].split("\n## ")[0].splitlines() if line.startswith("| ")
    ]
    faults = rows[2:]
    assert len(faults) > 30
    assert [row for row in faults if not re.search(r"`tests/[\w/]+\.py::test_\w+`", row.split("|")[-2])] == []
