"""Checks of package versions and of this Python."""

from __future__ import annotations

import platform
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from harness.doctor.check import Checks, Judgement, Machine
from harness.system import processes

_DISTRIBUTION: Final = "cookies-vs-tokens"
#: Packages that differ: name, required version, installed version or None.
_Different = Sequence[tuple[str, str, str | None]]


def versions(source: str, count: int, different: _Different = ()) -> Judgement:
    """Judge the packages: other versions can change results by factors, so they are another experiment.

    `source` requires versions of `count` packages.
    """
    if not different:
        return Judgement("ok", f"all {count} packages match {source}")
    listed = ", ".join(
        f"{name} {installed or 'missing'} (not {required})" for name, required, installed in different
    )
    return Judgement(
        "warning",
        f"{len(different)} of {count} packages differ from {source}: {listed}",
        f"python -m pip install --require-hashes -r {source}"
        if source.endswith(".lock")
        else "reinstall it into a new virtual environment",
    )


def read_versions(root: Path = processes.ROOT) -> tuple[str, int, _Different] | None:
    """Compare the installed packages with the lock file in `root`, else with the wheel's requirements.

    Returns:
        The arguments of `versions`; None if there are neither lock file nor wheel.
    """
    lock = root / "requirements.lock"
    if lock.exists():
        lines = lock.read_text(encoding="utf-8").splitlines()
        pins = [line.rstrip("\\ ") for line in lines if line and not line.startswith((" ", "#"))]  # no hashes
        return _compare(lock.name, map(Requirement, pins))
    try:
        required = metadata.requires(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return None
    return _compare("the wheel's requirements", map(Requirement, required or ()))


def _compare(source: str, pins: Iterable[Requirement]) -> tuple[str, int, _Different]:
    relevant = [pin for pin in pins if pin.marker is None or pin.marker.evaluate({"extra": ""})]
    different = []
    for pin in relevant:
        version = _installed(pin.name)
        if version is None or not pin.specifier.contains(version, prereleases=True):
            different.append((pin.name, str(pin.specifier).removeprefix("=="), version))
    return source, len(relevant), different


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def python_build(version: str, *, debug: bool, profiled: bool | None) -> Judgement:
    """Judge the interpreter: a debug build is slower by factors, a build without profile by tenths."""
    if debug:
        return Judgement("warning", f"{version}, a debug build", "use a release build of Python")
    if profiled is False:
        return Judgement(
            "warning",
            f"{version}, built without profile-guided optimisation",
            "use your system's Python or python.org's; to build one: --enable-optimizations --with-lto",
        )
    if profiled is None:
        return Judgement("unknown", f"{version}; its build options are unknown")
    return Judgement("ok", f"{version}, an optimised release build")


def _profiled(configure: str | None, prefix: str) -> bool | None:
    """Whether Python was built with profile-guided optimisation; None if unknown.

    Distributions that put Python in /usr may do that without the option (Debian does), so there its absence
    proves nothing.
    """
    if configure is None:
        return None
    if "--enable-optimizations" in configure:
        return True
    return None if prefix == "/usr" else False


def _python_build(_: Machine) -> Judgement:
    return python_build(
        f"{platform.python_implementation()} {platform.python_version()}",
        debug=hasattr(sys, "gettotalrefcount"),
        profiled=_profiled(sysconfig.get_config_var("CONFIG_ARGS"), sys.base_prefix),
    )


CHECKS: Final[Checks] = {
    "versions": lambda _: versions(*reading) if (reading := read_versions()) else None,
    "Python": _python_build,
}
