"""Runs the user's git."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final

from harness.errors import EnvironmentFailedError
from harness.system.processes import last_lines

#: Variables that are set inside hooks, where they would point git at another repository.
_MISLEADING: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


def output_or_none(folder: Path, *arguments: str) -> str | None:
    """Return what git prints in a folder; None if there is no git, no checkout, or git fails."""
    with suppress(EnvironmentFailedError):
        return run(folder, *arguments, timeout_s=30)
    return None


def run(folder: Path, *arguments: str, timeout_s: float = 300) -> str:
    """Return what git prints in a folder, for commands that must succeed.

    Raises:
        EnvironmentFailedError: The command failed; the message contains git's error output.
    """
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=timeout_s,
            check=True,
            env={key: value for key, value in os.environ.items() if key not in _MISLEADING},
        ).stdout
    except subprocess.CalledProcessError as error:
        raise EnvironmentFailedError(f"git {arguments[0]} failed: {last_lines(error.stderr)}") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise EnvironmentFailedError(f"git {arguments[0]} failed: {error}") from error
