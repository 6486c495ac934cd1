"""Load from other machines: workers that are started there, led by Locust's master."""

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from harness.errors import EnvironmentFailedError, InvalidMeasurementError, SuiteError
from harness.load import local
from harness.load.master import MasterProcess
from harness.protocol.plan import Plan
from harness.protocol.recording import Recording
from harness.results.environment import LoadWorker
from harness.suites.external import HostPort
from harness.system import secret

#: Default address to wait for workers on: Locust's port, on this machine only.
DEFAULT_BIND: Final = "127.0.0.1:5557"
#: Seconds after a load, in which master and workers compare their clocks; without a message for longer they
#: hang.
_END_TIMEOUT_S: Final = 60

Log = Callable[[str], None]


def parse_bind(text: str) -> HostPort:
    """Parse the address that the master listens on: an IPv4 address, and a port (0: any free one).

    Raises:
        SuiteError: It is invalid, or no address for workers to connect to.
    """
    with suppress(ValueError):
        bind = HostPort.parse(text)
        address = ipaddress.IPv4Address(bind.host)
        if not (address.is_unspecified or address.is_multicast):
            return bind
    raise SuiteError(
        "--workers-bind: expected HOST:PORT with the one IPv4 address of this machine by which the load"
        f" machines reach it, such as {DEFAULT_BIND} (got {text!r})"
    )


class RemoteWorkers:
    """Locust's master, from `with` to its end, and its workers.

    Args:
        count: Number of workers to wait for.
        bind: Address to listen on.

    Attributes:
        found: Description of each worker that joined, over all loads until now.
        last: The same, of the last load only.
        host: Address of this machine that workers connect to.
    """

    def __init__(self, count: int, bind: HostPort) -> None:
        self.count = count
        self.host = bind.host
        self.found: list[LoadWorker] = []
        self.last: list[LoadWorker] = []
        self._port = bind.port
        self._given_secret = secret.given(os.environ)
        self._secret = self._given_secret or secret.fresh()
        self._lost: InvalidMeasurementError | None = None
        self._has_ended = False

    def __enter__(self) -> Self:
        self._master = MasterProcess(self.host, self._port, self.count, self._secret)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._master.stop("stopped" if kind is not None else "completed")

    @property
    def pid(self) -> int:
        """Return the process id of the master."""
        return self._master.pid

    def gather(self, limit_s: float, log: Log) -> None:
        """Print how workers are started, and wait until all have joined.

        Args:
            limit_s: Seconds to wait at most.
            log: Receives the command, and a line for each worker.

        Raises:
            EnvironmentFailedError: Not all joined in time, or the master died.
        """
        address = f"{self.host}:{self._master.port()}"
        value = "..." if self._given_secret else self._secret
        log(
            f"waiting for {self.count} worker(s) at {address}."
            " On each load machine, once for each of its CPUs:"
        )
        log(f"  {secret.NAME}={value} cookies-vs-tokens remote worker {address}")
        if self._given_secret:
            log("  with the secret of this run's environment")
        joined: dict[int, LoadWorker] = {}
        deadline = time.monotonic() + limit_s
        while True:
            message = self._master.receive(deadline)
            match message:
                case None:
                    raise EnvironmentFailedError(
                        f"{len(joined)} of {self.count} worker(s) joined at {address} within {limit_s:g} s"
                        " (--expect-workers-max-wait)."
                    )
                case {"what": "worker", "number": number, "about": about, "error_ns": error_ns}:
                    joined[number] = _described(about, error_ns)
                    log(f"worker on {joined[number].host}: {len(joined)} of {self.count}")
                case {"what": "refused", "host": host, "why": why}:
                    log(f"refused a worker on {_printable(host)}: {_printable(why)}")
                case {"what": "left", "number": number, "host": host, "why": why}:
                    joined.pop(number, None)
                    log(f"the worker on {_printable(host)} left: {_printable(why)}")
                case {"what": "ready"}:
                    self.found = [joined[number] for number in sorted(joined)]
                    return

    def begin(self, plan: Plan, folder: Path) -> list[RemoteMember]:
        """Have them run a plan, and write their recordings to this folder."""
        self._has_ended = False
        self._master.send({"load": plan.dumps(), "folder": str(folder)})
        files = [folder / f"load-{number}.recording.jsonl" for number in range(len(self.found))]
        return [RemoteMember(self, file, plan.scenario) for file in files]

    def finish(self) -> None:
        """Wait until all have ended after their last slot.

        Raises:
            InvalidMeasurementError: A worker was lost.
            EnvironmentFailedError: The master died, or hangs.
        """
        deadline = time.monotonic() + _END_TIMEOUT_S
        while self._lost is None and not self._has_ended:
            message = self._master.receive(deadline)
            if message is None:
                raise EnvironmentFailedError("the workers did not end after the last slot.")
            self._handle(message)
        if self._lost is not None:
            raise self._lost

    def failure(self) -> InvalidMeasurementError:
        """Return the error that names the lost worker."""
        try:
            self.finish()
        except InvalidMeasurementError as error:
            return error
        return InvalidMeasurementError("a worker closed its connection early")

    def is_lost(self) -> bool:
        """Whether a worker was lost."""
        while self._master.has_message():
            self._handle(self._master.receive(0) or {})
        return self._lost is not None

    def _handle(self, message: dict[str, Any]) -> None:
        """Handle a message about a load; refusals of further clients are ignored."""
        match message:
            case {"what": "ended", "workers": clocks}:
                self._has_ended = True
                pairs = zip(self.found, clocks, strict=True)
                self.last = [worker.model_copy(update=_under_load(clock)) for worker, clock in pairs]
                self.found = [
                    _combined(before, last) for before, last in zip(self.found, self.last, strict=True)
                ]
            case {"what": "lost", "number": number, "host": host, "why": why}:
                self._lost = InvalidMeasurementError(
                    f"worker {number + 1} of {self.count}, on {_printable(host)}, was lost: {_printable(why)}"
                )


@dataclass(frozen=True)
class RemoteMember:
    """One worker's share of a load."""

    workers: RemoteWorkers
    recording: Path
    scenario: str

    def has_ended(self) -> bool:
        """Whether it, or another worker, was lost, which ends the load."""
        return self.workers.is_lost()

    def failure(self) -> InvalidMeasurementError:
        """Return the error that names the lost worker."""
        return self.workers.failure()

    def wait(self) -> None:
        """Wait until all workers have ended after their last slot; see `RemoteWorkers.finish`."""
        self.workers.finish()

    def recorded(self) -> Recording:
        """Return its recording, as far as it was received."""
        return local.recorded(self.recording, self.scenario)


def _described(about: dict[str, Any], error_ns: int) -> LoadWorker:
    return LoadWorker(
        host=_printable(about["host"]),
        cpu=_printable(about["cpu"]),
        cpus=int(about["cpus"]),
        python=_printable(about["python"]),
        clock_error_us=error_ns / 1e3,
    )


def _under_load(clock: dict[str, int]) -> dict[str, float]:
    """Return the master's data of a worker during one load, as fields of `LoadWorker`."""
    return {
        "clock_error_us": clock["error_ns"] / 1e3,
        "clock_drift_us": clock["drift_ns"] / 1e3,
        "late_slots": clock["late"],
        "latest_us": clock["latest_ns"] / 1e3,
    }


def _combined(before: LoadWorker, last: LoadWorker) -> LoadWorker:
    """Return the description of a worker over all loads until now."""
    return before.model_copy(
        update={
            "clock_error_us": max(before.clock_error_us, last.clock_error_us),
            "clock_drift_us": before.clock_drift_us + last.clock_drift_us,
            "late_slots": before.late_slots + last.late_slots,
            "latest_us": max(before.latest_us, last.latest_us),
        }
    )


def _printable(text: object) -> str:
    """Return text from another machine with printable characters only."""
    return "".join(character for character in str(text)[:300] if character.isprintable())
