"""Asks the user's git."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from harness.errors import EnvironmentFailedError
from harness.system.processes import last_lines

#: Set inside hooks, where they would point git at another tree than the one asked about.
_MISLEADING: Final = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


def output_or_none(place: Path, *arguments: str) -> str | None:
    """What git prints of the tree at a place; None where there is no git, no checkout, or it refuses."""
    try:
        return _run(place, *arguments, timeout_s=30).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def run(place: Path, *arguments: str) -> str:
    """The same of what has to work.

    Raises:
        EnvironmentFailedError: It did not; git's own words are in the message.
    """
    try:
        return _run(place, *arguments, timeout_s=300).stdout
    except subprocess.CalledProcessError as error:
        raise EnvironmentFailedError(f"git {arguments[0]} failed: {last_lines(error.stderr)}") from error
    except (OSError, subprocess.SubprocessError) as error:
        raise EnvironmentFailedError(f"git {arguments[0]} failed: {error}") from error


def _run(place: Path, *arguments: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-C", str(place), *arguments],  # noqa: S607 - the user's own git
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=timeout_s,
        check=True,
        env={key: value for key, value in os.environ.items() if key not in _MISLEADING},
    )
