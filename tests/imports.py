"""What the files of this tree import, read from their source."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]


@functools.cache
def files(folder: str) -> tuple[Path, ...]:
    """The Python files below a folder, by their path from the root."""
    found = tuple(sorted(path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.py")))
    assert found, folder
    return found


def module_name(path: Path) -> str:
    """A file's name as an import has it."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def tree(path: Path) -> ast.Module:
    """A file's syntax tree; the path is from the root."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


@functools.cache
def imports(path: Path) -> frozenset[str]:
    """Every module that a file imports, at any depth of its code, relative imports resolved.

    `from package import name` counts as `package.name` where that is a module of ours.
    """
    return frozenset(imported(tree(path), path))


def imported(code: ast.AST, path: Path, *, for_types: bool = True) -> Iterator[str]:
    """The modules that some code imports.

    Args:
        code: Its syntax tree.
        path: Of its file, from the root, by which relative imports are resolved.
        for_types: Whether imports below `if TYPE_CHECKING` count.
    """
    package = module_name(path).split(".") if path.name == "__init__.py" else list(path.parts[:-1])
    for node in _nodes(code, for_types=for_types):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield whole if _is_module(whole) else base


def _nodes(code: ast.AST, *, for_types: bool) -> Iterator[ast.AST]:
    todo = [code]
    while todo:
        node = todo.pop()
        yield node
        if not for_types and isinstance(node, ast.If) and _is_type_checking(node.test):
            todo += node.orelse
        else:
            todo += ast.iter_child_nodes(node)


def _is_type_checking(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


@functools.cache
def _is_module(name: str) -> bool:
    """Whether a dotted name is a module or package of this tree."""
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def roots(path: Path) -> frozenset[str]:
    """The top-level packages that a file imports."""
    return frozenset(name.partition(".")[0] for name in imports(path))


def reached(path: Path) -> set[Path]:
    """A file, and all files of ours that importing it imports."""
    seen: set[Path] = set()
    todo = [path]
    while todo:
        here = todo.pop()
        if here not in seen:
            seen.add(here)
            todo += _loaded_by(here)
    return seen


@functools.cache
def _loaded_by(path: Path) -> frozenset[Path]:
    """The files of ours that a file's own imports load, their packages included."""
    names = {part for name in imported(tree(path), path, for_types=False) for part in _with_parents(name)}
    modules = [Path(*name.split(".")) for name in names]
    candidates = [file for module in modules for file in (module.with_suffix(".py"), module / "__init__.py")]
    return frozenset(file for file in candidates if (ROOT / file).exists())


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts))]
