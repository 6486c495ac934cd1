"""How a run is to be made."""

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
    """What the command line adds to a suite.

    Attributes:
        out: Folder of this run.
        seed: Seeds the plan; None draws one, which the result names.
        loop: Event loop of the servers.
        redis_url: A store of the user's own.
        processes: Load processes that share the load.
        expect_workers: How many workers, started elsewhere, make the load in their place; 0 for none.
        workers_bind: Where these find the run.
        workers_wait_s: For how long they are awaited.
        command: The command line, as the result records it.
        until_decided_s: Measure further batches of fresh instances, `looks.LOOKS` in all, until every verdict
            is reached or a batch more would not end within so many seconds; None for one batch.
        beside: What goes on beside the load of every rig; for calibration.
        may_load_others: Whether addresses of the suite that are not this machine's may be loaded.
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
