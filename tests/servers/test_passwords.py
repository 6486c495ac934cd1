"""Password hashing, its profiles, and the bounded threads it is done in."""

import asyncio
import signal
import threading
import time
from pathlib import Path
from unittest import mock

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from argon2 import extract_parameters

from servers import accounts, contract
from servers.__main__ import _parser
from servers.bench.costs import COSTS
from servers.contract import Credentials
from servers.credentials.password_cost import OWASP
from servers.credentials.passwords import MIN_LENGTH, QUEUE, Passwords, _common_passwords, hasher
from servers.http.app import create_app
from servers.http.app_keys import ACCOUNTS, PASSWORDS
from servers.process.thread_pool import WorkerPool
from servers.settings import Settings, new_secret
from tests.servers.client import Client
from tests.servers.process import Server


def test_owasp_is_what_owasp_asks_for() -> None:
    """19 MiB, two passes, one lane, argon2id (OWASP Password Storage Cheat Sheet)."""
    parameters = extract_parameters(hasher(OWASP).hash("x"))
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19456, 2, 1)
    assert parameters.type.name == "ID"


def test_owasp_unless_told_otherwise() -> None:
    """The cheap profile protects nobody, and has to be asked for."""
    assert _parser().parse_args(["cookie"]).password_cost == "owasp"
    assert Settings(Path("unused"), ()).password_cost == OWASP


async def test_unknown_accounts_cost_the_same_work() -> None:
    """No hash and a wrong password both verify one hash of the same parameters, and are False."""
    passwords = Passwords(COSTS["bench"])
    known = await passwords.hash("right")
    with mock.patch.object(passwords, "_hasher", wraps=passwords._hasher) as spy:
        assert not await passwords.verify(None, "right")
        assert not await passwords.verify(known, "wrong")
        assert await passwords.verify(known, "right")
        assert not await passwords.verify("no hash", "right")
    hashes = [call.args[0] for call in spy.verify.call_args_list]
    assert len(hashes) == 4
    assert extract_parameters(hashes[0]) == extract_parameters(hashes[1])
    assert not await passwords.verify(None, "the password of no account")
    passwords.close()


async def test_every_failed_login_costs_one_hash(tmp_path: Path) -> None:
    """A wrong password, an unknown account and a disabled one each cost what a good login costs."""
    path = tmp_path / "accounts.sqlite"
    accounts.seed(path, cost="bench")
    app = create_app("anonymous", Settings(path, (), password_cost=COSTS["bench"]))
    await app[ACCOUNTS].set_rights("124", "124", role=None, disabled=True)
    wrong, unknown = Credentials("john.doe", "x"), Credentials("nobody", "x")
    attempts = [contract.EXAMPLE, wrong, unknown, contract.EXAMPLE_ADMIN]
    hashed, answered = [], []
    with mock.patch.object(app[PASSWORDS], "verify", wraps=app[PASSWORDS].verify) as spy:
        async with TestClient(TestServer(app)) as client:
            for attempt in attempts:
                answer = await client.post(contract.AUTHENTICATE, json=attempt._asdict())
                answered.append(answer.status)
                hashed.append(spy.await_count)
    assert answered == [200, 401, 401, 401]
    assert hashed == [1, 2, 3, 4]


async def test_a_full_queue_is_503() -> None:
    """Work past the bound is refused at once, and accepted again when there is room."""
    pool = WorkerPool(threads=1, queue=2, name="test")
    gate = threading.Event()
    accepted = [asyncio.create_task(pool.run(gate.wait)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(web.HTTPServiceUnavailable) as refusal:
        await pool.run(gate.wait)
    gate.set()  # before anything can fail: a thread that waits keeps the interpreter from ending
    assert refusal.value.headers["Retry-After"] == "1"
    assert await asyncio.gather(*accepted) == [True, True]
    assert await pool.run(len, "abc") == 3
    pool.close()


async def test_hanging_up_frees_no_thread() -> None:
    """A caller that goes away while its work runs still counts until the work is done."""
    pool = WorkerPool(threads=1, queue=1, name="test")
    gate, begun = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        gate.wait()

    task = asyncio.create_task(pool.run(work))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    with pytest.raises(web.HTTPServiceUnavailable):
        await pool.run(len, "abc")
    gate.set()
    await asyncio.to_thread(pool._executor.shutdown)
    await asyncio.sleep(0)  # the loop hears of it
    assert pool._free == 1


async def test_closing_waits_for_what_runs() -> None:
    """Running work finishes, so that nothing uses what is closed next."""
    pool = WorkerPool(threads=1, queue=1, name="test")
    begun, done = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        time.sleep(0.05)
        done.set()

    task = asyncio.create_task(pool.run(work))
    await asyncio.to_thread(begun.wait)
    pool.close()
    assert done.is_set()
    await task


async def test_flooding_argon2(tmp_path: Path) -> None:
    """More logins at once than may wait: some are told to come back, and nothing else waits."""
    path = tmp_path / "accounts.sqlite"
    accounts.seed(path)
    options = ("--accounts", str(path), "--password-cost", "owasp")
    server = Server("token", *options, log=tmp_path / "log")
    try:
        server.process.send_signal(signal.SIGSTOP)  # so that all of them are there at once
        flood = [await sent(server.port, *login_of_nobody(number)) for number in range(2 * QUEUE)]
        public = await sent(server.port, f"GET {contract.PUBLIC} HTTP/1.1", "")
        server.process.send_signal(signal.SIGCONT)
        async with asyncio.timeout(120):
            logins = [asyncio.create_task(received(*streams)) for streams in flood]
            assert b" 200 " in await received(*public)
            assert not all(task.done() for task in logins)  # so that was answered while they waited
            answers = await asyncio.gather(*logins)
        assert {answer.split()[1] for answer in answers} == {b"401", b"503"}
        assert all((b"\r\nRetry-After: 1\r\n" in answer) == (b" 503 " in answer) for answer in answers)
        assert Client(server.port).log_in(contract.EXAMPLE).status == 200
    finally:
        server.process.send_signal(signal.SIGCONT)
        assert server.stop() == 0
    assert server.errors == ""


def login_of_nobody(number: int) -> tuple[str, str]:
    """The request line and the body of a login as somebody whom there is not."""
    body = f'{{"username": "nobody-{number}", "password": "foobar"}}'
    return f"POST {contract.AUTHENTICATE} HTTP/1.1\r\nContent-Type: application/json", body


async def sent(port: int, head: str, body: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send one request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    fields = f"Host: a\r\nConnection: close\r\nContent-Length: {len(body)}"
    writer.write(f"{head}\r\n{fields}\r\n\r\n{body}".encode())
    await writer.drain()
    return reader, writer


async def received(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """What comes back."""
    found = await reader.read()
    writer.close()
    await writer.wait_closed()
    return found


@pytest.mark.parametrize(
    ("new", "code"),
    [
        ("short", "password_too_short"),
        ("trustno1", "password_too_common"),
        ("Password", "password_too_common"),
        ("foobar", "password_unchanged"),
    ],
)
def test_passwords_that_must_not_be_set(caller: Client, account: Credentials, new: str, code: str) -> None:
    """Too short, too common, or the old one: refused, and nothing changes."""
    answer = caller.post(contract.PASSWORD, {"old": account.password, "new": new})
    assert (answer.status, answer.json) == (400, {"error": code})
    assert Client(caller.port).log_in(account).status == 200


def test_the_common_passwords() -> None:
    """There are 3,000 of them, as many as OWASP ASVS asks for, all long enough to be set otherwise."""
    assert len(_common_passwords()) == 3000
    assert min(map(len, _common_passwords())) == MIN_LENGTH


async def test_a_weak_hash_is_replaced_at_login(tmp_path: Path) -> None:
    """After the cost was raised, each account's hash follows at its next login, and no session ends by it."""
    path = tmp_path / "accounts.sqlite"
    accounts.seed(path, cost="bench")
    app = create_app("token", Settings(path, (new_secret(),)))
    async with TestClient(TestServer(app)) as client:
        before = await app[ACCOUNTS].get("123")
        assert (await client.post(contract.AUTHENTICATE, json=contract.EXAMPLE._asdict())).status == 200
        after = await app[ACCOUNTS].get("123")
        assert before is not None
        assert after is not None
        assert app[PASSWORDS].is_outdated(before.password_hash)
        assert not app[PASSWORDS].is_outdated(after.password_hash)
        assert after.version == before.version
        assert (await client.post(contract.AUTHENTICATE, json=contract.EXAMPLE._asdict())).status == 200
        assert await app[ACCOUNTS].get("123") == after


@pytest.mark.parametrize("length", [64, 1024])
def test_long_passwords_are_taken_whole(caller: Client, account: Credentials, length: int) -> None:
    """All of a long password counts, to its last character, its case and its spaces."""
    new = f"Correct Horse {'x' * (length - 15)} "
    assert len(new) == length
    assert caller.post(contract.PASSWORD, {"old": account.password, "new": new}).status == 204
    for wrong in (new[:-1], new.strip(), new.lower()):
        assert Client(caller.port).log_in(account._replace(password=wrong)).status == 401
    assert Client(caller.port).log_in(account._replace(password=new)).status == 200
