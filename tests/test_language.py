"""What people read is plain technical English: words that no text holds, and how a docstring begins.

Tests, CHANGELOG and stored results are exempt.
"""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
#: Words and phrases of a private voice. Within a name in code a word ends at an underscore, too.
BANNED = re.compile(
    r"""
    (?<![A-Za-z])
    ( told | tells? | whose | whoever | whom | nobody | somebody | reckon(s|ed|ing)? | surely | bites? | mum
    | dear(er|est)? | sittings? | weigh(s|ed)? | foretold | manieth
    | held\ against | (quiet|crowded)\ hours? | cannot\ be\ told )
    (?![A-Za-z])
    """,
    re.IGNORECASE | re.VERBOSE,
)
#: A key of stored answers, the account that `/public` names, and the names of tests, which docs quote.
FIXED = re.compile(r"""\bforetold\b|(["'])nobody\1|\btest_\w+""")
EXEMPT = re.compile(r"^(tests/|results/|CHANGELOG\.md|LICENSE)|(\.lock|package-lock\.json|\.png|\.svg|\.gz)$")
#: A function's docstring begins with a verb, or with "Whether".
NO_VERB = re.compile(
    r"(an?|the|this|that|these|those|what|which|who|where|when|why|how|one|all|every|each|its?|there)\b",
    re.IGNORECASE,
)


def _texts() -> dict[str, str]:
    """What git knows of, by path, but for what is exempt."""
    listed = subprocess.run(
        ["git", "ls-files"],  # noqa: S607 - any git will do
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    names = [name for name in listed.splitlines() if not EXEMPT.search(name) and (ROOT / name).exists()]
    assert len(names) > 400
    return {name: (ROOT / name).read_text() for name in names}


def test_no_text_holds_a_word_of_a_private_voice() -> None:
    """Names, docstrings, comments, help, messages, templates and docs."""
    met = [
        f"{name}:{number}: {match[0]}"
        for name, text in _texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        for match in BANNED.finditer(FIXED.sub("", line))
    ]
    assert not met, "\n".join(met)


@pytest.mark.parametrize("word", ["told", "Nobody", "last_told", "whose_key", "quiet hour", "dearer"])
def test_the_list_is_looked_for(word: str) -> None:
    """Whole words of any case, in names as well; a longer word is another one."""
    assert BANNED.search(f"x = {word}(1)")
    assert not BANNED.search("mumble retelling bitemark")


def test_a_functions_docstring_begins_with_a_verb() -> None:
    """What it does (PEP 257), or "Whether"."""
    met = [
        f"{name}:{node.lineno}: {docstring.splitlines()[0]}"
        for name, text in _texts().items()
        if name.endswith(".py")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (docstring := ast.get_docstring(node)) and NO_VERB.match(docstring)
    ]
    assert not met, "\n".join(met)
