"""The two source trees that a gate compares: a revision, in a git worktree, and the working tree."""

from __future__ import annotations

import contextlib
import hashlib
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
    """A commit: its full hash, and the first line of its message."""

    sha: str
    title: str

    @property
    def short(self) -> str:
        """Return the abbreviated hash."""
        return self.sha[:10]


@dataclass(frozen=True)
class Worktree:
    """One of the compared source trees.

    Attributes:
        name: Name for messages.
        top: Top folder of the checkout.
        tree: Source tree to start servers from.
        lock: Text of its lock file; empty if the suite names none.
    """

    name: str
    top: Path
    tree: Tree
    lock: str


def top_of(repository: Path) -> Path:
    """Return the top folder of the checkout that contains a folder.

    Raises:
        SuiteError: There is no checkout, or git cannot read it.
    """
    output = git.output_or_none(repository, "rev-parse", "--show-toplevel")
    if not output and is_in_checkout(repository):
        raise SuiteError(
            f"git cannot read the checkout that contains {repository}; for the reason, run: git -C"
            f" {repository} status"
        )
    if not output:
        raise SuiteError(
            f"{repository} is not in a git checkout, so it has neither servers nor revisions to measure:"
            " choose another folder with --repo."
        )
    return Path(output.rstrip("\n")).resolve()


def is_in_checkout(folder: Path) -> bool:
    """Whether a folder is in a git checkout, even one that git refuses to read, as of another owner."""
    absolute = folder.absolute()
    return any((parent / ".git").exists() for parent in (absolute, *absolute.parents))


def resolve(top: Path, name: str) -> Revision:
    """Return the commit with a name.

    Raises:
        NoBaselineError: This clone has no such commit.
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
    """Check a revision out into a temporary folder, which is removed at the end of the context.

    Raises:
        EnvironmentFailedError: git cannot create the worktree.
    """
    with temp_folders.temp_folder() as folder:
        place = folder.resolve() / "tree"
        _remove_stale(top)
        try:
            hooks = ("-c", "core.hooksPath=/dev/null")  # the user's hooks are not for this checkout
            git.run(top, *hooks, "worktree", "add", "--detach", "--force", str(place), revision.sha)
            yield place
        finally:
            with signals.deferred():
                git.output_or_none(top, "worktree", "remove", "--force", str(place))


def _remove_stale(top: Path) -> None:
    """Remove killed runs' worktrees from git; their folders are removed by the next run in any case."""
    for line in (git.output_or_none(top, "worktree", "list", "--porcelain") or "").splitlines():
        word, _, path = line.partition(" ")
        is_ours = word == "worktree" and Path(path).parent.name.startswith(temp_folders.PREFIX)
        if is_ours and not Path(path).exists():
            git.output_or_none(top, "worktree", "remove", "--force", path)


def side(name: str, top: Path, servers: Servers) -> Worktree:
    """Return the source tree of a suite's servers in a checkout, without its interpreter yet.

    Raises:
        NoBaselineError: The checkout has no such servers.
        SuiteError: The lock file does not exist.
    """
    root = _inside(top, servers.folder)
    tree = Tree(root, servers=servers.package)
    if not tree.package.is_dir():
        raise NoBaselineError(
            f"{name} has no servers at {tree.package.relative_to(top)}: see [servers] in the suite."
        )
    return Worktree(name, top, tree, _lock(name, top, servers.lock))


def with_interpreters(sides: list[Worktree], log: Callable[[str], None]) -> list[Worktree]:
    """Return each side with an interpreter that has the packages of its lock file.

    If this interpreter has the packages of all sides, they use it. Otherwise each side gets a cached
    environment, created in the same way, so that the environment's origin makes no difference.
    """
    if all(environments.is_satisfied(source.lock, source.name) for source in sides):
        return sides
    return [
        replace(source, tree=replace(source.tree, python=environments.cached(source.lock, source.name, log)))
        for source in sides
    ]


def working_tree(servers: Servers | None, repository: Path, log: Callable[[str], None]) -> Tree:
    """Return the source tree that a suite measures: this tool's, or that of the checkout of `repository`.

    Raises:
        SuiteError: The folder is not in a checkout, or the lock file does not exist.
        NoBaselineError: The checkout has no such servers.
        EnvironmentFailedError: An environment for them cannot be created.
    """
    if servers is None:
        return OURS
    [head] = with_interpreters([side("the working tree", top_of(repository), servers)], log)
    return head.tree


def gated_tree(servers: Servers | None, repository: Path | None, log: Callable[[str], None]) -> Tree:
    """Return the source tree that a gate measures, that of the checkout, and log which it is.

    A suite without servers means `python -m servers` at the checkout's top. This tool's servers are measured
    only if no folder is given and the current one is not in a checkout.

    Args:
        servers: Table `[servers]` of the suite; None if it has none.
        repository: Folder of the checkout; None for the current one.
        log: Receives a message with the origin of the servers.

    Raises:
        SuiteError: The given folder is not in a checkout, or the lock file does not exist.
        NoBaselineError: The checkout has no such servers.
        EnvironmentFailedError: An environment for them cannot be created.
    """
    folder = repository or Path.cwd()
    if servers is None and repository is None and not is_in_checkout(folder):
        log(f"measuring this tool's own servers, since {folder} is not in a git checkout")
        return OURS
    log(f"measuring the servers of {top_of(folder)}")
    return working_tree(servers or Servers(), folder, log)


def provenance(side: Worktree, end: Literal["base", "head"]) -> gate.GateSide:
    """Return the origin of one of the trees for the result; its interpreter must be set.

    Raises:
        EnvironmentFailedError: Its interpreter fails.
    """
    return gate.GateSide(
        end=end,
        commit=resolve(side.top, "HEAD").sha,
        dirty=bool(git.run(side.top, "status", "--porcelain").strip()),
        lock=hashlib.sha256(side.lock.encode()).hexdigest() if side.lock else "",
        environment=environments.name(side.tree.python),
        **environments.contents(side.tree.python),
    )


def changed(top: Path, revision: Revision, servers: Servers) -> list[str]:
    """Return the Python files of the servers' package that differ between a revision and the working tree.

    Raises:
        EnvironmentFailedError: git fails.
    """
    package = PurePosixPath(servers.folder, *servers.package.split("."))
    return _differing(top, revision, f":(top,glob){package}/**/*.py")


def touched(top: Path, revision: Revision, servers: Servers) -> list[str]:
    """Return the changed files that the servers may read: those of their folder, or of their package.

    Their package only, if their folder is the top of the repository, which holds everything else, too.

    Raises:
        EnvironmentFailedError: git fails.
    """
    folder = PurePosixPath(servers.folder)
    package = PurePosixPath(folder, *servers.package.split("."))
    return _differing(top, revision, f":(top){package if folder == PurePosixPath('.') else folder}")


def _differing(top: Path, revision: Revision, where: str) -> list[str]:
    """Return the files with other content, and untracked ones; a change of file mode does not count."""
    output = git.run(
        top,
        *("-c", "core.fileMode=false", "diff", "--raw", "--no-abbrev", "--no-renames", "-z", "--no-ext-diff"),
        *(revision.sha, "--", where),
    )
    fields = output.split("\0")
    changes = zip(fields[::2], fields[1::2], strict=False)
    differing = [name for change, name in changes if len(set(change.split()[2:4])) > 1]
    untracked = git.run(top, "ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", where)
    return sorted({name for name in [*differing, *untracked.split("\0")] if name})


def _inside(top: Path, folder: str) -> Path:
    path = (top / folder).resolve()
    if not path.is_relative_to(top):
        raise SuiteError(f"servers.folder: expected a folder of the repository (got {folder!r})")
    return path


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
    """Return the revision of the running code, if it is in a checkout of this project, not site-packages."""
    project = processes.ROOT / "pyproject.toml"
    if not project.exists() or tomllib.loads(project.read_text())["project"]["name"] != "cookies-vs-tokens":
        return Git(revision=None, dirty=None)
    commit = git.output_or_none(processes.ROOT, "rev-parse", "HEAD")
    dirty = git.output_or_none(processes.ROOT, "status", "--porcelain")
    return Git(
        revision=commit.strip() if commit else None, dirty=None if dirty is None else bool(dirty.strip())
    )
