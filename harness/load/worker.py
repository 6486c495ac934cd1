"""`bench.py remote worker`: take part in a run on another machine, as one worker, until it is over."""

from __future__ import annotations

import os
import shutil
from typing import Final

from rich.console import Console

from harness.errors import EnvironmentFailedError, SuiteError
from harness.system import processes, secret, signals, temp_folders

#: Exit code of a worker whose run is over (`loadtests/distributed/worker.py`).
_OVER: Final = 0


def work(master: str, patience_s: float, console: Console) -> None:
    """Be a worker of the run at an address, and tell a console how it goes.

    Args:
        master: `HOST:PORT` of the run.
        patience_s: Without a word from it for so long the worker gives up.
        console: Told what the worker does.

    Raises:
        SuiteError: No address, or no secret.
        EnvironmentFailedError: It could not take part, or not to the end.
    """
    host, _, port = master.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) <= 65535:
        raise SuiteError(f"expected HOST:PORT, as the run printed it (got {master!r})")
    key = secret.given(os.environ)
    if key is None:
        raise SuiteError(
            f"{secret.NAME}: the environment must hold the secret of the run, as it printed it; or"
            f" {secret.FILE} a file that does."
        )
    with signals.deferred():
        folder, owner = temp_folders.make_folder()
    log = folder / "worker.log"
    started = []
    last = ""
    try:
        with signals.deferred():
            worker = processes.start(
                "loadtests.distributed.worker",
                [master, "--patience", f"{patience_s:g}"],
                log=log,
                environment={"HOME": str(folder), secret.NAME: key},
            )
            started.append(worker)
        console.print(f"knocking at {master}; Ctrl-C ends this worker", highlight=False, markup=False)
        for line in worker.stdout or ():
            last = line.decode(errors="replace").strip()
            console.print(last, highlight=False, markup=False, soft_wrap=True)
        if worker.wait() != _OVER:
            raise EnvironmentFailedError(last or f"the worker ended: {processes.log_end(log)}")
    finally:
        processes.terminate(started)
        shutil.rmtree(folder, ignore_errors=True)
        if owner is not None:
            owner.release()
