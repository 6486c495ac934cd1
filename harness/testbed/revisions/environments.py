"""An interpreter that has exactly what a lock file names: this one, or one in a cached environment."""

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
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import InvalidRequirement, Requirement

from harness.errors import EnvironmentFailedError, SuiteError
from harness.system import files
from harness.system.processes import last_lines

#: What an environment of this tool takes, wheels on their way in included.
_BYTES: Final = 1.5e9
_TIMEOUT_S: Final = 1800
OWN: Final = "this tool's own"
#: Names as PyPA's specification of names has them, so that two spellings are one package.
_ASK: Final = """
import json, platform, re
from importlib import metadata
print(json.dumps({
    "python": platform.python_implementation() + " " + platform.python_version(),
    "packages": {
        re.sub("[-_.]+", "-", one.name).lower(): one.version for one in metadata.distributions() if one.name
    },
}, sort_keys=True))
"""


def pins(lock: str, source: str) -> list[Requirement]:
    """What a lock file names, for every platform.

    Raises:
        SuiteError: It is not written as pip reads it.
    """
    found = []
    for line in lock.replace("\\\n", " ").splitlines():
        text = line.partition(" #")[0].partition("--hash")[0].strip()
        if text and not text.startswith(("#", "-")):
            try:
                found.append(Requirement(text))
            except InvalidRequirement as error:
                raise SuiteError(f"{source}: not a lock file that pip can read: {text!r}") from error
    return found


def is_satisfied(lock: str, source: str) -> bool:
    """Whether this interpreter has what a lock file names, at these versions."""
    return all(_is_there(pin) for pin in pins(lock, source) if pin.marker is None or pin.marker.evaluate())


def _is_there(pin: Requirement) -> bool:
    try:
        return pin.specifier.contains(metadata.version(pin.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False


def cached(lock: str, name: str, log: Callable[[str], None]) -> str:
    """The interpreter of an environment with what a lock file names; it is made where there is none yet.

    Args:
        lock: The text of the lock file.
        name: For whom it is, for people.
        log: Told when it takes a while.

    Raises:
        EnvironmentFailedError: It cannot be made.
    """
    base = (
        f"{platform.python_implementation()} {platform.python_version()} {platform.platform()} {sys.prefix}"
    )
    key = hashlib.sha256(f"{base}\n{lock}".encode()).hexdigest()[:16]
    place = files.folder() / f"environment-{key}"
    if not place.exists():
        log(f"making an environment for {name}, as its lock file has it (once): {place}")
        files.require_room(files.folder(), _BYTES, "XDG_CACHE_HOME")
        with _partial(place) as part:
            _call([sys.executable, "-I", "-m", "venv", str(part)])
            file = part / "requirements.lock"
            file.write_text(lock, encoding="utf-8")
            pip = [str(_python(part)), "-I", "-m", "pip", "--disable-pip-version-check", "--quiet"]
            _call([*pip, "install", "--require-hashes", "--requirement", str(file)])
    os.utime(place)  # `clean` goes by age, and this one is in use
    return str(_python(place))


def name(python: str) -> str:
    """What people call the environment of an interpreter: this tool's own, or its folder in the cache."""
    return OWN if python == sys.executable else Path(python).parents[1].name


@dataclass(frozen=True)
class Contents:
    """Which Python an interpreter is, and the version of every package that it has, by name."""

    python: str
    packages: dict[str, str]


def contents(python: str) -> Contents:
    """Ask an interpreter itself, isolated as servers are.

    Raises:
        EnvironmentFailedError: It does not answer.
    """
    told = _call([python, "-I", "-c", _ASK], f"{python} does not say what it has")
    return Contents(**json.loads(told))


@contextlib.contextmanager
def _partial(place: Path) -> Iterator[Path]:
    """A folder that becomes `place` once it is whole; of two at a time, the first to be so stays."""
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


def _python(place: Path) -> Path:
    return place / "bin" / "python"


def _call(command: list[str], failure: str = "an environment could not be made") -> str:
    """Run a program to its end, and return what it printed."""
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
