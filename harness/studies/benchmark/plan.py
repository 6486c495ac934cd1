"""The plan of a run, as printed by `--dry-run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.analysis.stats.sequential import LOOKS
from harness.measure.options import Options
from harness.report.content import environment
from harness.results.model import Check
from harness.suites.forecast import forecast
from harness.suites.model import Suite
from harness.system.cpus import place, usable_cpus
from harness.system.output import Output


def print_plan(
    suite: Suite, incidents: Mapping[str, str], output: Output, options: Options, checks: Sequence[Check]
) -> None:
    """Print what a run of the suite would measure, its duration and the folder of its results."""
    will = forecast(suite)
    local = [arm for arm in suite.arms if arm not in suite.elsewhere]
    arms = [f"{arm} at {', '.join(addresses)}" for arm, addresses in suite.elsewhere.items()]
    if local:
        count = f"{will.server_processes} processes"
        if suite.processes_each > 1:
            count = f"up to {suite.processes_each} processes behind a port, {will.server_processes} in all"
        arms.insert(0, f"{', '.join(local)}, {suite.instances} instances of each ({count})")
    placement = environment.roles_on_cpus(
        place(usable_cpus(), options.processes, suite.processes_each).roles()
    )
    lines = [
        f"suite {suite.name}: {suite.title}",
        f"  servers: {'; '.join(arms)}",
        *(f"  {name}: your server, {server.title} ({server.place})" for name, server in suite.own.items()),
        *(f"  {check.check}: {check.detail}" for check in checks),
        *(
            f"  {scenario.label}: {incidents[scenario.name]}, all servers at once for {scenario.seconds:g} s;"
            " described, without verdicts"
            if scenario.name in incidents
            else f"  {scenario.label}: {scenario.slots} time slices of {scenario.slot_ns / 1e6:g} ms;"
            f" verdicts on {scenario.primary_metric}"
            + (f"; {', '.join(suite.arms_of([scenario]))} only" if scenario.arms else "")
            for scenario in suite.scenarios
        ),
        f"  CPUs: {placement}",
        f"  time: about {will.seconds:.0f} s, of which {will.measuring_s:.0f} s measuring",
        f"  memory: about {will.memory_bytes / 1e6:.0f} MB; disk: about {will.disk_bytes / 1e6:.0f} MB",
    ]
    if options.expect_workers:
        workers = f"{options.expect_workers} worker(s), which connect to {options.workers_bind}"
        lines.append(f"  load: from {workers}")
    if options.until_decided_s is not None:
        until = f"until all verdicts are decided, or {options.until_decided_s:.0f} s"
        lines.append(f"  up to {LOOKS} times that, {until}")
    output.log("\n".join([*lines, f"  results: {options.out}"]))
