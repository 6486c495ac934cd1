"""Checks of what else runs: other programs, and other benchmarks and servers of this tool."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import psutil

from harness.doctor.check import Checks, Judgement, graded
from harness.system import processes

#: Work of other processes that a run on pinned CPUs tolerates: a tenth of a CPU.
OTHER_LOAD_LIMIT: Final = 0.10
_NAMED: Final = 3
_PROGRAMS: Final = ("bench.py", "cookies-vs-tokens")
#: Commands of these programs that measure or serve.
_WORK: Final = ("run", "serve")


def other_load(cpus: float, busiest: Sequence[tuple[str, int, float]] = ()) -> Judgement:
    """Judge other load, in CPUs: it uses caches, memory bandwidth and possibly the CPUs of the run.

    `busiest` are its processes by name, id and CPU time.
    """
    figure = f"other processes used {cpus:.2f} CPUs"
    if cpus > OTHER_LOAD_LIMIT:
        named = ", ".join(f"{name} (process {pid}) {share:.2f}" for name, pid, share in busiest[:_NAMED])
        figure += f": {named}" if named else "; none of them is visible from here"
    return graded(
        figure,
        "stop programs that are not needed, or wait until they are done",
        warning=cpus > OTHER_LOAD_LIMIT,
    )


def other_benchmarks(running: Sequence[tuple[int, str]]) -> Judgement:
    """Judge other programs of this tool, by id and name: two benchmarks at a time distort each other."""
    if not running:
        return Judgement("ok", "no other benchmark or server of this tool is running")
    named = ", ".join(f"{program} (process {pid})" for pid, program in running[:_NAMED])
    more = f" and {len(running) - _NAMED} more" if len(running) > _NAMED else ""
    return Judgement(
        "warning", f"already running: {named}{more}", "run one benchmark at a time: wait, or stop the other"
    )


def ours() -> list[tuple[int, str]]:
    """Return id and name of every other running benchmark and server of this tool.

    Parents and descendants of this process are left out.
    """
    this = psutil.Process()
    relatives = {process.pid for process in (this, *this.parents(), *this.children(recursive=True))}
    return [
        (process.pid, name)
        for process in psutil.process_iter(["cmdline"])
        if (name := program(process.info["cmdline"] or ())) is not None and process.pid not in relatives
    ]


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


CHECKS: Final[Checks] = {
    "other load": lambda machine: other_load(machine.seen.other_cpus, machine.seen.busiest),
    "other benchmarks": lambda _: other_benchmarks(ours()),
}
