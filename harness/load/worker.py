"""`bench.py remote worker`: takes part in a run on another machine, as one worker, until it is over."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

from rich.console import Console

from harness.errors import EnvironmentFailedError, SuiteError
from harness.suites.external import HostPort
from harness.system import cpus, processes, secret
from harness.system.temp_folders import temp_folder

#: Exit code of a worker after the end of its run (`loadtests/distributed/worker.py`).
_OVER: Final = 0


def work(master: str, patience_s: float, console: Console) -> None:
    """Run a worker of the run at an address, and print its messages.

    Args:
        master: `HOST:PORT` of the run.
        patience_s: Seconds without a message from the run until the worker gives up.
        console: Console for the messages.

    Raises:
        SuiteError: The address is invalid, or the secret is missing.
        EnvironmentFailedError: The worker could not take part, or not to the end.
    """
    if not _is_address(master):
        raise SuiteError(f"expected HOST:PORT, as the run printed it (got {master!r})")
    key = secret.given(os.environ)
    if key is None:
        raise SuiteError(
            f"{secret.NAME}: the environment must hold the secret of the run, as it printed it; or"
            f" {secret.FILE} a file that does."
        )
    last_line = ""
    arguments = [master, "--patience", f"{patience_s:g}", "--cpu", cpus.cpu_model()]
    with temp_folder() as folder:
        log, environment = folder / "worker.log", {"HOME": str(folder), secret.NAME: key}
        with processes.running(
            "loadtests.distributed.worker", arguments, log=log, environment=environment
        ) as worker:
            console.print(f"connecting to {master}; Ctrl-C ends this worker", highlight=False, markup=False)
            for line in worker.stdout or ():
                last_line = line.decode(errors="replace").strip()
                console.print(last_line, highlight=False, markup=False, soft_wrap=True)
            if worker.wait() != _OVER:
                raise EnvironmentFailedError(last_line or f"the worker ended: {processes.log_end(log)}")


def _is_address(text: str) -> bool:
    with suppress(ValueError):
        return HostPort.parse(text).port > 0
    return False
