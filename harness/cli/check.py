"""`bench.py check`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from harness.cli import options
from harness.errors import SuiteError


class OnInconclusive(StrEnum):
    """Exit status of an inconclusive check."""

    FAIL = "fail"
    PASS = "pass"  # noqa: S105 - not a password


def command(
    suite: options.Suite = "gate",
    against: Annotated[
        str | None,
        options.settable(
            "--against",
            "REV",
            "Git revision to compare with: its servers run beside those of the working tree.",
        ),
    ] = None,
    baseline: Annotated[
        Path | None,
        options.settable(
            "--baseline", "FILE", "Baseline file to compare with, written by --save-baseline on any machine."
        ),
    ] = None,
    save_baseline: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Measure three batches and write a baseline file, instead of a check.",
        ),
    ] = None,
    tolerance: Annotated[
        float,
        options.settable("--tolerance", "FRACTION", "Tolerated slowdown, as a fraction.", min=0, max=1),
    ] = 0.05,
    on_inconclusive: Annotated[
        OnInconclusive,
        options.settable(
            "--on-inconclusive", None, "Exit status if the result is inconclusive: 11 (fail) or 0 (pass)."
        ),
    ] = OnInconclusive.FAIL,
    limit: Annotated[
        float,
        options.settable(
            "--limit", "SECONDS", "Time limit: do not start a batch that would end later.", min=1
        ),
    ] = options.LIMIT_S,
    skip_unchanged: Annotated[
        bool,
        typer.Option(
            "--skip-unchanged",
            help="With --against: pass without measuring if neither the servers nor their lock file changed.",
        ),
    ] = False,
    schemes: options.Schemes = None,
    seconds: options.Seconds = None,
    instances: options.Instances = None,
    users: options.Users = None,
    formats: options.Formats = None,
    repo: Annotated[
        Path | None,
        options.settable(
            "--repo",
            "FOLDER",
            "Folder of the checkout with the servers to measure. [default: the current folder]",
        ),
    ] = None,
    out: options.RunFolder = None,
    results: options.Results = Path("results"),
    seed: options.Seed = None,
    loop: options.Loop = options.EventLoop.UVLOOP,
    redis_url: options.RedisUrl = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    wait: options.Wait = False,
) -> None:
    """Fail if authentication became slower than a revision, a baseline or a budget (CI gate).

    `--against REV` measures both revisions in one interleaved run: most sensitive, takes some minutes.
    `--baseline FILE` compares ratios, which transfer between machines. Budgets of the suite are always
    checked. A suspected regression is confirmed on fresh servers before it fails the build.

    Exit codes: 0 no regression, 10 regression, 11 inconclusive, 12 invalid measurement, 13 no baseline.
    """
    from harness.gate import run as gate
    from harness.measure.options import Options
    from harness.suites.adjust import SuiteChanges

    if skip_unchanged and against is None:
        raise SuiteError("--skip-unchanged requires --against.")
    request = gate.CheckRequest(
        suite=suite,
        changes=SuiteChanges(options.names(schemes), seconds, instances, users),
        options=Options(
            out or options.new_folder(results, "baseline" if save_baseline else "check"),
            seed=seed,
            loop=loop,
            redis_url=redis_url,
            until_decided_s=limit,
        ),
        against=against,
        baseline=baseline,
        repository=repo,
        tolerance=tolerance,
        pass_inconclusive=on_inconclusive is OnInconclusive.PASS,
        skip_unchanged=skip_unchanged,
        formats=formats or [],
    )
    output = options.output(as_json=as_json, quiet=quiet)
    if save_baseline is None:
        gate.check(request, output, wait=wait)
    elif against or baseline or formats:
        raise SuiteError("--save-baseline does not compare: omit --against, --baseline and --format.")
    else:
        gate.save_baseline(request, save_baseline, output, wait=wait)
