"""A trial of the gate: a commit of known effect in a scratch clone, and the answer of `bench.py check`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Final

from harness.errors import EnvironmentFailedError, SuiteError
from harness.results.model import Result
from harness.studies.calibration.commits import ADDED, ANSWERED, Commit, GateTrial, with_busy_work
from harness.studies.calibration.trial import Trials
from harness.system import git, processes
from harness.system.cpus import cpu_model
from harness.system.temp_folders import temp_folder
from harness.testbed.revisions.worktrees import revision

#: Options of the committer, without the user's hooks and signature.
_COMMITTER: Final = tuple(
    word
    for setting in (
        "user.name=calibration",
        "user.email=calibration@localhost",
        "commit.gpgSign=false",
        "core.hooksPath=/dev/null",
    )
    for word in ("-c", setting)
)


class Gates:
    """Maker of trials of the gate, without console output.

    Args:
        suite: Suite that the gate measures.
        added: Work that a slow commit adds, as a fraction of its scheme's server CPU per request.

    Raises:
        SuiteError: This tool does not run from a checkout, so there is nothing to clone.
    """

    def __init__(self, suite: str = "gate", added: float = ADDED) -> None:
        self._suite = suite
        self._added = added
        self._trials = Trials()
        checkout = revision()
        if checkout.revision is None:
            raise SuiteError(
                "--gate clones this tool's checkout, but it is installed: run it from a checkout."
            )
        self._revision = checkout.revision
        self._dirty = bool(checkout.dirty)

    def make(self, commit: Commit, seed: int | None) -> GateTrial:
        """Make one trial.

        Raises:
            BenchError: The work could not be measured, or the gate did not run.
        """
        started_at = datetime.now(UTC)
        with temp_folder() as path:
            clone = path / "clone"
            git.run(processes.ROOT, "clone", "--quiet", "--shared", str(processes.ROOT), str(clone))
            probe = self._trials.probe(commit.scheme) if commit.scheme else None
            rounds = 0 if probe is None else probe.turns(self._added)
            _commit(clone, commit, rounds)
            begun = monotonic()
            exit_code, result = self._check(path, clone, seed)
            seconds = monotonic() - begun
        return GateTrial(
            kind=commit.name,
            machine=cpu_model(),
            seed=result.run.seed,
            started_at=started_at.isoformat(timespec="seconds"),
            revision=self._revision,
            dirty=self._dirty,
            probe=probe,
            rounds=rounds,
            exit_code=exit_code,
            named=sorted({row.subject for row in result.gate if row.answer == "regression"}),
            batches=result.run.batches,
            seconds=seconds,
            measured_added=_added(result),
            gate=result.gate,
        )

    def _check(self, path: Path, clone: Path, seed: int | None) -> tuple[int, Result]:
        """Run `bench.py check` of the clone, and return its exit code and its result."""
        # The lock of runs is among the temporary files, and this calibration holds it: use another folder.
        temporary = path / "t"
        temporary.mkdir()
        arguments = ["check", self._suite, "--against", "HEAD~1", "--repo", str(clone), "--json"]
        arguments += ["--out", str(path / "run"), *([] if seed is None else ["--seed", str(seed)])]
        log = path / "check.log"
        environment = {"TMPDIR": str(temporary)}
        with processes.running("bench", arguments, log=log, environment=environment) as process:
            printed, _ = process.communicate()
        if process.returncode not in ANSWERED or not printed.strip():
            message = processes.last_lines(log.read_text(encoding="utf-8", errors="replace"))
            raise EnvironmentFailedError(f"the gate did not run: {message}")
        return process.returncode, Result.model_validate_json(printed)


def _commit(clone: Path, commit: Commit, rounds: int) -> None:
    """Change the clone, and commit the change."""
    if commit.scheme:
        file = clone / commit.file
        file.write_text(with_busy_work(file.read_text(encoding="utf-8"), rounds), encoding="utf-8")
    else:
        with (clone / "README.md").open("a", encoding="utf-8") as readme:
            readme.write("\nAnother line.\n")
    git.run(clone, *_COMMITTER, "commit", "--quiet", "--all", f"--message={commit.title}")


def _added(result: Result) -> dict[str, float]:
    """Return the relative change of each scheme's server CPU per request, as a fraction."""
    cpu = {row.arm: row.value for row in result.measurements if row.metric == "server_cpu"}
    schemes = [arm.removesuffix("@head") for arm in cpu if arm.endswith("@head")]
    return {name: cpu[f"{name}@head"] / cpu[f"{name}@base"] - 1 for name in schemes if f"{name}@base" in cpu}
