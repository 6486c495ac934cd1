"""The plan of a run, as printed by `--dry-run`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console

from harness.analysis.stats.sequential import LOOKS
from harness.measure.options import Options
from harness.report.content import environment
from harness.results.model import Check
from harness.suites.forecast import Forecast, forecast
from harness.suites.model import Suite
from harness.system.cpus import place, usable_cpus


def _at_a_time(suite: Suite, will: Forecast) -> str:
    """Return the number of concurrent server processes, in words."""
    if suite.processes_each == 1:
        return f"{will.server_processes} processes"
    return f"up to {suite.processes_each} processes behind a port, {will.server_processes} in all"


def print_plan(
    suite: Suite, incidents: Mapping[str, str], console: Console, options: Options, checks: Sequence[Check]
) -> None:
    """Print what a run of the suite would measure, its duration and the folder of its results."""
    will = forecast(suite)
    local = [arm for arm in suite.arms if arm not in suite.elsewhere]
    arms = [f"{arm} at {', '.join(addresses)}" for arm, addresses in suite.elsewhere.items()]
    if local:
        each = f"{suite.instances} instances of each ({_at_a_time(suite, will)})"
        arms.insert(0, f"{', '.join(local)}, {each}")
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
        f"  results: {options.out}",
    ]
    if options.expect_workers:
        lines.insert(
            -1, f"  load: from {options.expect_workers} worker(s), which connect to {options.workers_bind}"
        )
    if options.until_decided_s is not None:
        lines.insert(
            -1,
            f"  up to {LOOKS} times that, until all verdicts are decided, or {options.until_decided_s:.0f} s",
        )
    console.print("\n".join(lines), highlight=False, soft_wrap=True)
