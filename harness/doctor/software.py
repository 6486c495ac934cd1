"""Software of the machine: package versions, the store, this Python, other running programs of this tool."""

from __future__ import annotations

import contextlib
import platform
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import psutil
from packaging.requirements import Requirement

from harness.doctor.checks import PythonBuild, Store, Versions
from harness.errors import EnvironmentFailedError, SuiteError
from harness.system import processes
from harness.testbed.store import nodes as store_nodes
from harness.testbed.store.nodes import store_version
from servers.stores import urls

#: Seconds to wait for the version of a store.
_STORE_TIMEOUT_S: Final = 2
_DISTRIBUTION: Final = "cookies-vs-tokens"
_LOCK: Final = "requirements.lock"
_PROGRAMS: Final = ("bench.py", _DISTRIBUTION)
#: Commands of these programs that measure or serve.
_WORK: Final = ("run", "serve")


def versions(root: Path = processes.ROOT) -> Versions | None:
    """Compare the installed packages with the lock file in `root`, else with the wheel's requirements."""
    lock = root / _LOCK
    if lock.exists():
        return _compare(lock.name, _locked(lock.read_text(encoding="utf-8")))
    try:
        required = metadata.requires(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return None
    return _compare("the wheel's requirements", map(Requirement, required or ()))


def _locked(text: str) -> Iterator[Requirement]:
    """Yield the pins of a lock file; the lines between them are hashes."""
    for line in text.splitlines():
        if line and not line.startswith((" ", "#")):
            yield Requirement(line.rstrip("\\ "))


def _compare(source: str, pins: Iterable[Requirement]) -> Versions:
    relevant = [pin for pin in pins if pin.marker is None or pin.marker.evaluate({"extra": ""})]
    different = []
    for pin in relevant:
        version = _installed(pin.name)
        if version is None or not pin.specifier.contains(version, prereleases=True):
            different.append((pin.name, str(pin.specifier).removeprefix("=="), version))
    return Versions(source, len(relevant), different)


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def store(redis_url: str | None) -> Store:
    """Return the store that a run would use: the user's, else the embedded one."""
    return _store_at(redis_url) if redis_url else _embedded_store()


def _store_at(url: str) -> Store:
    where = urls.shown(url)
    try:
        nodes = store_nodes.connect(url, _STORE_TIMEOUT_S)
        info: Mapping[str, Any] = nodes[0].info("server")
        for node in nodes:
            node.close()
    except SuiteError as error:
        return Store("the store's URL", None, str(error))
    except store_nodes.FAILURES as error:
        return Store(where, None, f"no answer: {error}")
    return Store(where, " ".join(store_version(info)))


def _embedded_store() -> Store:
    try:
        binary = processes.run_module("servers.embedded_store", ["--which"]).strip()
        done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=5, check=True)
    except (EnvironmentFailedError, OSError, subprocess.SubprocessError) as error:
        return Store("embedded store", None, str(error))
    name, _, rest = done.stdout.partition(" server v=")  # `Valkey server v=9.1.2 sha=...`
    return Store("embedded", f"{name.lower()} {rest.partition(' ')[0]}")


def python_build() -> PythonBuild:
    """Return how this interpreter was built."""
    version = f"{platform.python_implementation()} {platform.python_version()}"
    debug = hasattr(sys, "gettotalrefcount")
    return PythonBuild(version, debug, _profiled(sysconfig.get_config_var("CONFIG_ARGS"), sys.base_prefix))


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


def ours() -> list[tuple[int, str]]:
    """Return id and name of every other running benchmark and server of this tool.

    Parents and descendants of this process are left out.
    """
    this = psutil.Process()
    relatives = {process.pid for process in (this, *this.parents(), *this.children(recursive=True))}
    running = []
    for process in psutil.process_iter(["cmdline"]):
        name = program(process.info["cmdline"] or ())
        if name is not None and process.pid not in relatives:
            running.append((process.pid, name))
    return running


def busy_since() -> float | None:
    """Return the start of the oldest run in progress, in seconds since 1970; None if there is none."""
    begun = []
    for pid in (pid for pid, name in ours() if name.endswith(" run")):
        with contextlib.suppress(psutil.Error):  # it has just ended
            begun.append(psutil.Process(pid).create_time())
    return min(begun, default=None)


def program(command_line: Sequence[str]) -> str | None:
    """Return which program of this tool a command line runs, such as `bench.py run` or `locust`, or None."""
    started = processes.module_of(command_line)
    if started is not None:
        return started
    for word, following in pairwise(command_line):
        if Path(word).name in _PROGRAMS and following in _WORK:
            return f"{Path(word).name} {following}"
        if word == "-m" and following.partition(".")[0] == "servers":
            return following
    return None
