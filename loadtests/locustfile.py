"""The scenarios, for Locust's own command line and web page, and for the harness.

By hand, against any server of the contract that has the accounts of virtual users:

    locust -f loadtests/locustfile.py --host http://127.0.0.1:8001 Saturation

Every virtual user logs in with its own account and repeats the scenario; `--rate` sets the arrivals per
second of Steady, all users together. The harness adds `--plan` and `--recording` to run slots over many
instances.
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
if _ROOT not in sys.path:  # Locust adds this file's folder, not the project's
    sys.path.insert(0, _ROOT)

from harness.protocol.incidents import IncidentPlan  # noqa: E402
from harness.protocol.plan import Plan  # noqa: E402
from loadtests import scenarios  # noqa: E402
from loadtests.barrier import LocalSlotEdges  # noqa: E402
from loadtests.client import Connection, Deadlines, LoginFailedError, log_in  # noqa: E402
from loadtests.incident import IncidentRun  # noqa: E402
from loadtests.pacing import wait_until  # noqa: E402
from loadtests.recorder import Tally  # noqa: E402
from loadtests.session import Session  # noqa: E402
from loadtests.slots import PlanRun  # noqa: E402
from servers import contract  # noqa: E402


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]  # Locust has no types for it
def _add_options(parser: ArgumentParser, **_: Any) -> None:
    parser.add_argument("--rate", type=float, default=100, help="arrivals per second of open-loop scenarios")
    parser.add_argument("--timeout", type=float, default=10, help="seconds until a request counts as failed")
    parser.add_argument("--plan", default="", include_in_web_ui=False, help="plan of the harness (JSON file)")
    parser.add_argument(
        "--recording", default="", include_in_web_ui=False, help="file to write the recording to"
    )


class ManualRun:
    """Shared state of the users of a run without a plan: one tally, and one schedule of arrivals."""

    def __init__(self, environment: Environment) -> None:
        options: Any = environment.parsed_options
        self.tally = Tally()
        self.deadlines = Deadlines(options.timeout)
        self._gap_ns: int = round(1e9 / options.rate)
        self._next_ns: int = perf_counter_ns()
        self._users = 0
        self._stats = environment.stats
        gevent.spawn(self._report)

    def next_user(self) -> int:
        """Return a unique number for each user."""
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
        """Report everything counted so far to Locust."""
        self.tally.flush_to_locust(self._stats)


_manual_runs: dict[int, ManualRun] = {}
_planned_runs: dict[int, PlanRun | IncidentRun] = {}


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def _prepare(environment: Environment, **_: Any) -> None:
    options: Any = environment.parsed_options
    if not options.plan:
        _manual_runs[id(environment)] = ManualRun(environment)
        return
    text, recording = Path(options.plan).read_text(encoding="utf-8"), Path(options.recording)
    scenario = scenarios.load(json.loads(text)["scenario"])

    def ended(fault: str) -> None:
        if fault:
            print(f"load generator failed: {fault}", file=sys.stderr, flush=True)
            environment.process_exit_code = 1
        if environment.runner is not None:
            # Not from a user's greenlet: the runner kills those first.
            gevent.spawn(environment.runner.quit)

    if scenario.incident:
        incident = IncidentPlan.loads(text)
        _planned_runs[id(environment)] = IncidentRun(incident, scenario, recording, ended)
        return
    plan = Plan.loads(text)
    planned_run = PlanRun(
        plan,
        scenario,
        environment,
        recording=recording.open("w", encoding="utf-8"),
        edges=LocalSlotEdges(plan.edges, plan.process),
        ended=ended,
    )
    follow(environment, planned_run)


def follow(environment: Environment, planned_run: PlanRun) -> None:
    """Have the users of an environment take part in this plan only."""
    _planned_runs[id(environment)] = planned_run


def user_class(scenario: str) -> "type[VirtualUser]":
    """Return the class of the users of a scenario."""
    user: type[VirtualUser] = globals()[class_name(scenario)]
    return user


def class_name(scenario: str) -> str:
    """Return the name that Locust uses for the users of a scenario."""
    return scenario.title().replace("-", "")


@events.test_stop.add_listener  # type: ignore[untyped-decorator]
def _report_rest(environment: Environment, **_: Any) -> None:
    if manual_run := _manual_runs.pop(id(environment), None):
        manual_run.flush()


class VirtualUser(User):
    """A user with an account, which makes the visits of a `scenario`."""

    abstract = True
    scenario: ClassVar[scenarios.ScenarioFile]

    def on_start(self) -> None:
        """Log in at --host with the account of this user, if there is no plan."""
        self._planned_run = _planned_runs.get(id(self.environment))
        if self._planned_run is not None:
            return
        self._manual_run = _manual_runs[id(self.environment)]
        url = urlsplit(self.host)
        address = (str(url.hostname or "127.0.0.1"), url.port or 80)
        try:
            account = contract.load_credentials(self._manual_run.next_user())
            credential = log_in(address, account)
        except LoginFailedError as error:
            print(error, file=sys.stderr)
            raise StopUser from error
        path = (
            contract.RESTRICTED if credential.headers else contract.PUBLIC
        )  # the no-auth server issues none
        connection = self._manual_run.deadlines.add(Connection(*address))
        self._session = Session(connection, account, path, credential)

    @task
    def take_part(self) -> None:
        """Run the whole plan once, or one visit if there is no plan."""
        if self._planned_run is not None:
            self._planned_run.take_part()
            raise StopUser
        due_ns = self._manual_run.next_arrival() if self.scenario.model == "open" else None
        self._session.enter(self._manual_run.tally)
        self._session.arrive(due_ns)
        self.scenario.visit(self._session)


for _name in scenarios.names():
    _title = class_name(_name)
    globals()[_title] = type(
        _title, (VirtualUser,), {"scenario": scenarios.load(_name), "__module__": __name__, "abstract": False}
    )
