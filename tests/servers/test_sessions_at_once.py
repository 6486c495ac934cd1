"""Sessions under requests at the same time, against a model: what ended stays ended, and no write is lost.

Hypothesis draws the requests, they run at once on a real store, and what they did must be what some order of
them would have done.
"""

# ruff: noqa: D102 - an operation's class says what it is; run does it, and outcomes tells what it may come to

import asyncio
import hashlib
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from servers import contract
from servers.http.deadlines import Deadlines
from servers.stores import indexed_records, session_records
from servers.stores.connection import connect
from servers.stores.session_records import Record, SessionRecords
from tests.servers.serialisable import orders

#: Requests meet more often on a few sessions than on many.
RECENT = 2

#: Hours between two batches, mostly none.
HOURS = st.sampled_from([0, 0, 0, 0, 0, 0, 0, 0, 1, 4])

PREFIX = "cookies-vs-tokens:model:"
ACCOUNTS = ("anna", "anna", "bert")
KEYS = ("basket", "language", "theme")

#: A failure is shown as it was drawn: a race may go another way when it is tried again, so that no smaller
#: failure would be found, and Hypothesis may call this one flaky. It is a failure all the same.
QUICK = settings(
    derandomize=True,
    max_examples=25,
    stateful_step_count=15,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
LONG = settings(QUICK, derandomize=False, max_examples=25, stateful_step_count=30)

#: The fields of the sessions that live, by their ids.
State: TypeAlias = dict[str, dict[str, Any]]


@dataclass
class Create:
    """A login."""

    session: str
    account: str

    async def run(self, records: SessionRecords) -> None:
        await records.create(self.session, self.account, {"sub": self.account})

    def outcomes(self, state: State) -> Iterator[tuple[Any, State]]:
        yield None, state | {self.session: {"sub": self.account}}


@dataclass
class Read:
    """A request begins: it reads its session, and may write later."""

    session: str
    record: Record | None = None

    async def run(self, records: SessionRecords) -> dict[str, Any] | None:
        self.record = await records.read(self.session)
        return self.record and self.record.fields

    def outcomes(self, state: State) -> Iterator[tuple[Any, State]]:
        yield state.get(self.session), state


@dataclass
class Write:
    """A request goes on that read the session as `seen`: it sets `changes` and drops `dropped`.

    It writes nothing where it found no session (None).
    """

    session: str
    seen: Record | None
    changes: dict[str, int]
    dropped: set[str]

    async def run(self, records: SessionRecords) -> None:
        if self.seen is None:
            return
        kept = {name: value for name, value in self.seen.fields.items() if name not in self.dropped}
        await records.update(self.session, self.seen.stored, kept | self.changes)

    def outcomes(self, state: State) -> Iterator[tuple[Any, State]]:
        if self.seen is None or self.session not in state:
            yield None, state
            return
        dropped = self.dropped & self.seen.fields.keys()
        kept = {name: value for name, value in state[self.session].items() if name not in dropped}
        yield None, state | {self.session: kept | self.changes}


@dataclass
class End:
    """A logout."""

    session: str

    async def run(self, records: SessionRecords) -> None:
        await records.revoke(self.session)

    def outcomes(self, state: State) -> Iterator[tuple[Any, State]]:
        yield None, {session: fields for session, fields in state.items() if session != self.session}


@dataclass
class EndAccount:
    """A change of password or role, or a block."""

    account: str

    async def run(self, records: SessionRecords) -> None:
        await records.revoke_account(self.account)

    def outcomes(self, state: State) -> Iterator[tuple[Any, State]]:
        yield None, {session: fields for session, fields in state.items() if fields["sub"] != self.account}


@dataclass
class Idle(End):
    """Thirty minutes without a request, for one session: its key goes, as the store sees to."""

    async def run(self, records: SessionRecords) -> None:
        await records._redis.delete(key_of(self.session))


def digest_of(session: str) -> str:
    """Return what stands for the session in the store."""
    return hashlib.sha256(session.encode()).hexdigest()


def key_of(session: str) -> str:
    """Return the key of the session's record."""
    return f"{PREFIX}session:{digest_of(session)}"


class Sessions(RuleBasedStateMachine):
    """The store's sessions and the model's, side by side.

    What is drawn depends on what was drawn before, and never on who won a race: Hypothesis has to be able to
    draw it again.
    """

    def __init__(self, url: str, store: "redis.Redis", clock: SimpleNamespace) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._connection = connect(url)
        self._records = SessionRecords(self._connection, PREFIX)
        self._records.deadlines = Deadlines(60)  # this is about order, on a machine that may be busy
        self._store = store
        self._clock = clock
        self._values = itertools.count(1)  # none is the 0 that sessions begin with: writing that is no change
        self._state: State = {}
        self._expiry: dict[str, int] = {}  # of every session that there ever was, in Unix seconds
        self._begun: list[Read] = []

    def teardown(self) -> None:
        self._store.delete(PREFIX, *self._store.keys(f"{PREFIX}*"))
        self._runner.run(self._connection.aclose())
        self._runner.close()

    @initialize()
    def begin(self) -> None:
        """Start with a session that says something."""
        create = Create("session-0", "anna")
        self._expiry["session-0"] = int(self._clock.now) + contract.ABSOLUTE_TIMEOUT_S
        self._at_once([create], [0])
        self._at_once([Read("session-0")], [0])
        self._at_once([Write("session-0", self._begun[0].record, dict.fromkeys(KEYS, 0), set())], [0])

    @rule(data=st.data())
    def at_once(self, data: st.DataObject) -> None:
        """Let time pass or not, and then run up to four operations at the same time."""
        self._wait(data.draw(HOURS))
        operations = [self._draw(data) for _ in range(data.draw(st.integers(1, 4)))]
        delays = [data.draw(st.integers(0, 3)) for _ in operations]
        self._at_once(operations, delays)

    def _at_once(self, operations: list[Any], delays: list[int]) -> None:
        answers = self._runner.run(self._run(operations, delays))
        assert all(self._store.ttl(key) > 0 for key in self._store.keys(f"{PREFIX}*"))  # each has its end
        observed = self._runner.run(self._observe())
        assert observed in list(orders(operations, answers, self._state)), (operations, answers, self._state)
        self._state = observed
        self._begun += [operation for operation in operations if isinstance(operation, Read)]

    @invariant()
    def only_the_living_live(self) -> None:
        """The store has the sessions that the model has, and none for longer than the idle timeout."""
        assert self._runner.run(self._observe()) == self._state
        assert all(self._store.ttl(key_of(session)) <= contract.IDLE_TIMEOUT_S for session in self._state)

    @invariant()
    def the_index_misses_none(self) -> None:
        """Who ends an account's sessions finds all of them, for as long as they may live."""
        for session, fields in self._state.items():
            index = f"{PREFIX}account:{fields['sub']}"
            assert self._store.zscore(index, digest_of(session)) == self._expiry[session]
            assert self._store.expiretime(index) >= self._expiry[session]

    def _draw(self, data: st.DataObject) -> Any:
        kinds = [Create, Create, EndAccount, End, Idle, *[Read] * 4, *[Write] * 8]
        kind = data.draw(st.sampled_from(kinds))
        if kind is Create:
            session = f"session-{len(self._expiry)}"
            self._expiry[session] = int(self._clock.now) + contract.ABSOLUTE_TIMEOUT_S
            return Create(session, data.draw(st.sampled_from(ACCOUNTS)))
        if kind is EndAccount:
            return EndAccount(data.draw(st.sampled_from(ACCOUNTS)))
        if kind is Write:
            begun = self._begun[-data.draw(st.integers(1, min(RECENT, len(self._begun))))]
            changed = data.draw(st.sets(st.sampled_from(KEYS), min_size=1))
            dropped = data.draw(st.sets(st.sampled_from(KEYS)))
            changes = {key: next(self._values) for key in sorted(changed)}
            return Write(begun.session, begun.record, changes, dropped - changed)
        return kind(data.draw(st.sampled_from(list(self._expiry)[-RECENT:])))

    def _wait(self, hours: int) -> None:
        self._clock.now += hours * 3600
        self._state = {
            session: fields
            for session, fields in self._state.items()
            if self._expiry[session] > self._clock.now
        }

    async def _run(self, operations: list[Any], delays: list[int]) -> list[Any]:
        async def one(operation: Any, delay: int) -> Any:
            for _ in range(delay):  # as long as others' single commands take
                await self._records.check()
            return await operation.run(self._records)

        return await asyncio.gather(*map(one, operations, delays))

    async def _observe(self) -> State:
        records = {session: await self._records.read(session) for session in self._expiry}
        return {session: record.fields for session, record in records.items() if record}


@pytest.fixture
def sessions(
    store_url: str, store: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> Callable[[], RuleBasedStateMachine]:
    """Returns a function that makes the machine, under a clock of its own."""
    clock = SimpleNamespace(now=time.time())
    for module in (session_records, indexed_records):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: clock.now))
    return lambda: Sessions(store_url, store, clock)


def test_records(sessions: type[RuleBasedStateMachine]) -> None:
    """Whatever runs at once on the store: no ended session comes back, no write to another key is lost."""
    run_state_machine_as_test(sessions, settings=QUICK)


@pytest.mark.slow
def test_records_for_long(sessions: type[RuleBasedStateMachine]) -> None:
    """The same holds for many more runs, others every time."""
    run_state_machine_as_test(sessions, settings=LONG)
