"""Several processes of one server behind one port: what they share, and that they end together."""

import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from servers import contract
from servers.contract import Credentials
from servers.credentials.failed_logins import MAX_FAILURES
from tests.servers.client import JSON, Client
from tests.servers.process import ROOT, Server, run_command

PROCESSES = 3
#: So many that each process is dealt one, but for one try in a billion.
CONNECTIONS = 60

Start = Callable[[str], Server]


class Wire(Client):
    """A caller on one connection, so by one process, as long as it is open."""

    def __init__(self, port: int) -> None:
        super().__init__(port, described=False)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self.connection.connect()
        self.local_port: int = self.connection.sock.getsockname()[1]

    def status(self, method: str, path: str, body: bytes | None = None) -> int:
        """Send a request with what is carried, and return the answer's status."""
        self.connection.request(method, path, body, self.carried() | (JSON if body else {}))
        response = self.connection.getresponse()
        response.read()
        return response.status


@pytest.fixture
def start(store_url: str, accounts_file: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts several processes of a scheme; whatever a test did to them, none is left."""
    with contextlib.ExitStack() as ended:

        def one(scheme: str) -> Server:
            options = ("--accounts", str(accounts_file), "--processes", str(PROCESSES))
            server = Server(scheme, *options, log=tmp_path / "log", env={"REDIS_URL": store_url})
            ended.callback(server.stop)
            return server

        yield one


def children(server: Server) -> list[psutil.Process]:
    """The processes that serve."""
    found = psutil.Process(server.process.pid).children()
    assert len(found) == PROCESSES
    return found


@contextlib.contextmanager
def one_at_each(server: Server) -> Iterator[list[Wire]]:
    """A caller on a connection to each of the processes, as the kernel's table of connections has it."""
    with contextlib.ExitStack() as open_ones:
        wires = {}
        for _ in range(CONNECTIONS):
            wire = Wire(server.port)
            open_ones.callback(wire.connection.close)
            assert wire.status("GET", contract.PUBLIC) == 200  # it is accepted by now
            wires[wire.local_port] = wire
        by_process = {
            child.pid: wires[row.raddr.port]
            for child in children(server)
            for row in child.net_connections("tcp")
            if row.raddr and row.raddr.port in wires
        }
        assert len(by_process) == PROCESSES
        yield list(by_process.values())


@pytest.mark.parametrize("scheme", ["cookie", "cookie-client", "token", "token-eddsa"])
def test_what_one_issues_all_others_take(start: Start, scheme: str, account: Credentials) -> None:
    """The secret, the key pair that the command made, the store and the accounts are of all of them."""
    with one_at_each(start(scheme)) as (first, *others):
        first.connection.request("POST", contract.AUTHENTICATE, json.dumps(account._asdict()), JSON)
        response = first.connection.getresponse()
        body = json.loads(response.read())
        for wire in (first, *others):
            wire.token, wire.csrf = body.get("token", ""), body.get("csrf_token", "")
            if cookie := response.headers["Set-Cookie"]:
                name, _, value = cookie.partition(";")[0].partition("=")
                wire.cookies[name] = value
            assert wire.status("GET", contract.RESTRICTED) == 200
            email = b'{"email": "me@example.com"}'
            if not wire.cookies or scheme == "cookie":  # a session in the cookie is another one after a write
                assert wire.status("POST", contract.EMAIL, email) == 200


def test_each_counts_failed_logins_by_itself(start: Start, account: Credentials) -> None:
    """So docs/security.md says: an account has as many guesses more as there are processes more."""
    guess = json.dumps(account._replace(password="guess")._asdict()).encode()
    with one_at_each(start("token")) as wires:
        for wire in wires:
            statuses = [wire.status("POST", contract.AUTHENTICATE, guess) for _ in range(MAX_FAILURES + 1)]
            assert statuses == [401] * MAX_FAILURES + [429]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_all_finish_what_is_in_flight(start: Start, number: int, account: Credentials) -> None:
    """A login whose body is on its way at each process is answered, and then all are gone."""
    server = start("cookie")
    family = children(server)
    body = json.dumps(account._asdict()).encode()
    with one_at_each(server) as wires:
        for wire in wires:
            wire.connection.putrequest("POST", contract.AUTHENTICATE)
            for name, value in (JSON | {"Content-Length": str(len(body))}).items():
                wire.connection.putheader(name, value)
            wire.connection.endheaders(body[:7])
        with one_at_each(server) as later:  # each has answered something that came after those
            assert len(later) == PROCESSES
        server.process.send_signal(number)
        with contextlib.suppress(ConnectionError):
            while True:  # until nobody listens
                socket.create_connection(("127.0.0.1", server.port)).close()
                time.sleep(0.01)
        for wire in wires:
            wire.connection.send(body[7:])
            assert wire.connection.getresponse().status == 200
    assert server.process.wait(20) == 0
    assert not [child for child in family if child.is_running()]
    assert server.errors == ""


def test_one_that_is_killed_ends_the_others(start: Start) -> None:
    """With an error that names it: fewer processes than were asked for would be another server."""
    server = start("token")
    first, *_ = family = children(server)
    first.kill()
    assert server.process.wait(20) == 3
    assert not [child for child in family if child.is_running()]
    said = f"Process {first.pid} of the server was killed by signal 9; the other processes were stopped.\n"
    assert server.errors == said


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_none_outlives_the_command(start: Start) -> None:
    """Not even where that is killed by SIGKILL."""
    server = start("token")
    family = children(server)
    server.process.kill()
    gone, _ = psutil.wait_procs(family, timeout=20)
    assert len(gone) == PROCESSES


@pytest.mark.parametrize("processes", ["1", "2"])
def test_the_port_is_not_shared_with_another_server(
    start: Start, processes: str, accounts_file: Path
) -> None:
    """Who shares a port is dealt some of its connections: a second command, of the same user, is refused."""
    server = start("token")
    options = ("--accounts", str(accounts_file), "--password-cost", "bench", "--processes", processes)
    done = run_command("token", "--json", "--port", str(server.port), *options)
    assert done.returncode == 3
    assert "--port" in done.stderr
    assert len(children(server)) == PROCESSES


@pytest.mark.parametrize(
    ("arguments", "env", "code", "said"),
    [
        (("token", "--accounts", "/nowhere"), {}, 3, "python -m servers.accounts"),
        (("token-eddsa", "--password-cost", "bench"), {"AUTH_PRIVATE_KEY": "none"}, 2, "PEM"),
    ],
)
def test_why_they_do_not_start_is_told_once(
    arguments: tuple[str, ...], env: dict[str, str], code: int, said: str
) -> None:
    """By the sentence and the exit code that one process would have ended with."""
    done = run_command(*arguments, "--json", "--port", "0", "--processes", "3", env=env)
    assert (done.returncode, len(done.stderr.splitlines())) == (code, 1)
    assert said in done.stderr


def test_one_that_is_starting_ends_without_a_word() -> None:
    """A signal raises nothing in the middle of what starts it: there, not all can be cleaned up after."""
    program = """
import os, sys, time
from servers.errors import CannotStartError
from servers.process import multiprocess
first, told = os.pipe()
def serve(port, ready):
    if os.fork_number == 0:
        os.read(first, 1)
        raise CannotStartError("the first does not start")
    try:
        os.write(told, b"x")
        time.sleep(60)
    except BaseException:
        print("interrupted", file=sys.stderr)
        raise
fork, os.fork_number = os.fork, -1
def numbered():
    os.fork_number += 1
    return fork()
os.fork = numbered
try:
    multiprocess.run(2, "127.0.0.1", 0, serve, print)
except CannotStartError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("the first does not start\n", "")


@pytest.mark.parametrize("count", ["0", "-1", "two"])
def test_a_number_of_processes(count: str) -> None:
    """Anything else is wrong usage."""
    done = run_command("token", "--processes", count)
    assert done.returncode == 2
    assert "a number of processes is 1 or more" in done.stderr
