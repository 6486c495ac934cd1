"""The load of an incident: whom an arrival goes to, what comes of a request, and a whole plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.protocol.incidents import NOT_SENT, ArmUsers, IncidentPlan, Timeline, VirtualUser
from harness.protocol.plan import Target
from servers import contract
from tests.loadtests.in_locust import in_locust
from tests.servers.process import Server

PRELUDE = """
from time import perf_counter_ns
from harness.protocol.incidents import ArmUsers, VirtualUser
from harness.protocol.plan import Target
from loadtests.client import TimedAnswer
from loadtests.incident import IncidentRecorder, ObservedRequest, UserPool
from loadtests.recorder import WRONG
PERSON, VICTIM = VirtualUser(0, "/"), VirtualUser(1, "/", "revoked")
TARGET = Target(0, "token", "127.0.0.1", 1, "/")
"""


def test_an_arrival_goes_to_whoever_has_been_idle_longest() -> None:
    """In turn, so that each of three people visits at an even pace."""
    code = """
crowd, order = UserPool(ArmUsers(TARGET, ())), []
def person(name):
    while (due := crowd.next_arrival()) is not None:
        order.append((name, due))
people = [gevent.spawn(person, name) for name in "abc"]
for due in range(6):
    gevent.sleep(0)
    crowd.arrive(due)
gevent.sleep(0)
crowd.close()
gevent.joinall(people)
print(order)
"""
    assert in_locust(PRELUDE + code) == str(list(zip("abcabc", range(6), strict=True)))


def test_a_stuck_arm_loses_its_own_arrivals_and_no_others() -> None:
    """One person waits for ever for an answer: what comes meanwhile is not sent, and counted in its bin."""
    code = """
stuck, other = UserPool(ArmUsers(TARGET, ())), UserPool(ArmUsers(TARGET, ()))
visits = {"stuck": 0, "other": 0}
def person(crowd, name, wait):
    while crowd.next_arrival() is not None:
        visits[name] += 1
        gevent.sleep(wait)
people = [gevent.spawn(person, stuck, "stuck", 3600), gevent.spawn(person, other, "other", 0)]
for number in range(10):
    gevent.sleep(0.001)
    stuck.arrive(number * 50_000_000)
    other.arrive(number * 50_000_000)
gevent.sleep(0.001)
print(visits, [(one.number, dict(one.outcomes)) for one in stuck.bins()], list(other.bins()))
gevent.killall(people)
"""
    bins = [(number, {"not sent": 1}) for number in range(1, 10)]
    assert in_locust(PRELUDE + code) == f"{{'stuck': 1, 'other': 10}} {bins} []"


@pytest.mark.parametrize(
    ("step", "calls", "outcome"),
    [
        ("read", "ok(200)", "ok"),
        ("login", "ok(200)", "login"),
        ("read", "ok(401); failed(WRONG + 'status 401')", "401"),
        ("read", "ok(503); failed(WRONG + 'status 503')", "503"),
        ("login", "ok(503); failed(WRONG + 'status 503 bla')", "login 503"),
        (
            "read",
            "ok(200); failed(WRONG + 'it names another account')",
            "wrong answer: it names another account",
        ),
        ("read", "failed('ConnectionRefusedError: no')", "refused connection"),
        ("read", "failed('ConnectionResetError: gone')", "lost connection"),
        ("login", "failed('ConnectionResetError: gone')", "login lost connection"),
        ("read", "gevent.sleep(0.06); failed('ConnectionResetError: gone')", "timeout"),
    ],
)
def test_what_comes_of_a_request_has_a_name(step: str, calls: str, outcome: str) -> None:
    """By its status, or by how it got none; a login's failures are told apart from a read's."""
    code = f"""
witness = IncidentRecorder(0.05)
notes = witness.step("GET", {step!r})
ok = lambda status: notes.answered(TimedAnswer(status, b"", 9, 1, 2), 5, None)
failed = notes.failed
{calls}
print([one.outcome for one in witness.take()], witness.take())
"""
    assert in_locust(PRELUDE + code) == f"[{outcome!r}] []"


def test_what_people_saw_is_laid_out_by_its_end() -> None:
    """In bins of 50 ms with the slowest; a refusal of somebody watched is an outcome of its own."""
    code = """
crowd = UserPool(ArmUsers(TARGET, (PERSON, VICTIM)))
crowd.start_ns = 1_000_000_000
ms = 1_000_000
def seen(sent, ended, outcome):
    return ObservedRequest("read", (1000 + sent) * ms, (1000 + ended) * ms, 200, outcome)
crowd.enter(PERSON, [seen(1, 49, "ok"), seen(49, 51, "login")], 1000 * ms)
crowd.enter(VICTIM, [seen(2, 30, "ok")], 1001 * ms)
crowd.enter(VICTIM, [seen(60, 99, "401")], 1060 * ms)
crowd.enter(VICTIM, [seen(160, 161, "503")], 1160 * ms)
print([(one.number, dict(one.outcomes), one.slowest_ns // ms) for one in crowd.bins()])
print([(one.watched, [ns // ms for ns in one.sent_ns], one.outcomes) for one in crowd.watching()])
print([ns // ms for ns in crowd.lag_ns])
"""
    assert in_locust(PRELUDE + code).splitlines() == [
        "[(0, {'ok': 2}, 48), (1, {'login': 1, '401 revoked': 1}, 39), (3, {'503': 1}, 1)]",
        "[('revoked', [2, 60, 160], ('ok', '401 revoked', '503'))]",
        "[1, 1, 0, 0]",
    ]


DRIVE = """
from pathlib import Path
from harness.protocol.incidents import IncidentPlan
from loadtests import scenarios
from loadtests.incident import IncidentRun
plan = IncidentPlan.loads(Path({plan!r}).read_text())
faults = []
one = IncidentRun(plan, scenarios.load(plan.scenario), Path({recording!r}), faults.append)
gevent.joinall([gevent.spawn(one.take_part) for _ in range(plan.users)])
print(faults)
"""


def driven(folder: Path, plan: IncidentPlan) -> Timeline:
    """What the load recorded of a plan; again where the machine stalled for so long that nobody was free."""
    recording, file = folder / "recording", folder / "plan"
    file.write_text(plan.dumps())
    for _ in range(3):
        assert in_locust(DRIVE.format(plan=str(file), recording=str(recording))) == "['']"
        timeline = Timeline.read(recording.read_text().splitlines(keepends=True))
        if not any(NOT_SENT in one.outcomes for one in timeline.bins):
            break
    return timeline


def plan(scenario: str, *parties: ArmUsers, switch_ns: int = 0) -> IncidentPlan:
    """Two seconds of these, 40 arrivals each: a machine may stall for one, and still all are sent."""
    return IncidentPlan(scenario, 20, "constant", 1, 2_000_000_000, 2, 4, parties, "", switch_ns)


def party(server: Server, successor: Server | None = None) -> ArmUsers:
    """Twenty people who read there, and go on to another where there is one."""
    people = tuple(VirtualUser(number, contract.RESTRICTED) for number in range(20))
    return ArmUsers(_target(server), people, None if successor is None else _target(successor))


def _target(server: Server) -> Target:
    return Target(0, server.scheme, "127.0.0.1", server.port, contract.RESTRICTED)


def outcomes(timeline: Timeline, arm: str) -> dict[str, int]:
    """How often each was met at an arm."""
    found: dict[str, int] = {}
    for one in timeline.bins:
        for outcome, count in one.outcomes.items() if one.arm == arm else ():
            found[outcome] = found.get(outcome, 0) + count
    return found


def test_every_arrival_of_every_arm_is_made(serve: Callable[[str], Server], tmp_path: Path) -> None:
    """Two arms at once, nothing happens: all are answered, none is a login, the report is whole."""
    timeline = driven(tmp_path, plan("outage", party(serve("token")), party(serve("cookie"))))
    assert timeline.complete
    assert timeline.errors == {}
    assert {arm: outcomes(timeline, arm) for arm in ("token", "cookie")} == {
        "token": {"ok": 40},
        "cookie": {"ok": 40},
    }


def test_people_go_on_to_the_successor_and_log_in_where_they_must(
    serve: Callable[[str], Server], tmp_path: Path
) -> None:
    """To another key after half a second: a token is refused once a person, a session in a store not.

    The session scheme's successor is the server itself: the store is what both share.
    """
    token, cookie = serve("token"), serve("cookie")
    timeline = driven(
        tmp_path,
        plan("rotation", party(token, serve("token-denylist")), party(cookie, cookie), switch_ns=500_000_000),
    )
    # By its audience a token is bound to its scheme: at the other it is as if signed by another key.
    assert outcomes(timeline, "token") == {"ok": 20, "401": 20, "login": 20}
    assert outcomes(timeline, "cookie") == {"ok": 40}
    refused = [one.number for one in timeline.bins if "401" in one.outcomes]
    assert min(refused) >= 10, "not before the change"


@pytest.mark.parametrize("scenario", ["revocation", "outage"])
def test_who_is_watched_does_not_log_in_again(
    serve: Callable[[str], Server], tmp_path: Path, scenario: str
) -> None:
    """A read that admins alone may make is refused each time; each is recorded by itself."""
    server = serve("token")
    people = tuple(VirtualUser(number, contract.ADMIN, "demoted") for number in range(20))
    timeline = driven(tmp_path, plan(scenario, ArmUsers(_target(server), people)))
    assert outcomes(timeline, "token") == {"403 demoted": 40}
    (watching,) = timeline.watching
    assert (watching.watched, watching.outcomes) == ("demoted", ("403 demoted",) * 40)
    assert len(set(watching.sent_ns)) == 40
    assert timeline.errors == {"403": 40}, "two visits to warm up; the harness would call that invalid"


def test_a_plan_that_cannot_be_followed_ends_without_a_report(
    serve: Callable[[str], Server], tmp_path: Path
) -> None:
    """An account that is not there: the load says so, and leaves no report that anybody could believe."""
    recording, file = tmp_path / "recording", tmp_path / "plan"
    nobody = ArmUsers(_target(serve("token")), (VirtualUser(10**9, contract.RESTRICTED),))
    file.write_text(plan("outage", nobody).dumps())
    code = DRIVE.format(plan=str(file), recording=str(recording))
    assert "load-1000000000 could not log in" in in_locust(code)
    assert not recording.exists()
