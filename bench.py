#!/usr/bin/env python3
"""The command line: weighs cookie sessions against tokens on this machine."""

from __future__ import annotations

from harness.system import interpreter

interpreter.check()

import contextlib
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

try:
    import typer
    from rich.console import Console
except ModuleNotFoundError as error:
    interpreter.end(interpreter.missing(error))

from harness import __version__
from harness.errors import (
    BenchError,
    EnvironmentFailedError,
    InterruptedRunError,
    SuiteError,
    is_output_gone,
)
from harness.system import signals

app = typer.Typer(
    help="Weighs cookie sessions against tokens on this machine, and says how surely.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

#: Seconds within which a run that goes on until decided must end.
_LIMIT_S = 900
#: Where workers find a run: Locust's port, on this machine alone (`harness.load.remote.DEFAULT_BIND`).
_WORKERS_BIND = "127.0.0.1:5557"
_NEW_FOLDER = "Folder for this run; default: a new one in --results."
RunFolder = Annotated[Path | None, typer.Option("--out", help=_NEW_FOLDER)]
Seed = Annotated[int | None, typer.Option(help="Seed of the plan; default: drawn, and recorded.")]
Loop = Annotated[str, typer.Option(help="Event loop of the servers: uvloop or asyncio.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result file instead of tables.")]
Wait = Annotated[bool, typer.Option("--wait", help="Queue behind another run on this machine.")]
GateSuite = Annotated[str, typer.Argument(help="What to measure: a suite's name or a TOML file.")]
Repository = Annotated[
    Path | None,
    typer.Option(help="A folder of the checkout whose servers are measured; default: the current folder."),
]
ResultsFolder = Annotated[Path, typer.Option(help="Folder of results.")]
RedisUrl = Annotated[
    str | None,
    typer.Option(
        envvar="REDIS_URL",
        show_envvar=True,
        help="A Redis or Valkey of your own (docs/stores.md)."
        " Only keys of this run's own prefix are written and deleted.",
    ),
]


class OnInconclusive(StrEnum):
    """What a gate does where it cannot tell."""

    FAIL = "fail"
    PASS = "pass"  # noqa: S105 - not a password


class Listed(StrEnum):
    """What can be listed."""

    SUITES = "suites"
    SCHEMES = "schemes"
    SCENARIOS = "scenarios"
    CLAIMS = "claims"
    RUNS = "runs"


@app.command()
def run(
    suite: Annotated[str, typer.Argument(help="A suite's name (see `list`) or a TOML file.")] = "quick",
    out: RunFolder = None,
    results: ResultsFolder = Path("results"),
    seed: Seed = None,
    loop: Loop = "uvloop",
    redis_url: RedisUrl = None,
    processes: Annotated[
        int, typer.Option(min=1, help="Load processes that share the load, each on a CPU of its own.")
    ] = 1,
    expect_workers: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Have N workers elsewhere make the load: prints the command to start them, and waits.",
        ),
    ] = 0,
    workers_bind: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="With --expect-workers: this machine's address, for the run and for its servers.",
        ),
    ] = _WORKERS_BIND,
    expect_workers_max_wait: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="With --expect-workers: for how long to wait.")
    ] = 600,
    until_decided: Annotated[
        bool,
        typer.Option(
            "--until-decided",
            help="Measure up to three batches of fresh instances, until every verdict is reached;"
            " ends with 11 where one is not.",
        ),
    ] = False,
    limit: Annotated[
        float | None,
        typer.Option(
            min=1,
            metavar="SECONDS",
            help=f"With --until-decided: no further batch that would end later; default: {_LIMIT_S}.",
        ),
    ] = None,
    load_other_machines: Annotated[
        bool,
        typer.Option(
            "--load-other-machines",
            help="Allow a load on addresses of the suite that are not this machine's; they must be yours.",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell the plan, then stop.")] = False,
    as_json: AsJson = False,
    wait: Wait = False,
) -> None:
    """Measure a suite: tables, charts, a page and result.json. Takes about 80 seconds for `quick`."""
    from harness.measure.run import Options
    from harness.studies.benchmark import run as commands

    if limit is not None and not until_decided:
        raise SuiteError("--limit belongs to --until-decided: without it a run measures one batch.")
    options = Options(
        out or _folder(results, suite),
        seed=seed,
        loop=loop,
        redis_url=redis_url,
        processes=processes,
        expect_workers=expect_workers,
        workers_bind=workers_bind,
        workers_wait_s=expect_workers_max_wait,
        until_decided_s=(limit or _LIMIT_S) if until_decided else None,
        may_load_others=load_other_machines,
    )
    console = Console(stderr=as_json)
    commands.measure(suite, options, console, dry_run=dry_run, print_json=as_json, wait=wait)


@app.command()
def work(
    run_at: Annotated[str, typer.Argument(metavar="HOST:PORT", help="Where the run is, as it printed it.")],
    patience: Annotated[
        float,
        typer.Option(min=1, metavar="SECONDS", help="Give up where the run says nothing for so long."),
    ] = 60,
) -> None:
    """Make a part of the load of a run on another machine (`run --expect-workers`), until that is over.

    The environment holds the run's secret in COOKIES_VS_TOKENS_SECRET, or the name of a file with it in
    COOKIES_VS_TOKENS_SECRET_FILE. A worker is one process on one CPU: start one for each CPU that is to load.
    It sends load wherever the holder of that secret says. Ctrl-C ends it, and makes the run invalid.
    """
    from harness.load import worker

    with _until_stopped():
        worker.work(run_at, patience, Console())


@app.command()
def conform(
    target: Annotated[
        str,
        typer.Argument(
            help="A scheme (see `list`), an address such as http://127.0.0.1:3000, or a suite (a TOML file)"
            " with servers of its own."
        ),
    ],
    arm: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which of the suite's own servers; default: all.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Ask for what is advised as for what is needed.")
    ] = False,
    load_other_machines: Annotated[
        bool,
        typer.Option(
            "--load-other-machines", help="Allow an address that is not this machine's; it must be yours."
        ),
    ] = False,
    redis_url: RedisUrl = None,
    as_json: AsJson = False,
) -> None:
    """Ask a server line by line what it meets of the contract; 14 where it misses something needed.

    It logs in, writes, changes a password, blocks an account and guesses passwords: ask no server whose
    accounts matter.
    """
    from harness.testbed.contract.run import Asked
    from harness.testbed.contract.run import conform as ask

    asked = Asked(target, arm, strict, load_other_machines, redis_url)
    ask(asked, Console(stderr=as_json), print_json=as_json)


@app.command()
def plot(results: Annotated[list[Path], typer.Argument(help="Runs: their folders or result files.")]) -> None:
    """Draw the charts of stored results again, beside them."""
    from harness.report.charts import draw_all
    from harness.results import archive

    console = Console()
    for path in results:
        folder = path if path.is_dir() else path.parent
        for file in draw_all(archive.load(path), folder):
            console.print(str(file), highlight=False, soft_wrap=True)


@app.command()
def report(
    which: Annotated[list[str], typer.Argument(help="Folders, result files, ids of runs, or `latest`.")],
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The page to write; default: report.html in the run's folder, with report.md beside it; of"
            " several results report.html and comparison.json in a new folder in --results.",
        ),
    ] = None,
    results: ResultsFolder = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="Print what the page says, for programs.")] = False,
) -> None:
    """Write a stored result as a page that opens with the answer, or several side by side on one page.

    For example `bench.py report latest`, or `bench.py report A B --out both.html`. The page is one file that
    loads nothing: figures, style and script are in it. Every run writes its own, and this makes it again,
    from the result file alone. Of several the first is the base of all, as in `compare`.
    """
    from harness.report import write

    write.tell(which, out, results, print_json=as_json)


@app.command()
def export(
    which: Annotated[str, typer.Argument(help="A run: its folder, result file or id, or `latest`.")],
    to: Annotated[
        list[str] | None,
        typer.Option("--format", help="Which; may be given again. Without it the formats are listed."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the files; default: the run's own.")] = None,
    results: ResultsFolder = Path("results"),
) -> None:
    """Write a stored result in the formats of other tools."""
    from harness.report import exporting

    if to:
        exporting.export(which, to, out, results)
    else:
        exporting.list_formats()


@app.command()
def compare(
    which: Annotated[list[str], typer.Argument(help="Folders, result files, ids of runs, or `latest`.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the figures; default: in --results.")] = None,
    results: ResultsFolder = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="Print comparison.json instead of tables.")] = False,
) -> None:
    """Set several results side by side, the first as the base: tables, comparison.json and figures.

    Times are compared on one machine only; between machines, ratios between arms are. There are no verdicts,
    since runs one after the other drift: for those, measure all as arms of one suite.
    """
    from harness.report.charts.compared import draw_compared
    from harness.report.compare import compare as sides
    from harness.report.compare import console
    from harness.results import archive

    places = [archive.find(name, results) for name in which]
    compared = sides.compare([(str(place), archive.load(place)) for place in places])
    folder = out or results / f"compare-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    archive.prepare(folder)
    file = archive.save_comparison(compared, folder)
    figures = draw_compared(compared, folder)
    if as_json:
        print(file.read_text(encoding="utf-8"), end="")
    screen = Console(stderr=as_json)
    console.render(compared, screen)
    screen.print(f"{len(figures)} figures and {file.name} are in {folder}", highlight=False, soft_wrap=True)


@app.command()
def serve(
    arms: Annotated[list[str] | None, typer.Argument(help="Schemes; default: cookie and token.")] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the first; the others follow. 0: any free.")
    ] = 8001,
    loop: Loop = "uvloop",
    redis_url: RedisUrl = None,
) -> None:
    """Run the servers side by side and print curl lines to try them. Ctrl-C ends them."""
    from harness.studies.benchmark import run as commands

    with _until_stopped():
        commands.serve(arms or ["cookie", "token"], port, loop, redis_url, Console())


@app.command()
def agent(
    bind: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to listen; port 0: any free.")
    ] = "127.0.0.1:5600",
) -> None:
    """Read the CPU and memory of servers on this machine, for a run on another that has the same secret.

    The secret is COOKIES_VS_TOKENS_SECRET, or in the file that COOKIES_VS_TOKENS_SECRET_FILE names. The run's
    suite names this as `agent` beside the addresses of the servers. It answers to nothing but the ports of
    servers: their CPU time, memory and processes. What it says is sealed, not hidden: bind it to a private
    network. Linux only. Ctrl-C ends it.
    """
    from harness.testbed.agent import run as command

    with _until_stopped():
        command.run(bind, os.environ, lambda text: print(text, flush=True))


@app.command()
def doctor(
    suite: Annotated[str, typer.Argument(help="The suite to be measured: says what it needs.")] = "quick",
    results: ResultsFolder = Path("results"),
    redis_url: RedisUrl = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Tell what about this machine will blur the numbers, worst first, each with its remedy.

    Takes two seconds. Every run does the same more briefly and keeps the findings in its result.
    Warnings end with exit code 0; what keeps a run from starting ends with 3.
    """
    from harness.doctor import console, examine
    from harness.suites import catalog

    findings = examine.examine(catalog.load_suite(suite), results, examine.THOROUGH_S)
    findings = examine.worst_first([*findings, examine.examine_store(redis_url)])
    if as_json:
        print(json.dumps([finding.model_dump() for finding in findings], indent=1))
    else:
        console.render(findings, Console())
    if blocked := console.blockers(findings):
        raise EnvironmentFailedError(f"a run could not start here: {blocked[0].check}: {blocked[0].detail}")


@app.command()
def engine(
    rounds: Annotated[int, typer.Option(min=1, help="Each starts every engine afresh.")] = 10,
    seconds: Annotated[int, typer.Option(min=1, help="Length of a bout.")] = 1,
    seed: Annotated[int, typer.Option(help="Shuffles each round.")] = 1,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the rows as JSON instead of tables.")
    ] = False,
    wait: Wait = False,
) -> None:
    """Hold this load engine against Locust's own users, wrk, and a server that knows the truth. Five minutes.

    One load process on one core, a server on another; wrk takes part where it is installed. Latencies of ours
    are held against wrk's and against the true ones of a server with known delays (calibration/target.py).
    """
    from harness.studies.load_engine import run as command

    command.measure(rounds, seconds, seed, Console(stderr=as_json), print_json=as_json, wait=wait)


@app.command()
def calibrate(
    trials: Annotated[int, typer.Option(min=1, help="Of each kind.")] = 40,
    out: Annotated[
        Path, typer.Option(help="Folder of the trials; what it holds already is not made again.")
    ] = Path("results/calibration"),
    seed: Annotated[
        int | None, typer.Option(help="Of the first trial; the others count on from it; default: drawn.")
    ] = None,
    shapes: Annotated[
        bool, typer.Option("--shapes", help="Other shapes of slowness and of trouble, too.")
    ] = False,
    kind: Annotated[
        list[str] | None,
        typer.Option(help="Only trials of this kind; repeat it for several, an unknown one lists them."),
    ] = None,
    gate: Annotated[
        bool,
        typer.Option("--gate", help="Count the wrong answers of `bench.py check` instead, commit by commit."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the rates as JSON instead of tables.")
    ] = False,
    wait: Wait = False,
) -> None:
    """Count how often this instrument is wrong: trials with the same code, and with a known slowdown.

    Every trial weighs two arms until decided, then judges them the usual way: one server after the other, by
    wrk and by Locust, with a threshold of 5 %. About a minute each. Each is kept when it is done, so a
    calibration that was stopped goes on where it was.

    With --gate a trial is a commit in a scratch clone of this checkout: a line in README, or busy work worth
    10 % of one scheme's server CPU. `bench.py check --against HEAD~1` should pass the one, and fail the other
    by that scheme's name. A few minutes each.
    """
    from harness.studies.calibration import run as command

    if gate and (shapes or kind):
        raise SuiteError("--shapes and --kind do not belong to --gate, whose trials are commits.")
    if gate:
        command.calibrate_gate(trials, out, seed, Console(stderr=as_json), print_json=as_json, wait=wait)
        return
    kinds = command.chosen(kind or [], shapes=shapes)
    command.calibrate(kinds, trials, out, seed, Console(stderr=as_json), print_json=as_json, wait=wait)


@app.command()
def check(
    suite: GateSuite = "gate",
    against: Annotated[
        str | None,
        typer.Option(metavar="REV", help="A git revision: its servers run beside those of the working tree."),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What `bench.py baseline` has written, anywhere.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, max=1, help="A change up to this fraction is let pass.")
    ] = 0.05,
    on_inconclusive: Annotated[
        OnInconclusive, typer.Option(help="Whether a pipeline fails when it cannot be told: then with 11.")
    ] = OnInconclusive.FAIL,
    limit: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="No further batch that would end later.")
    ] = _LIMIT_S,
    skip_unchanged: Annotated[
        bool,
        typer.Option(
            "--skip-unchanged",
            help="With --against: pass at once where the servers and their lock are the same.",
        ),
    ] = False,
    formats: Annotated[
        list[str] | None, typer.Option("--format", help="Write this export, too: see `bench.py export`.")
    ] = None,
    repo: Repository = None,
    out: RunFolder = None,
    results: ResultsFolder = Path("results"),
    seed: Seed = None,
    loop: Loop = "uvloop",
    redis_url: RedisUrl = None,
    as_json: AsJson = False,
    wait: Wait = False,
) -> None:
    """Tell a pipeline whether a change made authentication slower, without crying wolf.

    --against REV measures both revisions in one interleaved run: the strongest, some minutes.
    --baseline FILE compares what travels between machines. Budgets that the suite states are checked in every
    case. A suspected regression is confirmed on fresh servers before it fails the build. Ends with 10 for a
    regression, 11 when it cannot be told, 12 when the measurement is invalid, 13 when there is nothing to
    compare with.
    """
    from harness.gate import run as command
    from harness.measure.run import Options

    if skip_unchanged and against is None:
        raise SuiteError("--skip-unchanged belongs to --against.")
    command.check(
        command.Asked(
            suite=suite,
            options=Options(
                out or _folder(results, "check"),
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
        ),
        Console(stderr=as_json),
        print_json=as_json,
        wait=wait,
    )


@app.command()
def baseline(
    suite: GateSuite = "gate",
    file: Annotated[Path, typer.Option("--out", help="The file to write.")] = Path("results/baseline.json"),
    repo: Repository = None,
    results: ResultsFolder = Path("results"),
    seed: Seed = None,
    loop: Loop = "uvloop",
    redis_url: RedisUrl = None,
    wait: Wait = False,
) -> None:
    """Measure what `check --baseline` compares with, three batches of servers, and write it to a file.

    Commit it. Three minutes: how batches differ tells how sure a later comparison may be.
    """
    from harness.gate import run as command
    from harness.measure.run import Options

    options = Options(_folder(results, "baseline"), seed=seed, loop=loop, redis_url=redis_url)
    command.baseline(suite, file, repo, options, Console(), wait=wait)


@app.command()
def claims(
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="[NUMBER]...", help="Which; default: all of them.")
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder of the answers; claims that it answers already are not tried again.")
    ] = Path("results/claims"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the answers as JSON.")] = False,
    wait: Wait = False,
) -> None:
    """Put what the article and its readers claim to the test, on live servers, and give a verdict on each.

    Each verdict comes with the experiment, its rule and its figures, in claims.json and claims.md. A claim
    that cannot be tried yet says why. What was stopped goes on where it was.
    """
    from harness.studies.claims import run as command

    command.settle(numbers or [], out, Console(stderr=as_json), print_json=as_json, wait=wait)


@app.command()
def browser(
    batches: Annotated[
        int, typer.Option(min=2, max=100, help="Each on fresh servers, in a fresh browser.")
    ] = 6,
    rounds: Annotated[
        int, typer.Option(min=1, max=100, help="Of a batch: each is one click in every case.")
    ] = 10,
    seed: Annotated[int, typer.Option(help="Of the order of cases, drawn anew for each round.")] = 1,
    out: RunFolder = None,
    results: ResultsFolder = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="Print wait.json, too.")] = False,
    wait: Wait = False,
) -> None:
    """Measure what a user waits for in a real Chromium, from the click to the answer, by cookie and by token.

    The page is at the API's own origin or at another, with preflights remembered or needed each time; all
    cases take turns. Chromium holds an answer back until the frame after the click is drawn, so when its last
    byte arrived is told, too. Every click is kept, in wait.json. `make browser` finds or installs a Chromium.
    """
    from harness.studies.browser import run as command
    from harness.studies.browser.file import Plan

    plan = Plan(batches, rounds, seed)
    console = Console(stderr=as_json)
    command.measure(plan, out or _folder(results, "browser"), console, print_json=as_json, wait=wait)


@app.command()
def advise(
    which: Annotated[
        str | None,
        typer.Argument(
            metavar="[RESULT]",
            help="A run: its folder, result file or id, or `latest`; default: the latest of suite claims.",
        ),
    ] = None,
    store_rtt: Annotated[
        float | None, typer.Option(min=0, metavar="MS", help="Round trip to your store; default: 0.5.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(metavar="REQ/S", help="Restricted reads a second; default: 1000.")
    ] = None,
    sessions: Annotated[
        int | None, typer.Option(min=0, help="People logged in at one time; default: 100000.")
    ] = None,
    profile_bytes: Annotated[
        int | None, typer.Option(min=1, help="Length of what a session or token says; default: short.")
    ] = None,
    revoke_within: Annotated[
        float | None,
        typer.Option(
            min=0, metavar="SECONDS", help="How soon a blocked account must be out; default: no demand."
        ),
    ] = None,
    results: ResultsFolder = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Say which scheme costs what at your distance, load and demands, from what a run measured.

    Each figure has the interval of what was measured; beside them stands how far the model was off where it
    was held against measurements that it was not shown.
    """
    from harness.studies.advice import question
    from harness.studies.advice import run as command

    asked = question.of(
        store_rtt_ms=store_rtt,
        rate=rate,
        sessions=sessions,
        profile_bytes=profile_bytes,
        revoke_within_s=revoke_within,
    )
    command.tell(which, results, asked, Console(stderr=as_json), print_json=as_json)


@app.command()
def history(
    folder: Annotated[Path, typer.Argument(help="Where results are looked for, at any depth.")] = Path(
        "results"
    ),
    metric: Annotated[
        list[str] | None, typer.Option(help="Which; may be given again. Default: cost, speed and capacity.")
    ] = None,
    suite: Annotated[str | None, typer.Option(help="Only results of this suite.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the files; default: FOLDER/history.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print history.json instead of a table.")] = False,
) -> None:
    """Follow figures from run to run: a table, and a figure for each metric, with changes of level."""
    from harness.report.history import run as command

    console = Console(stderr=as_json)
    command.tell(folder, metric or [], suite, out or folder / "history", console, print_json=as_json)


@app.command()
def view(
    results: ResultsFolder = Path("results"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where it listens. 0: any free.")] = 8090,
    open_browser: Annotated[bool, typer.Option("--open", help="Show it in a browser at once.")] = False,
) -> None:
    """Show results in a browser: all of them, their trends, and a run under way as it goes. Ctrl-C ends it.

    Lists what lies below --results, newest first, by suite, arm and machine. It only reads, and listens on
    127.0.0.1 alone. While nobody looks it does nothing; a page that is open beside a run costs one look at
    a small file a second, other pages more: leave those until the run is over.
    """
    from harness.report.viewer import run as command

    with _until_stopped():
        command.view(results, port, open_browser=open_browser)


@app.command()
def clean(
    results: ResultsFolder = Path("results"),
    older_than: Annotated[
        float, typer.Option(min=0, metavar="DAYS", help="Only what was begun longer ago.")
    ] = 0,
    keep: Annotated[int, typer.Option(min=0, metavar="N", help="Keep so many of the newest runs.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would go, then stop.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove runs, comparisons and cached environments, and tell what goes and how much room that makes.

    Results in `published`, and files that no run writes, stay. So does what a run under way may be using.
    """
    from harness.cli.clean import sweep

    sweep(results, older_than_days=older_than, keep=keep, dry_run=dry_run, yes=yes, console=Console())


@app.command(name="list")
def list_all(
    what: Annotated[
        list[Listed] | None, typer.Argument(help="Which lists, in this order; default: suites and runs.")
    ] = None,
    results: ResultsFolder = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List what there is to name: suites, schemes with what they promise, scenarios, claims, and runs.

    For example `bench.py list schemes`.
    """
    from harness.cli import list as listing

    listing.tell(what or [], results, print_json=as_json)


@contextlib.contextmanager
def _until_stopped() -> Iterator[None]:
    """Ctrl-C is how such a command ends: there is nothing to tell of it."""
    try:
        yield
    except KeyboardInterrupt:
        raise InterruptedRunError from None


def _folder(results: Path, name: str) -> Path:
    """A new folder for a run."""
    return results / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{Path(name).stem}"


def _version(wanted: bool) -> None:
    if wanted:
        print(f"cookies-vs-tokens {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    pass


def main() -> NoReturn:
    """Run the command line; every failure that has a name ends with its exit code and says so last."""
    signals.catch()
    code = _guarded(app)
    signals.ignore()
    sys.exit(code)


def _guarded(command: Callable[..., Any]) -> int:
    try:
        code = int(command(standalone_mode=False) or 0)
        if code == InterruptedRunError.exit_code:  # what Typer makes of Ctrl-C
            raise KeyboardInterrupt
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _fail(InterruptedRunError("stopped; what was finished before is kept."))
    except BenchError as error:
        return _fail(error)
    except ModuleNotFoundError as error:
        return _fail(EnvironmentFailedError(interpreter.missing(error)))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - Typer's usage errors, and crashes
        if is_output_gone(error):
            _print_to_nowhere()
            return _fail(EnvironmentFailedError(f"standard output cannot be written: {error}"))
        if hasattr(error, "show") and hasattr(error, "exit_code"):
            error.show()
            return _end(int(error.exit_code))
        traceback.print_exc()
        return _end(BenchError.exit_code)


def _print_to_nowhere() -> None:
    """Otherwise what is still to be printed fails once more when Python ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _fail(error: BenchError) -> int:
    signals.ignore()
    if told := str(error):
        with contextlib.suppress(OSError):  # nobody listens any more
            print(f"error: {told}", file=sys.stderr)
    return _end(error.exit_code)


def _end(code: int) -> int:
    with contextlib.suppress(OSError):
        print(f"exit code {code}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
