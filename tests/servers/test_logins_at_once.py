"""A live `cookie` server under one account's requests at the same time, against a model of its sessions.

As in test_sessions_at_once.py, what the server answered and left must be what some order of the requests
would have. Beyond that a request may be answered as if a session that ended meanwhile had not, since it was
looked up before; and while all of an account's sessions end, a login at the same time may fail or end too.
"""

# ruff: noqa: D102 - an operation's class says what it is; run does it, and outcomes tells what it may come to

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import aiohttp
import pytest
import redis
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from servers import contract
from servers.contract import Credentials
from servers.credentials.failed_logins import MAX_FAILURES
from tests.servers.process import Server
from tests.servers.serialisable import orders
from tests.servers.test_sessions_at_once import LONG, QUICK

PREFIX = "cookies-vs-tokens:cookie:"

#: What a session's holder carries, by a name that the test gives the session.
Holders = dict[str, dict[str, str]]


@dataclass(frozen=True)
class State:
    """What the model knows of the account.

    Attributes:
        password: The password.
        living: The sessions that live.
        ended: Those that ended in this batch.
        restless: How many requests of this batch end all sessions of the account.
        limited: Whether so many passwords may have been wrong that no more are looked at.
    """

    password: str
    living: frozenset[str] = frozenset()
    ended: frozenset[str] = frozenset()
    restless: int = 0
    limited: bool = False

    def without(self, sessions: frozenset[str]) -> "State":
        """Return the state after these sessions ended."""
        return replace(self, living=self.living - sessions, ended=self.ended | (self.living & sessions))


class Browser:
    """Sends requests to the server, and keeps what each session's holder carries."""

    def __init__(self, url: str, username: str) -> None:
        self.username = username
        self.holders: Holders = {}
        self._url = url
        self._http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    async def send(self, method: str, path: str, carried: dict[str, str], body: object = None) -> Any:
        """Return the status, the cookies that were set, and the CSRF token that was told, if any."""
        async with self._http.request(method, self._url + path, headers=carried, json=body) as answer:
            text = await answer.text()
            set_cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in answer.cookies.items())
            told = answer.headers.get("Authentication-Info", "").partition('"')[2].rstrip('"')
            if text:
                told = json.loads(text).get("csrf_token", "")
            return answer.status, set_cookies, told

    async def act(self, session: str, method: str, path: str, body: object = None) -> int:
        """Send a request as the holder of a session; return the status."""
        status: int = (await self.send(method, path, self.holders[session], body))[0]
        return status

    async def log_in(self, session: str, credentials: Credentials) -> int:
        """Log in for a session of that name; return the status."""
        return self.keep(session, await self.send("POST", contract.AUTHENTICATE, {}, credentials._asdict()))

    def keep(self, session: str, answer: Any) -> int:
        """Keep what a fresh session's holder carries; return the answer's status."""
        status: int
        status, cookie, csrf = answer
        self.holders[session] = {"Cookie": cookie, contract.CSRF_HEADER: csrf}
        return status

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


@dataclass
class LogIn:
    """A login, for a session of a new name."""

    session: str
    password: str

    async def run(self, browser: Browser) -> int:
        return await browser.log_in(self.session, Credentials(browser.username, self.password))

    def outcomes(self, state: State) -> Iterator[tuple[int, State]]:
        if self.password == state.password:
            yield 200, replace(state, living=state.living | {self.session})
        if self.password != state.password or state.restless:
            yield 401, state
        if state.limited:
            yield 429, state


@dataclass
class Request:
    """A read, or a write of the email address."""

    session: str
    writes: bool

    async def run(self, browser: Browser) -> int:
        if self.writes:
            return await browser.act(self.session, "POST", contract.EMAIL, {"email": f"{self.session}@b.c"})
        return await browser.act(self.session, "GET", contract.RESTRICTED)

    def outcomes(self, state: State) -> Iterator[tuple[int, State]]:
        if self.session in state.living | state.ended:
            yield 200, state
        if self.session not in state.living:
            yield 401, state


@dataclass
class LogOut:
    """A logout."""

    session: str

    async def run(self, browser: Browser) -> int:
        return await browser.act(self.session, "POST", contract.LOGOUT)

    def outcomes(self, state: State) -> Iterator[tuple[int, State]]:
        if self.session in state.living | state.ended:
            yield 204, state.without(frozenset({self.session}))
        if self.session not in state.living:
            yield 401, state


@dataclass
class ChangePassword:
    """A change of the password, which hands out a session of a new name."""

    session: str
    old: str
    new: str
    fresh: str

    async def run(self, browser: Browser) -> int:
        body = {"old": self.old, "new": self.new}
        answer = await browser.send("POST", contract.PASSWORD, browser.holders[self.session], body)
        return browser.keep(self.fresh, answer)

    def outcomes(self, state: State) -> Iterator[tuple[int, State]]:
        if self.session in state.living | state.ended:
            if self.old == state.password:
                changed = replace(state.without(state.living), password=self.new)
                yield 204, replace(changed, living=frozenset({self.fresh}))
                if state.restless > 1:
                    yield 401, changed  # and then the account changed again, before there was a session
            else:
                yield 403, state
            if state.limited:
                yield 429, state
        if self.session not in state.living or state.restless > 1:
            yield 401, state


@dataclass
class EndAll:
    """An admin ends all sessions of the account, by itself or by giving a role."""

    change: dict[str, object]

    async def run(self, browser: Browser) -> int:
        return await browser.act(
            "admin", "POST", contract.ADMIN_ACCOUNT.format(username=browser.username), self.change
        )

    def outcomes(self, state: State) -> Iterator[tuple[int, State]]:
        yield 204, state.without(state.living)


class Logins(RuleBasedStateMachine):
    """The server's sessions of an account and the model's, side by side."""

    def __init__(self, url: str, store: "redis.Redis", account: Credentials) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._store = store
        self._account = account
        self._browser = self._runner.run(self._open(url))
        self._state = State(account.password)
        self._passwords = [account.password]
        self._sessions: list[str] = []
        self._failures = 0
        self._at_once([LogIn(self._name(), account.password)])

    def teardown(self) -> None:
        self._runner.run(self._browser.close())
        self._runner.close()

    @rule(data=st.data())
    def at_once(self, data: st.DataObject) -> None:
        """Let a session expire or not, and then send up to four requests at the same time."""
        self._expire(data.draw(st.sampled_from(["", "", "", "", "idle", "absolute"])))
        # Drawn from those that there are before: nobody can hold a session that is only being made.
        sessions = self._sessions[-4:]
        self._at_once([self._draw(data, sessions) for _ in range(data.draw(st.integers(1, 4)))])

    def _draw(self, data: st.DataObject, sessions: list[str]) -> Any:
        kind = data.draw(st.sampled_from([LogIn, LogIn, Request, Request, LogOut, ChangePassword, EndAll]))
        if kind is EndAll:
            return EndAll(data.draw(st.sampled_from([{"revoke": True}, {"role": "user"}])))
        if kind is LogIn:
            return LogIn(self._name(), data.draw(st.sampled_from(self._passwords[-2:])))
        session = data.draw(st.sampled_from(sessions))
        if kind is LogOut:
            return LogOut(session)
        if kind is Request:
            return Request(session, data.draw(st.booleans()))
        old = data.draw(st.sampled_from(self._passwords[-2:]))
        self._passwords.append(f"password {len(self._passwords)}")
        return ChangePassword(session, old, self._passwords[-1], self._name())

    def _name(self) -> str:
        self._sessions.append(f"session-{len(self._sessions)}")
        return self._sessions[-1]

    def _at_once(self, operations: list[Any]) -> None:
        answers = self._runner.run(self._run(operations))
        passwords = zip(operations, answers, strict=True)
        self._failures += sum(
            (type(one), code) in ((LogIn, 401), (ChangePassword, 403)) for one, code in passwords
        )
        living = self._runner.run(self._living())
        restless = sum(isinstance(operation, EndAll | ChangePassword) for operation in operations)
        limited = self._failures + len(operations) > MAX_FAILURES
        before = replace(self._state, ended=frozenset(), restless=restless, limited=limited)
        possible = [
            state
            for state in orders(operations, answers, before)
            if living == state.living or (restless and before.living & state.living <= living < state.living)
        ]
        assert possible, (operations, answers, before, living)
        self._state = replace(possible[0], living=living)
        index = self._store.zrange(f"{PREFIX}account:{self._account.username}", 0, -1)
        assert {digest_of(self._browser.holders[session]) for session in living} <= set(index)
        self._settle(possible)

    def _settle(self, possible: list[State]) -> None:
        """Learn which of the passwords it is that orders of the requests may have left."""
        passwords = sorted({state.password for state in possible})
        for password in passwords[1:]:
            trial = self._runner.run(self._browser.log_in("trial", self._account._replace(password=password)))
            if trial == 200:
                self._runner.run(self._browser.act("trial", "POST", contract.LOGOUT))
                self._state = replace(self._state, password=password)
                return
            self._failures += 1
        self._state = replace(self._state, password=passwords[0])

    def _expire(self, how: str) -> None:
        """Have the youngest session be as old as its idle or its absolute timeout."""
        session = self._sessions[-1]
        key = f"{PREFIX}session:".encode() + digest_of(self._browser.holders[session])
        stored = self._store.get(key)
        if how and stored is not None:
            if how == "idle":
                self._store.delete(key)
            else:
                self._store.set(key, json.dumps(json.loads(stored) | {"expires": 1}), keepttl=True)
            self._state = self._state.without(frozenset({session}))

    async def _open(self, url: str) -> Browser:
        browser = Browser(url, self._account.username)
        assert await browser.log_in("admin", contract.EXAMPLE_ADMIN) == 200
        return browser

    async def _run(self, operations: list[Any]) -> list[int]:
        return list(await asyncio.gather(*(operation.run(self._browser) for operation in operations)))

    async def _living(self) -> frozenset[str]:
        statuses = [await self._browser.act(name, "GET", contract.RESTRICTED) for name in self._sessions]
        return frozenset(name for name, status in zip(self._sessions, statuses, strict=True) if status == 200)


def digest_of(carried: dict[str, str]) -> bytes:
    """Return what stands in the store for the session of whoever carries this."""
    return hashlib.sha256(carried["Cookie"].partition("=")[2].encode()).hexdigest().encode()


@pytest.fixture
def logins(
    serve: Callable[[str], Server], store: "redis.Redis", new_account: Callable[[], Credentials]
) -> Callable[[], RuleBasedStateMachine]:
    """Returns a function that makes the machine, for an account that nobody used."""
    url = f"http://127.0.0.1:{serve('cookie').port}"
    return lambda: Logins(url, store, new_account())


def test_logins(logins: type[RuleBasedStateMachine]) -> None:
    """Whatever is sent at once: no ended session comes back, and the index misses none that lives."""
    run_state_machine_as_test(logins, settings=settings(QUICK, max_examples=15, stateful_step_count=10))


@pytest.mark.slow
def test_logins_for_long(logins: type[RuleBasedStateMachine]) -> None:
    """The same holds for many more runs, others every time."""
    run_state_machine_as_test(logins, settings=settings(LONG, max_examples=12))
