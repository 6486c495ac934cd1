"""The scenarios, for Locust's own command line and web page, and for the harness.

By hand, against any server of the contract that has the accounts of virtual users:

    locust -f loadtests/locustfile.py --host http://127.0.0.1:8001 Saturation

Every virtual user logs in as its own account and repeats the scenario; `--rate` gives Steady its arrivals a
second, all users together. The harness adds `--plan` and `--recording` and gets slots over many instances.
"""

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from time import perf_counter_ns
from typing import Any, ClassVar
from urllib.parse import urlsplit

import gevent
from locust import User, events, task
from locust.env import Environment
from locust.exception import StopUser

_ROOT = str(Path(__file__).resolve().parent.parent)
if _ROOT not in sys.path:  # Locust puts this file's folder there, not the project's
    sys.path.insert(0, _ROOT)

from harness.protocol.incidents import IncidentPlan  # noqa: E402
from harness.protocol.plan import Plan  # noqa: E402
from loadtests import scenarios  # noqa: E402
from loadtests.barrier import LocalSlotEdges  # noqa: E402
from loadtests.client import Connection, Deadlines, LoginFailedError, log_in  # noqa: E402
from loadtests.incident import LiveThrough  # noqa: E402
from loadtests.pacing import wait_until  # noqa: E402
from loadtests.recorder import Tally  # noqa: E402
from loadtests.session import Session  # noqa: E402
from loadtests.slots import Drive  # noqa: E402
from servers import contract  # noqa: E402


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]  # Locust's own
def _add_options(parser: ArgumentParser, **_: Any) -> None:
    parser.add_argument("--rate", type=float, default=100, help="arrivals per second of open-loop scenarios")
    parser.add_argument("--timeout", type=float, default=10, help="seconds until a request counts as failed")
    parser.add_argument("--plan", default="", include_in_web_ui=False, help="plan of the harness (JSON file)")
    parser.add_argument(
        "--recording", default="", include_in_web_ui=False, help="where to write what was seen"
    )


class ByHand:
    """What the users of a run without a plan share: one tally, and one line of arrivals."""

    def __init__(self, environment: Environment) -> None:
        options: Any = environment.parsed_options
        self.tally = Tally()
        self.watchdog = Deadlines(options.timeout)
        self._gap_ns: int = round(1e9 / options.rate)
        self._next_ns: int = perf_counter_ns()
        self._users = 0
        self._stats = environment.stats
        gevent.spawn(self._report)

    def next_user(self) -> int:
        """A number of its own for every user."""
        self._users += 1
        return self._users - 1

    def next_arrival(self) -> int:
        """Wait for the next scheduled arrival, and return when it was due (ns)."""
        due_ns = self._next_ns = self._next_ns + self._gap_ns
        wait_until(due_ns)
        return due_ns

    def _report(self) -> None:
        while True:
            gevent.sleep(0.5)
            self.flush()

    def flush(self) -> None:
        """Hand everything counted so far to Locust."""
        self.tally.report_to_locust(self._stats)
        self.tally.clear()


_by_hand: dict[int, ByHand] = {}
_drives: dict[int, Drive | LiveThrough] = {}


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def _prepare(environment: Environment, **_: Any) -> None:
    options: Any = environment.parsed_options
    if not options.plan:
        _by_hand[id(environment)] = ByHand(environment)
        return
    text, recording = Path(options.plan).read_text(encoding="utf-8"), Path(options.recording)
    scenario = scenarios.load(json.loads(text)["scenario"])
    _drives[id(environment)] = (
        LiveThrough(IncidentPlan.loads(text), recording, scenario, environment)
        if scenario.incident
        else _drive(Plan.loads(text), recording, scenario, environment)
    )


def _drive(plan: Plan, recording: Path, scenario: scenarios.ScenarioFile, environment: Environment) -> Drive:
    def ended(fault: str) -> None:
        if fault:
            print(f"load generator failed: {fault}", file=sys.stderr, flush=True)
            environment.process_exit_code = 1
        if environment.runner is not None:
            # Not from a user's own greenlet: the runner kills those first.
            gevent.spawn(environment.runner.quit)

    return Drive(
        plan,
        scenario,
        environment,
        recording=recording.open("w", encoding="utf-8"),
        edges=LocalSlotEdges(plan.edges, plan.process),
        ended=ended,
    )


def follow(environment: Environment, drive: Drive) -> None:
    """Have the users of an environment take part in this, and in nothing else."""
    _drives[id(environment)] = drive


def user_class(scenario: str) -> "type[VirtualUser]":
    """Whoever lives through a scenario."""
    found: type[VirtualUser] = globals()[class_name(scenario)]
    return found


def class_name(scenario: str) -> str:
    """What Locust calls the users of a scenario."""
    return scenario.title().replace("-", "")


@events.test_stop.add_listener  # type: ignore[untyped-decorator]
def _wind_up(environment: Environment, **_: Any) -> None:
    if by_hand := _by_hand.pop(id(environment), None):
        by_hand.flush()


class VirtualUser(User):
    """Somebody with an account; `scenario` says what they do."""

    abstract = True
    scenario: ClassVar[scenarios.ScenarioFile]

    def on_start(self) -> None:
        """Without a plan: log in at --host, as an account of this user's own."""
        self._drive = _drives.get(id(self.environment))
        if self._drive is not None:
            return
        self._shared = _by_hand[id(self.environment)]
        url = urlsplit(self.host)
        address = (str(url.hostname or "127.0.0.1"), url.port or 80)
        try:
            account = contract.load_credentials(self._shared.next_user())
            credential = log_in(address, account)
        except LoginFailedError as error:
            print(error, file=sys.stderr)
            raise StopUser from error
        path = contract.PUBLIC if credential.is_none else contract.RESTRICTED
        connection = self._shared.watchdog.add(Connection(*address))
        self._session = Session(connection, account, path, credential)

    @task
    def take_part(self) -> None:
        """The whole plan once, or one visit where there is none."""
        if self._drive is not None:
            self._drive.take_part()
            raise StopUser
        due_ns = self._shared.next_arrival() if self.scenario.model == "open" else None
        self._session.enter(self._shared.tally)
        self._session.arrive(due_ns)
        self.scenario.visit(self._session)


for _name in scenarios.names():
    _title = class_name(_name)
    globals()[_title] = type(
        _title, (VirtualUser,), {"scenario": scenarios.load(_name), "__module__": __name__, "abstract": False}
    )
