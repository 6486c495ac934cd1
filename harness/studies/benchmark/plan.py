"""Print what a run would do."""

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
    """How many server processes there are at a time."""
    if suite.processes_each == 1:
        return f"{will.server_processes} processes"
    return f"up to {suite.processes_each} processes behind a port, {will.server_processes} in all"


def print_plan(
    suite: Suite, incidents: Mapping[str, str], console: Console, options: Options, checks: Sequence[Check]
) -> None:
    """Print what a run of the suite would measure, how long it takes, and where its results go."""
    will = forecast(suite)
    here = [arm for arm in suite.arms if arm not in suite.elsewhere]
    arms = [f"{arm} at {', '.join(addresses)}" for arm, addresses in suite.elsewhere.items()]
    if here:
        each = f"{suite.instances} instances of each ({_at_a_time(suite, will)})"
        arms.insert(0, f"{', '.join(here)}, {each}")
    placement = environment.roles_on_cpus(
        place(usable_cpus(), options.processes, suite.processes_each).roles()
    )
    lines = [
        f"suite {suite.name}: {suite.title}",
        f"  arms: {'; '.join(arms)}",
        *(
            f"  {name} is a server of somebody else's: {server.title} ({server.place})"
            for name, server in suite.own.items()
        ),
        *(f"  {check.check}: {check.detail}" for check in checks),
        *(
            f"  {s.label}: {incidents[s.name]}, all arms at once for {s.seconds:g} s; described, not judged"
            if s.name in incidents
            else f"  {s.label}: {s.slots} slots of {s.slot_ns / 1e6:g} ms; judged by {s.primary_metric}"
            + (f"; {', '.join(suite.arms_of([s]))} only" if s.arms else "")
            for s in suite.scenarios
        ),
        f"  CPUs: {placement}",
        f"  time: about {will.seconds:.0f} s, of which {will.measuring_s:.0f} s measuring",
        f"  memory: about {will.memory_bytes / 1e6:.0f} MB; disk: about {will.disk_bytes / 1e6:.0f} MB",
        f"  results: {options.out}",
    ]
    if options.expect_workers:
        lines.insert(
            -1, f"  load: from {options.expect_workers} worker(s), awaited at {options.workers_bind}"
        )
    if options.until_decided_s is not None:
        lines.insert(
            -1, f"  up to {LOOKS} times that, until all is decided, or {options.until_decided_s:.0f} s"
        )
    console.print("\n".join(lines), highlight=False, soft_wrap=True)
