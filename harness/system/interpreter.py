"""What to do where this interpreter cannot run the rest. Python 3.7 can still read this file."""

import platform
import sys
from typing import NoReturn

#: The oldest Python that can run the rest.
OLDEST = (3, 11)
#: That of EnvironmentFailedError.
_EXIT_CODE = 3


def check() -> None:
    """End here, in a sentence, if this Python is too old."""
    if sys.version_info[:2] < OLDEST:
        end(
            f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, and {sys.executable} is"
            f" {sys.version_info[0]}.{sys.version_info[1]}. `make bench PYTHON=python3.12` takes another."
        )


def missing(error: ImportError) -> str:
    """What to do about a module that was not found."""
    return missing_module(str(error.name))


def missing_module(name: str) -> str:
    """What to do about the module of this name."""
    return (
        f"{sys.executable} has no module {name.partition('.')[0]}. `make bench` makes an environment with"
        " all that is needed; `pip install .` adds it to a virtual environment of your own."
    )


def end(sentence: str) -> NoReturn:
    """End with the exit code of an environment that failed."""
    sys.stderr.write(f"error: {sentence}\nexit code {_EXIT_CODE}\n")
    sys.exit(_EXIT_CODE)


def python() -> str:
    """Which Python this is."""
    return f"{platform.python_implementation()} {platform.python_version()}"
