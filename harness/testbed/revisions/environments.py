"""Python interpreters with the packages of a lock file: this one, or that of a cached environment."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from packaging.requirements import InvalidRequirement, Requirement

from harness.errors import EnvironmentFailedError, SuiteError
from harness.system import files
from harness.system.processes import last_lines

#: Disk space for an environment of this tool, with the downloaded wheels.
_ENVIRONMENT_BYTES: Final = 1.5e9
_TIMEOUT_S: Final = 1800
_PYTHON: Final = Path("bin", "python")
OWN: Final = "this tool's own"
#: Normalizes names by PyPA's specification, so that two spellings are the same package.
_LIST_PACKAGES: Final = """
import json, platform, re
from importlib import metadata
print(json.dumps({
    "python": platform.python_implementation() + " " + platform.python_version(),
    "packages": {
        re.sub("[-_.]+", "-", package.name).lower(): package.version
        for package in metadata.distributions()
        if package.name
    },
}, sort_keys=True))
"""


def pins(lock: str, source: str) -> list[Requirement]:
    """Return the requirements of a lock file, for every platform.

    Raises:
        SuiteError: The file is not in pip's format.
    """
    requirements = []
    for line in lock.replace("\\\n", " ").splitlines():
        text = line.partition(" #")[0].partition("--hash")[0].strip()
        if text and not text.startswith(("#", "-")):
            try:
                requirements.append(Requirement(text))
            except InvalidRequirement as error:
                raise SuiteError(f"{source}: not a lock file that pip can read: {text!r}") from error
    return requirements


def is_satisfied(lock: str, source: str) -> bool:
    """Whether this interpreter has the packages of a lock file, at the same versions."""
    return all(
        _is_installed(pin) for pin in pins(lock, source) if pin.marker is None or pin.marker.evaluate()
    )


def _is_installed(pin: Requirement) -> bool:
    try:
        return pin.specifier.contains(metadata.version(pin.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False


def cached(lock: str, name: str, log: Callable[[str], None]) -> str:
    """Return the interpreter of an environment with the packages of a lock file; create it if missing.

    Args:
        lock: Text of the lock file.
        name: Name of the servers that need it, for messages.
        log: Receives a message before an environment is created.

    Raises:
        EnvironmentFailedError: The environment cannot be created.
    """
    base = (
        f"{platform.python_implementation()} {platform.python_version()} {platform.platform()} {sys.prefix}"
    )
    key = hashlib.sha256(f"{base}\n{lock}".encode()).hexdigest()[:16]
    place = files.folder() / f"environment-{key}"
    if not place.exists():
        log(f"creating an environment for {name} from its lock file (once): {place}")
        files.require_room(files.folder(), _ENVIRONMENT_BYTES, "XDG_CACHE_HOME")
        with _partial(place) as part:
            _call([sys.executable, "-I", "-m", "venv", str(part)])
            file = part / "requirements.lock"
            file.write_text(lock, encoding="utf-8")
            pip = [str(part / _PYTHON), "-I", "-m", "pip", "--disable-pip-version-check", "--quiet"]
            _call([*pip, "install", "--require-hashes", "--requirement", str(file)])
    os.utime(place)  # `clean` removes by age, and this environment is in use
    return str(place / _PYTHON)


def name(python: str) -> str:
    """Return the name of an interpreter's environment: `OWN`, or its folder in the cache."""
    return OWN if python == sys.executable else Path(python).parents[1].name


def contents(python: str) -> dict[str, Any]:
    """Return the version of an interpreter (`python`), and those of its packages by name (`packages`).

    It runs isolated, as servers do.

    Raises:
        EnvironmentFailedError: The interpreter fails.
    """
    output = _call([python, "-I", "-c", _LIST_PACKAGES], f"{python} does not list its packages")
    return dict(json.loads(output))


@contextlib.contextmanager
def _partial(place: Path) -> Iterator[Path]:
    """Yield a folder that is renamed to `place` when complete; if two are made, the first one stays."""
    part = place.with_name(f"{place.name}.{os.getpid()}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(part, ignore_errors=True)
        yield part
        if not place.exists():
            part.rename(place)
    except OSError as error:
        raise files.failure(error, part) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _call(command: list[str], failure: str = "an environment could not be created") -> str:
    """Run a program to its end and return its output."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired as error:
        raise EnvironmentFailedError(f"{' '.join(command[3:5])} did not end in {_TIMEOUT_S} s") from error
    if done.returncode:
        raise EnvironmentFailedError(f"{failure}: {last_lines(done.stderr)}")
    return done.stdout
