"""Load from other machines: the workers that people start there, led by Locust's master."""

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from harness.errors import EnvironmentFailedError, InvalidMeasurementError, SuiteError
from harness.load import local
from harness.load.master import MasterProcess
from harness.protocol.plan import Plan
from harness.protocol.recording import Recording
from harness.results.environment import LoadWorker
from harness.suites.external import is_loopback
from harness.system import secret

#: Where workers are awaited unless told otherwise: Locust's own port, on this machine alone.
DEFAULT_BIND: Final = "127.0.0.1:5557"
#: The master and the workers compare their clocks after a load; with no word from them for so long they hang.
_END_TIMEOUT_S: Final = 60

Log = Callable[[str], None]


@dataclass(frozen=True)
class Address:
    """Where the master listens: an IPv4 address of this machine, and a port (0 for any free one)."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `HOST:PORT`; SuiteError where that is none, or no one address that workers could be told."""
        host, _, port = text.rpartition(":")
        try:
            address = ipaddress.IPv4Address(host)
            number = int(port)
        except ValueError:
            number = -1
        if not 0 <= number <= 65535 or address.is_unspecified or address.is_multicast:
            raise SuiteError(
                "--workers-bind: expected HOST:PORT with the one IPv4 address of this machine by which the"
                f" load machines reach it, such as {DEFAULT_BIND} (got {text!r})"
            )
        return cls(host, number)

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)


class RemoteWorkers:
    """Locust's master, from `with` to its end, and the workers that it leads.

    Args:
        count: How many there are to be.
        address: Where it listens.

    Attributes:
        found: What is known of each, once they are gathered, over all loads until now.
        last: The same, of the last load alone.
    """

    def __init__(self, count: int, address: Address) -> None:
        self.count = count
        self.found: list[LoadWorker] = []
        self.last: list[LoadWorker] = []
        self._address = address
        self._given = secret.given(os.environ)
        self._secret = self._given or secret.fresh()
        self._lost: InvalidMeasurementError | None = None
        self._has_ended = False

    def __enter__(self) -> Self:
        self._master = MasterProcess(self._address.host, self._address.port, self.count, self._secret)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._master.end("it was stopped" if kind is not None else "it is done")

    @property
    def host(self) -> str:
        """The address of this machine by which they reach it."""
        return self._address.host

    @property
    def pid(self) -> int:
        """Process id of the master."""
        return self._master.pid

    def gather(self, limit_s: float, log: Log) -> None:
        """Tell how workers are started, and wait until all are there.

        Args:
            limit_s: At most so many seconds.
            log: Told the command, and who came.

        Raises:
            EnvironmentFailedError: Not all came in time, or the master died.
        """
        where = f"{self._address.host}:{self._master.port()}"
        value = "..." if self._given else self._secret
        log(
            f"waiting for {self.count} worker(s) at {where}. On each load machine, once for each of its CPUs:"
        )
        log(f"  {secret.NAME}={value} cookies-vs-tokens remote worker {where}")
        if self._given:
            log("  with the secret that this run's environment has")
        here: dict[int, LoadWorker] = {}
        deadline = time.monotonic() + limit_s
        while True:
            news = self._master.hear(deadline)
            match news:
                case None:
                    raise EnvironmentFailedError(
                        f"{len(here)} of {self.count} worker(s) came to {where} within {limit_s:g} s"
                        " (--expect-workers-max-wait)."
                    )
                case {"what": "worker", "number": number, "about": about, "error_ns": error_ns}:
                    here[number] = _described(about, error_ns)
                    log(f"worker on {here[number].host}: {len(here)} of {self.count}")
                case {"what": "refused", "host": host, "why": why}:
                    log(f"refused a worker on {_plain(host)}: {_plain(why)}")
                case {"what": "left", "number": number, "host": host, "why": why}:
                    here.pop(number, None)
                    log(f"the worker on {_plain(host)} left again: {_plain(why)}")
                case {"what": "ready"}:
                    self.found = [here[number] for number in sorted(here)]
                    return

    def begin(self, plan: Plan, folder: Path) -> RemoteCrew:
        """Have them follow a plan, and their recordings in this folder."""
        self._has_ended = False
        self._master.send({"load": plan.dumps(), "folder": str(folder)})
        members = [
            RemoteMember(self, f"worker {number + 1} on {one.host}", folder, number, plan.scenario)
            for number, one in enumerate(self.found)
        ]
        return RemoteCrew(self, members)

    def finish(self) -> None:
        """Wait until all have ended after their last slot.

        Raises:
            InvalidMeasurementError: One was lost.
            EnvironmentFailedError: The master died, or hangs.
        """
        deadline = time.monotonic() + _END_TIMEOUT_S
        while self._lost is None and not self._has_ended:
            news = self._master.hear(deadline)
            if news is None:
                raise EnvironmentFailedError("the workers did not end after the last slot.")
            self._take_in(news)
        if self._lost is not None:
            raise self._lost

    def failure(self) -> InvalidMeasurementError:
        """The error that says who was lost."""
        try:
            self.finish()
        except InvalidMeasurementError as error:
            return error
        return InvalidMeasurementError("a worker hung up before its time")

    def is_lost(self) -> bool:
        """Whether one of them is gone."""
        while self._master.has_news():
            self._take_in(self._master.hear(0) or {})
        return self._lost is not None

    def _take_in(self, news: dict[str, Any]) -> None:
        """What the master says of a load; of strangers who knock meanwhile nothing follows."""
        match news:
            case {"what": "ended", "workers": clocks}:
                self._has_ended = True
                pairs = zip(self.found, clocks, strict=True)
                self.last = [one.model_copy(update=_under_load(clock)) for one, clock in pairs]
                self.found = [
                    _together(before, last) for before, last in zip(self.found, self.last, strict=True)
                ]
            case {"what": "lost", "number": number, "host": host, "why": why}:
                self._lost = InvalidMeasurementError(
                    f"worker {number + 1} of {self.count}, on {_plain(host)}, was lost: {_plain(why)}"
                )


@dataclass(frozen=True)
class RemoteMember:
    """One worker's share of a load."""

    workers: RemoteWorkers
    name: str
    folder: Path
    number: int
    scenario: str

    def has_ended(self) -> bool:
        """Whether it, or another, is gone: then there is no load any more."""
        return self.workers.is_lost()

    def failure(self) -> InvalidMeasurementError:
        """The error that says who was lost."""
        return self.workers.failure()

    def recorded(self) -> Recording:
        """What it recorded, as far as it came."""
        return local.recorded(self.folder / f"load-{self.number}.recording.jsonl", self.scenario)


@dataclass(frozen=True)
class RemoteCrew:
    """All workers, with their shares of a load."""

    workers: RemoteWorkers
    members: Sequence[RemoteMember]

    def wait(self) -> None:
        """Until all have ended after their last slot; raises what `RemoteWorkers.finish` does."""
        self.workers.finish()


def _described(about: dict[str, Any], error_ns: int) -> LoadWorker:
    return LoadWorker(
        host=_plain(about["host"]),
        cpu=_plain(about["cpu"]),
        cpus=int(about["cpus"]),
        python=_plain(about["python"]),
        clock_error_us=error_ns / 1e3,
    )


def _under_load(clock: dict[str, int]) -> dict[str, float]:
    """What the master found of a worker during one load, as `LoadWorker` has it."""
    return {
        "clock_error_us": clock["error_ns"] / 1e3,
        "clock_drift_us": clock["drift_ns"] / 1e3,
        "late_slots": clock["late"],
        "latest_us": clock["latest_ns"] / 1e3,
    }


def _together(before: LoadWorker, last: LoadWorker) -> LoadWorker:
    """What is known of a worker over all loads until now."""
    return before.model_copy(
        update={
            "clock_error_us": max(before.clock_error_us, last.clock_error_us),
            "clock_drift_us": before.clock_drift_us + last.clock_drift_us,
            "late_slots": before.late_slots + last.late_slots,
            "latest_us": max(before.latest_us, last.latest_us),
        }
    )


def _plain(text: object) -> str:
    """What another machine says, as it can be printed."""
    return "".join(character for character in str(text)[:300] if character.isprintable())
