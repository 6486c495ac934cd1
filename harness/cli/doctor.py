"""`bench.py doctor`."""

from __future__ import annotations

import json
from pathlib import Path

from harness.cli import options
from harness.errors import EnvironmentFailedError


def command(
    suite: options.Suite = "quick",
    results: options.Results = Path("results"),
    redis_url: options.RedisUrl = None,
    as_json: options.Json = False,
) -> None:
    """Check this machine for sources of measurement noise and suggest fixes, worst first.

    Takes two seconds. Every run makes a shorter check and stores the findings in its result. Exit code 0
    with warnings, 3 if a run could not start.
    """
    from harness.doctor import console, examine
    from harness.suites import catalog

    findings = examine.examine(catalog.load_suite(suite), results, examine.THOROUGH_S)
    findings = examine.worst_first([*findings, examine.examine_store(redis_url)])
    output = options.output(as_json=as_json)
    output.json(json.dumps([finding.model_dump() for finding in findings], indent=1))
    if not as_json:
        console.render(findings, output.console)
    if blocked := console.blockers(findings):
        raise EnvironmentFailedError(
            f"a run cannot start on this machine: {blocked[0].check}: {blocked[0].detail}"
        )
