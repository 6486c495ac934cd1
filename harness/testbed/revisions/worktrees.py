"""The two trees that are compared: a revision, in a worktree of its own, and the working tree as it is."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

from harness.errors import NoBaselineError, SuiteError
from harness.results import gate
from harness.results.environment import Git
from harness.suites.model import Servers
from harness.system import git, processes, signals, temp_folders
from harness.system.source_tree import OURS, Tree
from harness.testbed.revisions import environments


@dataclass(frozen=True)
class Revision:
    """A commit: its full name, and its first line for people."""

    sha: str
    title: str

    @property
    def short(self) -> str:
        """As people name it."""
        return self.sha[:10]


@dataclass(frozen=True)
class Worktree:
    """One of the trees.

    Attributes:
        name: For people.
        top: Of the checkout.
        tree: Where servers are started from.
        lock: The text of its lock file; empty where the suite names none.
    """

    name: str
    top: Path
    tree: Tree
    lock: str


def top_of(repository: Path) -> Path:
    """The top of the checkout that a folder is in.

    Raises:
        SuiteError: It is in none, or git does not read it.
    """
    told = git.output_or_none(repository, "rev-parse", "--show-toplevel")
    if not told and is_in_checkout(repository):
        raise SuiteError(
            f"git does not read the checkout that {repository} is in; it says why: git -C {repository} status"
        )
    if not told:
        raise SuiteError(
            f"{repository} is in no git checkout, so it has neither servers nor revisions to measure: name"
            " another folder with --repo."
        )
    return Path(told.rstrip("\n")).resolve()


def is_in_checkout(folder: Path) -> bool:
    """Whether a folder is in a git checkout, even one that git refuses to read, as somebody else's."""
    place = folder.absolute()
    return any((one / ".git").exists() for one in (place, *place.parents))


def resolve(top: Path, name: str) -> Revision:
    """The commit that a user names.

    Raises:
        NoBaselineError: This clone has none of that name.
    """
    sha = git.output_or_none(
        top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
    )
    if not sha:
        shallow = (git.output_or_none(top, "rev-parse", "--is-shallow-repository") or "").strip() == "true"
        remedy = (
            "this clone is shallow: fetch the whole history (fetch-depth: 0)." if shallow else "try git log."
        )
        raise NoBaselineError(f"{name}: no such revision in {top}; {remedy}")
    title = git.output_or_none(top, "show", "--no-patch", "--format=%s", sha.strip()) or ""
    return Revision(sha.strip(), title.strip())


@contextlib.contextmanager
def worktree(top: Path, revision: Revision) -> Iterator[Path]:
    """A checkout of a revision, in a temporary folder, as long as it is needed.

    Raises:
        EnvironmentFailedError: git cannot make it.
    """
    with signals.deferred():
        folder, owner = temp_folders.make_folder()
    place = folder.resolve() / "tree"
    _forget_killed(top)
    try:
        hooks = ("-c", "core.hooksPath=/dev/null")  # a checkout here is nobody's business
        git.run(top, *hooks, "worktree", "add", "--detach", "--force", str(place), revision.sha)
        yield place
    finally:
        with signals.deferred():
            git.output_or_none(top, "worktree", "remove", "--force", str(place))
            shutil.rmtree(folder, ignore_errors=True)
            if owner is not None:
                owner.release()


def _forget_killed(top: Path) -> None:
    """Have git forget the worktrees of runs that were killed; their folders the next run removes anyway."""
    for line in (git.output_or_none(top, "worktree", "list", "--porcelain") or "").splitlines():
        word, _, path = line.partition(" ")
        if (
            word == "worktree"
            and Path(path).parent.name.startswith(temp_folders.PREFIX)
            and not Path(path).exists()
        ):
            git.output_or_none(top, "worktree", "remove", "--force", path)


def side(name: str, top: Path, servers: Servers) -> Worktree:
    """What a suite's servers are in a checkout; its interpreter is still to be found.

    Raises:
        NoBaselineError: There are none.
        SuiteError: Its lock file is not there.
    """
    root = _inside(top, servers.folder)
    tree = Tree(root, servers=servers.package)
    if not tree.package.is_dir():
        raise NoBaselineError(
            f"{name} has no servers at {tree.package.relative_to(top)}: see [servers] of the suite."
        )
    return Worktree(name, top, tree, _lock(name, top, servers.lock))


def with_interpreters(sides: list[Worktree], log: Callable[[str], None]) -> list[Worktree]:
    """Each side with an interpreter that has what its lock file names.

    Where this interpreter has all of it, it serves; otherwise every side gets an environment that was made
    in the same way, so that how it was made is no difference between them.
    """
    if all(environments.is_satisfied(one.lock, one.name) for one in sides):
        return sides
    return [
        replace(one, tree=replace(one.tree, python=environments.cached(one.lock, one.name, log)))
        for one in sides
    ]


def working_tree(servers: Servers | None, repository: Path, log: Callable[[str], None]) -> Tree:
    """Whose servers a suite means: this tool's own, or those of the checkout that `repository` is in.

    Raises:
        SuiteError: It is in no checkout, or there is no such lock file.
        NoBaselineError: There are no such servers.
        EnvironmentFailedError: An environment for them cannot be made.
    """
    if servers is None:
        return OURS
    [only] = with_interpreters([side("the working tree", top_of(repository), servers)], log)
    return only.tree


def gated_tree(servers: Servers | None, repository: Path | None, log: Callable[[str], None]) -> Tree:
    """Whose servers a gate measures: those of the checkout, as against a revision, and says which.

    A suite that names no servers means `python -m servers` at the checkout's top. This tool's own are
    measured only where no folder was named and the current one is in no checkout.

    Args:
        servers: What the suite says of them.
        repository: A folder of the checkout; None for the current one.
        log: Told whose servers they are.

    Raises:
        SuiteError: The folder that was named is in no checkout, or there is no such lock file.
        NoBaselineError: There are no such servers.
        EnvironmentFailedError: An environment for them cannot be made.
    """
    here = repository or Path.cwd()
    if servers is None and repository is None and not is_in_checkout(here):
        log(f"measuring this tool's own servers, since {here} is in no git checkout")
        return OURS
    log(f"measuring the servers of {top_of(here)}")
    return working_tree(servers or Servers(), here, log)


def provenance(side: Worktree, end: Literal["base", "head"]) -> gate.GateSide:
    """What a result says of one of the trees, once its interpreter was found.

    Raises:
        EnvironmentFailedError: Its interpreter does not answer.
    """
    has = environments.contents(side.tree.python)
    return gate.GateSide(
        end=end,
        commit=resolve(side.top, "HEAD").sha,
        dirty=bool(git.run(side.top, "status", "--porcelain").strip()),
        lock=hashlib.sha256(side.lock.encode()).hexdigest() if side.lock else "",
        python=has.python,
        environment=environments.name(side.tree.python),
        packages=has.packages,
    )


def changed(top: Path, revision: Revision, servers: Servers) -> list[str]:
    """The Python files of the servers' package that differ between a revision and the working tree.

    Raises:
        EnvironmentFailedError: git cannot tell.
    """
    package = PurePosixPath(servers.folder, *servers.package.split("."))
    return _differing(top, revision, f":(top,glob){package}/**/*.py")


def touched(top: Path, revision: Revision, servers: Servers) -> list[str]:
    """Every file that differs and that the servers may read: in their folder, or in their package.

    Where they start at the top of the repository, that is their package alone: the top holds all the rest.

    Raises:
        EnvironmentFailedError: git cannot tell.
    """
    whole = PurePosixPath(servers.folder)
    package = PurePosixPath(whole, *servers.package.split("."))
    return _differing(top, revision, f":(top){package if whole == PurePosixPath('.') else whole}")


def _differing(top: Path, revision: Revision, where: str) -> list[str]:
    """Files whose content differs, or that git does not know yet; a file's mode is no code."""
    told = git.run(
        top,
        *("-c", "core.fileMode=false", "diff", "--raw", "--no-abbrev", "--no-renames", "-z", "--no-ext-diff"),
        *(revision.sha, "--", where),
    )
    fields = told.split("\0")
    changes = zip(fields[::2], fields[1::2], strict=False)
    differing = [name for change, name in changes if len(set(change.split()[2:4])) > 1]
    unknown = git.run(top, "ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", where)
    return sorted({name for name in [*differing, *unknown.split("\0")] if name})


def _inside(top: Path, folder: str) -> Path:
    place = (top / folder).resolve()
    if not place.is_relative_to(top):
        raise SuiteError(f"servers.folder: expected a folder of the repository (got {folder!r})")
    return place


def _lock(name: str, top: Path, lock: str) -> str:
    if not lock:
        return ""
    try:
        return _inside(top, lock).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SuiteError(
            f'{name} has no {lock}: name its lock file as `lock` in [servers] of the suite, or "" for none.'
        ) from error


def revision() -> Git:
    """The revision of the tree that runs, if it is this project's checkout and not, say, site-packages."""
    project = processes.ROOT / "pyproject.toml"
    if not project.exists() or tomllib.loads(project.read_text())["project"]["name"] != "cookies-vs-tokens":
        return Git(revision=None, dirty=None)
    commit = git.output_or_none(processes.ROOT, "rev-parse", "HEAD")
    dirty = git.output_or_none(processes.ROOT, "status", "--porcelain")
    return Git(
        revision=commit.strip() if commit else None, dirty=None if dirty is None else bool(dirty.strip())
    )
