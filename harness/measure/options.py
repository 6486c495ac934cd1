"""Options that the command line adds to a suite."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from harness.load.remote import DEFAULT_BIND
from harness.testbed.rig import Rig


@dataclass(frozen=True)
class Options:
    """Options that the command line adds to a suite.

    Attributes:
        out: Folder of this run.
        seed: Seed of the plan; None for a random seed, which the result records.
        loop: Event loop of the servers.
        redis_url: URL of the user's store; None for the embedded store.
        processes: Number of load processes.
        expect_workers: Number of workers on other machines that generate the load instead; 0 for none.
        workers_bind: Address that these workers connect to.
        workers_wait_s: Seconds to wait for the workers.
        command: Command line, as recorded in the result.
        until_decided_s: Time limit in seconds for further batches of fresh instances, up to
            `sequential.LOOKS` in all, which end once every verdict is reached; None for a single batch.
        beside: Context that is active during the load of every rig; for calibration.
        may_load_others: Whether addresses of the suite on other machines may be loaded.
    """

    out: Path
    seed: int | None = None
    loop: str = "uvloop"
    redis_url: str | None = None
    processes: int = 1
    expect_workers: int = 0
    workers_bind: str = DEFAULT_BIND
    workers_wait_s: float = 600
    command: list[str] = field(default_factory=lambda: ["bench.py", *sys.argv[1:]])
    until_decided_s: float | None = None
    beside: Callable[[Rig], AbstractContextManager[object]] = nullcontext
    may_load_others: bool = False
