"""The load engine, each check in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.loadtests.in_locust import in_locust
from tests.servers.process import Server

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.parametrize(
    ("pieces", "status", "body"),
    [
        ("OK", 200, "hi"),
        ("[OK[:10], OK[10:-1], OK[-1:]]", 200, "hi"),
        ("CHUNKED", 200, "hi"),
        ('b"HTTP/1.1 100 Continue\\r\\n\\r\\n" + OK', 200, "hi"),
        ('b"HTTP/1.1 401 Unauthorized\\r\\nContent-Length: 0\\r\\n\\r\\n"', 401, ""),
        ('b"HTTP/1.1 200 OK\\r\\n\\r\\nhi"', 200, "hi"),
    ],
    ids=["whole", "in pieces", "chunked", "after an interim answer", "no body", "as long as the connection"],
)
def test_answers_are_read_whole(pieces: str, status: int, body: str) -> None:
    """However the bytes arrive."""
    code = f"answer = serving({pieces}, pause=0.01).exchange(GET)\nprint(answer.status, answer.body.decode())"
    assert in_locust(code) == f"{status} {body}".strip()


@pytest.mark.parametrize(
    "pieces",
    ["", "OK[:-1]", "OK[:20]", 'b"not HTTP at all\\r\\n\\r\\n"', "OK + OK", "OK + OK[:20]"],
    ids=["closed at once", "half an answer", "half a header", "garbage", "two for one", "one and a half"],
)
def test_no_whole_answer_is_an_error_and_the_next_request_connects_anew(pieces: str) -> None:
    """A request without a whole answer is never counted as answered, and does not poison the next."""
    code = f"""
connection = serving({pieces})
for _ in range(2):
    try:
        connection.exchange(GET)
        print("answered")
    except RequestFailedError:
        print("failed")
"""
    assert in_locust(code) == "failed\nfailed"


def test_a_slow_answer_is_waited_for_and_its_time_is_all_of_it() -> None:
    """From the sending to the last byte, however late that comes."""
    code = """
answer = serving([OK[:-1], OK[-1:]], pause=0.3).exchange(GET)
print(answer.body.decode(), answer.read_ns - answer.sent_ns >= 300_000_000)
"""
    assert in_locust(code) == "hi True"


def test_connection_close_is_obeyed() -> None:
    """After `Connection: close` the next request goes over a new connection and is answered."""
    code = """
answer = b"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: 2\\r\\n\\r\\nhi"
connection = serving(answer)
print(connection.exchange(GET).body, connection.exchange(GET).body)
"""
    assert in_locust(code) == "b'hi' b'hi'"


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "only HTTP/1.0 then"])
@pytest.mark.parametrize("exchange", ["exchange", "exchange_for_cookies"])
def test_a_server_that_ends_each_connection_after_some_answers_costs_no_error(
    exchange: str, announced: bool
) -> None:
    """As most do by default, after their hundredth or thousandth; here after the third, often."""
    last = "HTTP/1.1 200 OK\\r\\nConnection: close" if announced else "HTTP/1.0 200 OK"
    code = f"""
last = b"{last}\\r\\nContent-Length: 2\\r\\n\\r\\nho"
connection = serving(OK, OK, last)
print(*(connection.{exchange}(GET).body.decode() for _ in range(9)))
"""
    assert in_locust(code) == "hi hi ho hi hi ho hi hi ho"


def test_a_connection_that_the_server_closed_while_idle_is_no_error() -> None:
    """Servers end idle ones, and slots leave them idle: the next request finds that out before it is sent."""
    code = """
from loadtests import client
client._IDLE_NS = 0
connection = serving(OK)
print(connection.exchange(GET).status)
gevent.sleep(0.2)
print(connection.exchange(GET).status)
"""
    assert in_locust(code).split() == ["200", "200"]


def test_a_closed_lead_in_lasts_for_its_requests() -> None:
    """Of all users together, however long they take; and for its time, however many that are."""
    code = """
from loadtests.pacing import ClosedPhase
slow = []
phase = ClosedPhase(1, visits=10)
def visit(due):
    slow.append(due)
    gevent.sleep(0.01)
gevent.joinall([gevent.spawn(phase.run, visit) for _ in range(4)])
quick = []
def visit(due):
    quick.append(due)
    gevent.sleep(0)
ClosedPhase(50_000_000, visits=10).run(visit)
print(len(slow), len(quick) > 10)
"""
    assert in_locust(code) == "10 True"


def test_no_answer_is_asked_for_in_less_bytes() -> None:
    """A request that names no coding gets none from the software that compresses."""
    assert "encoding" not in in_locust("print(GET.decode())").lower()


def test_a_silent_server_ends_in_a_timeout() -> None:
    """The watchdog ends a request that nobody answers."""
    code = """
def silent(sock, address):
    gevent.sleep(60)
server = gevent.server.StreamServer(("127.0.0.1", 0), silent)
server.start()
connection = Deadlines(0.2).add(Connection("127.0.0.1", server.server_port))
try:
    connection.exchange(GET)
except RequestFailedError as error:
    print("failed")
"""
    assert in_locust(code) == "failed"


def test_batches_leave_locusts_totals_as_single_reports_would() -> None:
    """Counts, sums, extremes, buckets, bytes and errors equal those of Locust's own logging, one by one."""
    code = """
from locust.stats import RequestStats
from loadtests.client import TimedAnswer
from loadtests.recorder import WRONG, Tally
times = [150_000, 1_700_000, 99_400_000, 147_000_000, 147_000_000]
single, batch, tally = RequestStats(), RequestStats(), Tally()
step = tally.step("GET", "read")
for index, ns in enumerate(times):
    single.log_request("GET", "read", ns / 1e6, 10 + index)
    step.answered(TimedAnswer(200, b"", 10 + index, 0, ns), 5, None)
step.failed(WRONG + "status 500")
single.log_error("GET", "read", WRONG + "status 500")
tally.flush_to_locust(batch)
def view(stats):
    return [
        (e.num_requests, e.num_failures, round(e.total_response_time, 6), e.min_response_time,
         e.max_response_time, dict(e.response_times), e.total_content_length,
         sum(e.num_reqs_per_sec.values()))
        for e in (stats.total, stats.get("read", "GET"))
    ]
print(view(single) == view(batch), {k: v.occurrences for k, v in batch.errors.items()} ==
      {k: v.occurrences for k, v in single.errors.items()}, batch.total.num_requests)
"""
    assert in_locust(code) == "True True 5"


def test_a_request_under_way_while_counts_are_handed_in_is_not_lost() -> None:
    """By hand, counts go to Locust twice a second; what was sent before and answered after counts too."""
    code = """
from types import SimpleNamespace
from locust.stats import RequestStats
from loadtests.client import TimedAnswer
from loadtests.locustfile import ManualRun
stats = RequestStats()
shared = ManualRun(SimpleNamespace(parsed_options=SimpleNamespace(timeout=1, rate=1), stats=stats))
under_way = shared.tally.step("GET", "read")
shared.flush()
under_way.answered(TimedAnswer(200, b"", 10, 0, 1_000_000), 5, None)
shared.flush()
shared.flush()
print(stats.total.num_requests)
"""
    assert in_locust(code) == "1"


def test_open_loop_counts_what_it_cannot_send() -> None:
    """One user, ten arrivals in 100 ms, 60 ms a visit: sent and dropped are what was scheduled."""
    code = """
from loadtests.pacing import OpenPhase
phase = OpenPhase([i * 10_000_000 for i in range(10)], 100_000_000)
due = []
def visit(at):
    due.append(at)
    gevent.sleep(0.06)
phase.run(visit)
print(len(due) + phase.dropped, phase.dropped > 0, due == sorted(due))
"""
    assert in_locust(code) == "10 True True"


def test_arrivals_are_never_early() -> None:
    """No visit begins before it is due."""
    code = """
from time import perf_counter_ns
from loadtests.pacing import OpenPhase
early = []
OpenPhase([i * 1_000_000 for i in range(50)], 60_000_000).run(lambda at: early.append(perf_counter_ns() < at))
print(len(early), any(early))
"""
    assert in_locust(code) == "50 False"


@pytest.mark.parametrize(
    ("step", "answer", "reason"),
    [
        ("log_in", '200, {"profile": {"id": "load-1"}}', "wrong answer: it names another account"),
        ("log_in", "200, {}", "wrong answer: no profile.id in the answer, which has no fields"),
        ("log_in", '503, {"error": "overloaded"}', 'wrong answer: status 503 b\'{"error": "overloaded"}\''),
        (
            "write",
            '200, {"profile": {"email": "old@example.com"}}',
            "wrong answer: the new address is missing",
        ),
        ("write", '403, {"error": "csrf"}', "wrong answer: status 403"),
        ("log_out", "200, {}", "wrong answer: status 200"),
        ("read", '200, {"id": "load-1"}', "wrong answer: it names another account"),
        ("log_in", '200, {"profile": {"id": "load-0"}}', ""),
        ("read_without_credential", '401, {"error": "not_authenticated"}', ""),
        ("read_without_credential", '200, {"id": "load-0"}', "wrong answer: status 200"),
        ("read_with_forged_credential", '401, {"error": "invalid_token"}', ""),
        ("read_with_forged_credential", '200, {"id": "load-0"}', "wrong answer: status 200"),
        ("read_with_forged_credential", '503, {"error": "store_unavailable"}', "wrong answer: status 503"),
    ],
)
def test_a_step_answered_wrongly_is_an_error(step: str, answer: str, reason: str) -> None:
    """Each step looks at what it was answered, not only whether it was."""
    code = f"""
from loadtests.client import Credential
from loadtests.recorder import Tally
from loadtests.session import Session
from servers import contract
status, body = {answer}
body = json.dumps(body).encode()
connection = serving(b"HTTP/1.1 %d X\\r\\nContent-Length: %d\\r\\n\\r\\n%b" % (status, len(body), body))
credential = Credential(b"A: 0123456789abcdef\\r\\n", b"", "load-0")
session = Session(connection, contract.load_credentials(0), "/x", credential)
tally = Tally()
session.enter(tally)
session.{step}()
(one,) = tally.steps.values()
print(one.requests, *one.errors)
"""
    assert in_locust(code) == f"1 {reason}".strip()


def test_every_cookie_is_forged() -> None:
    """Nobody here knows which of several is the credential."""
    code = """
from loadtests.client import forged
print(forged(b"Cookie: first=0123456789A; b=2; last=0123456789A\\r\\n"))
"""
    assert in_locust(code) == repr(b"Cookie: first=0A23456789A; b=2; last=0A23456789A\r\n")


def test_a_login_that_names_nobody_is_told_without_its_token() -> None:
    """Which field is missing and which are there, but not what they hold."""
    code = """
from loadtests.client import LoginFailedError, TimedAnswer, credential_of
try:
    credential_of(TimedAnswer(200, b'{"access": {"token": "TOP-SECRET"}, "n": 1}', 0, 0, 0))
except LoginFailedError as error:
    print(error)
"""
    assert in_locust(code) == "no profile.id in the answer, which has access.token, n"


@pytest.mark.parametrize(
    "line", ["Authorization: Bearer aaaa.bbbb.0123456789ABCDEF", "Cookie: x-session=0123456789A"]
)
def test_a_forgery_is_of_the_right_form(line: str) -> None:
    """As long as the genuine one, with another character in its last part, and never the same."""
    code = f"""
from loadtests.client import forged
print(forged(b"{line}\\r\\n").decode(), end="")
"""
    made = in_locust(code)
    assert made != line
    assert len(made) == len(line)
    assert [a == b for a, b in zip(made, line, strict=True)].count(False) == 1
    assert made[:-16] == line[:-16]


def test_a_login_is_carried_from_then_on() -> None:
    """Cookies, however torn their header field arrives, and the proof that writes need."""
    code = """
from loadtests.client import credential_of
head = b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nSet-Co"
rest = b"okie: a-session=xyz; Path=/; HttpOnly\\r\\nX-Other: 1\\r\\nset-cookie: b=2\\r\\n\\r\\n"
body = json.dumps({"profile": {"id": "7"}, "csrf_token": "p"}).encode()
answer = serving([head % len(body), rest[:25], rest[25:] + body], pause=0.02).exchange_for_cookies(GET)
print(credential_of(answer))
"""
    assert in_locust(code) == (
        "Credential(headers=b'Cookie: a-session=xyz; b=2\\r\\n', "
        "proof=b'X-CSRF-Token: p\\r\\n', account_id='7', refresh_token='')"
    )


def _plain_locust(server: Server, user_class: str, run_time: str, folder: Path) -> list[dict[str, Any]]:
    """What Locust by itself counts of three users, a row a step."""
    words = [sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests" / "locustfile.py"), "--headless"]
    words += ["--host", f"http://127.0.0.1:{server.port}", "--users", "3", "--spawn-rate", "10"]
    words += ["--run-time", run_time, "--rate", "50", "--only-summary", "--json", user_class]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


@pytest.mark.slow
@pytest.mark.parametrize(
    ("user_class", "scheme", "steps"),
    [
        ("Saturation", "token", ["read"]),
        ("Steady", "anonymous", ["read"]),
        ("Login", "anonymous", ["login"]),
        ("Journey", "token", ["login", "logout", "read", "write"]),
        ("Journey", "cookie", ["login", "logout", "read", "write"]),
    ],
)
def test_plain_locust_runs_the_scenarios(
    serve: Callable[[str], Server], scheme: str, user_class: str, steps: list[str], tmp_path: Path
) -> None:
    """`locust -f loadtests/locustfile.py --host …` logs in, reads and counts, without a harness."""
    server = serve(scheme)
    # Locust knows no end but a time, and a busy machine may take all of a short one for the logins.
    for run_time in ("1s", "5s", "25s"):
        rows = _plain_locust(server, user_class, run_time, tmp_path)
        if len(rows) == len(steps) and min(row["num_requests"] for row in rows) > 5:
            break
    assert sorted(row["name"] for row in rows) == steps
    assert min(row["num_requests"] for row in rows) > 5
    assert [row["num_failures"] for row in rows] == [0] * len(steps)


@pytest.mark.slow
def test_a_long_run_holds_no_more_than_a_short_one() -> None:
    """What the load generator keeps after 300 slots is what it kept after 100.

    A slot in which this machine stalled has no line in the recording.
    """
    code = """
import gc, tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from locust.stats import RequestStats
from harness.protocol.plan import Plan, Target
from loadtests import scenarios, slots
from loadtests.barrier import LocalSlotEdges
body = b'{"id": "load-0", "profile": {"id": "load-0"}}'
answer = b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%b" % (len(body), body)
def answering(sock, address):
    while sock.recv(65536):
        sock.sendall(answer)
server = gevent.server.StreamServer(("127.0.0.1", 0), answering)
server.start()
plan = Plan(
    scenario="saturation", model="closed", users=1, rate=0, arrivals="constant", seed=1, lead_ns=1_000_000,
    slot_ns=10_000_000, warmup_requests=10, timeout_s=5,
    targets=(Target(0, "token", "127.0.0.1", server.server_port, "/api/restricted"),), order=(0,) * 301,
    edges="",
)
kept = {}
class Weighed(slots.PlanRun):
    def _end(self, slot, instance):
        super()._end(slot, instance)
        if slot in (100, 300):
            gc.collect()
            kept[slot] = tracemalloc.get_traced_memory()[0]
environment = SimpleNamespace(stats=RequestStats(), runner=None)
with TemporaryDirectory() as folder:
    file = Path(folder, "recording")
    one = Weighed(
        plan, scenarios.load("saturation"), environment,
        recording=file.open("w"), edges=LocalSlotEdges("", 0), ended=lambda fault: fault and exit(fault),
    )
    tracemalloc.start()
    one.take_part()
    lines = len(file.read_text().splitlines())
print(200 < lines <= 303, environment.stats.total.num_requests > 3000, kept[300] - kept[100] < 50_000)
"""
    assert in_locust(code) == "True True True"
