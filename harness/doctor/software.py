"""What software is there: versions beside those wanted, the store, this Python, other programs of ours."""

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

#: Seconds that a store may take to say what it is.
_STORE_TIMEOUT_S: Final = 2
_DISTRIBUTION: Final = "cookies-vs-tokens"
_LOCK: Final = "requirements.lock"
_PROGRAMS: Final = ("bench.py", _DISTRIBUTION)
#: What those do that measures or serves.
_WORK: Final = ("run", "serve")


def versions(root: Path = processes.ROOT) -> Versions | None:
    """Installed packages beside the lock file of the tree at `root`, else beside what the wheel asks for."""
    lock = root / _LOCK
    if lock.exists():
        return _compare(lock.name, _locked(lock.read_text(encoding="utf-8")))
    try:
        wanted = metadata.requires(_DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return None
    return _compare("the wheel's own requirements", map(Requirement, wanted or ()))


def _locked(text: str) -> Iterator[Requirement]:
    """The pins of a lock file; the lines between them are hashes."""
    for line in text.splitlines():
        if line and not line.startswith((" ", "#")):
            yield Requirement(line.rstrip("\\ "))


def _compare(source: str, wanted: Iterable[Requirement]) -> Versions:
    here = [pin for pin in wanted if pin.marker is None or pin.marker.evaluate({"extra": ""})]
    different = []
    for pin in here:
        found = _installed(pin.name)
        if found is None or not pin.specifier.contains(found, prereleases=True):
            different.append((pin.name, str(pin.specifier).removeprefix("=="), found))
    return Versions(source, len(here), different)


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def store(redis_url: str | None) -> Store:
    """The store that a run would use: the user's own, else the one that would be started."""
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
        return Store("a store of our own", None, str(error))
    name, _, rest = done.stdout.partition(" server v=")  # `Valkey server v=9.1.2 sha=...`
    return Store("started by us", f"{name.lower()} {rest.partition(' ')[0]}")


def python_build() -> PythonBuild:
    """How this interpreter was built."""
    version = f"{platform.python_implementation()} {platform.python_version()}"
    debug = hasattr(sys, "gettotalrefcount")
    return PythonBuild(version, debug, _profiled(sysconfig.get_config_var("CONFIG_ARGS"), sys.base_prefix))


def _profiled(configure: str | None, prefix: str) -> bool | None:
    """Whether it was built with profile-guided optimisation.

    Distributions that put Python in /usr may do that without the option (Debian does), so there its absence
    tells nothing.
    """
    if configure is None:
        return None
    if "--enable-optimizations" in configure:
        return True
    return None if prefix == "/usr" else False


def ours() -> list[tuple[int, str]]:
    """Process id and name of every benchmark and server of ours that runs, but for this process's family."""
    me = psutil.Process()
    family = {process.pid for process in (me, *me.parents(), *me.children(recursive=True))}
    found = []
    for process in psutil.process_iter(["cmdline"]):
        name = program(process.info["cmdline"] or ())
        if name is not None and process.pid not in family:
            found.append((process.pid, name))
    return found


def busy_since() -> float | None:
    """When the oldest run began that is under way now, in seconds since 1970; None where there is none."""
    begun = []
    for pid in (pid for pid, name in ours() if name.endswith(" run")):
        with contextlib.suppress(psutil.Error):  # over by now
            begun.append(psutil.Process(pid).create_time())
    return min(begun, default=None)


def program(command_line: Sequence[str]) -> str | None:
    """What of ours a command line runs: `bench.py run`, `servers`, `locust` and the like, or None."""
    started = processes.module_of(command_line)
    if started is not None:
        return started
    for word, following in pairwise(command_line):
        if Path(word).name in _PROGRAMS and following in _WORK:
            return f"{Path(word).name} {following}"
        if word == "-m" and following.partition(".")[0] == "servers":
            return following
    return None
