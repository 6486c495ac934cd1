"""Checks of what the hardware does by itself: clock rate, heat, power supply; and of virtual machines."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

import psutil

from harness.doctor.check import Checks, Judgement, Machine, graded
from harness.doctor.kernel import CPUS, text


def _governor(machine: Machine) -> Judgement | None:
    """Judge the frequency governors: all but `performance` change the clock rate with the load."""
    files = [machine.root / CPUS / f"cpu{cpu}" / "cpufreq" / "scaling_governor" for cpu in machine.cpus]
    names = sorted({name for file in files if (name := text(file))})
    if not names:
        return None  # the host does not expose them
    return graded(
        f"frequency governor: {', '.join(names)}",
        "sudo cpupower frequency-set --governor performance",
        warning=names != ["performance"],
    )


def _turbo(machine: Machine) -> Judgement | None:
    """Judge turbo: above the nominal rate the clock rate depends on heat and on how many cores are busy.

    Intel's driver has a switch that disables it, others have one that enables it.
    """
    for path, on, off in ((CPUS / "intel_pstate" / "no_turbo", "0", 1), (CPUS / "cpufreq" / "boost", "1", 0)):
        state = text(machine.root / path)
        if state is not None:
            return graded(
                "turbo is on: the clock rate depends on heat and on busy neighbours"
                if state == on
                else "turbo is off",
                f"echo {off} | sudo tee /{path.as_posix()}",
                warning=state == on,
            )
    return None


def heat(since_start: int, now: int) -> Judgement:
    """Judge thermal throttling, since the machine started and during the check: a hot CPU runs slower."""
    return graded(
        f"slowed down by heat {since_start} times since the machine started, {now} times during the check"
        if since_start
        else "never slowed down by heat since the machine started",
        "let it cool down, improve the airflow, or disable turbo",
        warning=since_start > 0,
    )


def battery(percent: float | None = None, plugged: bool | None = None) -> Judgement:
    """Judge the power supply: on battery, machines save power at the cost of speed; None: no battery."""
    if percent is None:
        return Judgement("ok", "no battery is reported")
    if plugged is False:
        return Judgement("warning", f"on battery, {percent:.0f} % left", "plug it in")
    return Judgement("ok", "mains power")


def _battery(_: Machine) -> Judgement | None:
    if not hasattr(psutil, "sensors_battery"):
        return None
    reading = psutil.sensors_battery()
    return battery(reading.percent, reading.power_plugged) if reading else battery()


def virtualisation(container: str | None, *, virtual_machine: bool) -> Judgement:
    """Judge virtualisation: a virtual machine hides its neighbours; container limits are judged elsewhere."""
    inside = f" in a container ({container})" if container else ""
    return graded(
        f"a virtual machine{inside}: clock rate, heat and neighbours are not visible from inside"
        if virtual_machine
        else f"no virtual machine{inside}",
        "use a dedicated machine where microseconds matter; trust ratios within one run",
        warning=virtual_machine,
    )


def _virtualisation(machine: Machine) -> Judgement | None:
    virtual = _virtual_machine(machine.root)
    return None if virtual is None else virtualisation(_container(machine.root), virtual_machine=virtual)


def _virtual_machine(root: Path) -> bool | None:
    for line in (text(root / "proc/cpuinfo") or "").splitlines():
        if line.startswith("flags"):  # only x86 has this line, with a bit that every hypervisor sets
            return "hypervisor" in line.split()
    detect = shutil.which("systemd-detect-virt")
    if detect is None or root != Path("/"):
        return None
    done = subprocess.run([detect, "--vm"], capture_output=True, text=True, timeout=5, check=False)
    return done.stdout.strip() != "none" if done.stdout else None


def _container(root: Path) -> str | None:
    marks = {"docker": ".dockerenv", "podman": "run/.containerenv"}
    in_pod = "kubepods" in (text(root / "proc/self/cgroup") or "")
    return next(
        (name for name, mark in marks.items() if (root / mark).exists()), "kubernetes" if in_pod else None
    )


CHECKS: Final[Checks] = {
    "frequency governor": _governor,
    "turbo": _turbo,
    "heat": lambda machine: heat(*machine.seen.heat) if machine.seen.heat else None,
    "battery": _battery,
    "virtualisation": _virtualisation,
}
