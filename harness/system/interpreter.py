"""Error messages for an interpreter that cannot run the harness. Python 3.7 can still read this file."""

import platform
import sys
from typing import NoReturn

#: Oldest Python that can run the harness.
OLDEST = (3, 11)
#: Exit code of EnvironmentFailedError.
_EXIT_CODE = 3


def check() -> None:
    """Exit with an error message if this Python is too old."""
    if sys.version_info[:2] < OLDEST:
        end(
            f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, and {sys.executable} is"
            f" {sys.version_info[0]}.{sys.version_info[1]}. `make bench PYTHON=python3.12` uses another."
        )


def missing(error: ImportError) -> str:
    """Return the error message for an import that failed."""
    return missing_module(str(error.name))


def missing_module(name: str) -> str:
    """Return the error message for a module that is not installed."""
    return (
        f"{sys.executable} has no module {name.partition('.')[0]}. `make bench` creates an environment with"
        " all dependencies; `pip install .` adds them to your virtual environment."
    )


def end(message: str) -> NoReturn:
    """Print an error message and exit with the code of EnvironmentFailedError."""
    sys.stderr.write(f"error: {message}\nexit code {_EXIT_CODE}\n")
    sys.exit(_EXIT_CODE)


def python() -> str:
    """Return the implementation and version of this Python."""
    return f"{platform.python_implementation()} {platform.python_version()}"
