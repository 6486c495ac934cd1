"""Sessions on a real store: what two requests of one session write, and what is left of it."""

import json
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from servers.stores.connection import connect
from servers.stores.session_records import Record, SessionRecords

ID = "an id"


@pytest.fixture
async def redis_client(store_url: str) -> AsyncIterator[Redis]:
    """A connection to the store."""
    client = connect(store_url)
    assert isinstance(client, Redis)
    yield client
    await client.aclose()


@pytest.fixture
def records(redis_client: Redis) -> SessionRecords:
    """The sessions that these tests make."""
    return SessionRecords(redis_client, "cookies-vs-tokens:records-test:")


async def read(records: SessionRecords) -> Record:
    """Return the session, which is there."""
    record = await records.read(ID)
    assert record is not None
    return record


async def read_twice(records: SessionRecords) -> tuple[Record, Record]:
    """Return two requests' views of the same stored session."""
    await records.create(ID, "1", {"sub": "1", "basket": ["apple"], "theme": "dark"})
    return await read(records), await read(records)


async def test_writes_to_different_keys_both_stay(records: SessionRecords) -> None:
    """No request loses another's write: each writes what it changed."""
    one, two = await read_twice(records)
    await records.update(ID, one.stored, one.fields | {"theme": "light"})
    await records.update(ID, two.stored, two.fields | {"language": "de"})
    last = await read(records)
    assert (last.fields["theme"], last.fields["language"]) == ("light", "de")


async def test_removal_and_change_are_written(records: SessionRecords) -> None:
    """A field that was removed goes, one that was changed within is written, others' stay."""
    one, two = await read_twice(records)
    await records.update(ID, one.stored, one.fields | {"basket": ["apple", "pear"]})
    del two.fields["theme"]
    await records.update(ID, two.stored, two.fields)
    assert (await read(records)).fields == {"sub": "1", "basket": ["apple", "pear"]}


async def test_an_ended_session_stays_ended(records: SessionRecords) -> None:
    """A write after the end writes nothing."""
    _, two = await read_twice(records)
    await records.revoke(ID)
    await records.update(ID, two.stored, two.fields | {"theme": "light"})
    assert await records.read(ID) is None


async def test_scripts_survive_a_store_that_forgot_them(records: SessionRecords, redis_client: Redis) -> None:
    """A store that was restarted knows no scripts; the write loads its own again."""
    one, _ = await read_twice(records)
    await redis_client.script_flush()
    await records.update(ID, one.stored, one.fields | {"theme": "light"})
    assert (await read(records)).fields["theme"] == "light"


async def test_sessions_that_come_after_the_end_of_all_end_too(
    records: SessionRecords, redis_client: Redis
) -> None:
    """An account's sessions can be ended again and again, and leave no index behind."""
    await records.create("first", "account", {"sub": "account"})
    await records.revoke_account("account")
    await records.create("second", "account", {"sub": "account"})
    await records.revoke_account("account")
    assert await records.read("second") is None
    assert await redis_client.zcard("cookies-vs-tokens:records-test:account:account") == 0


async def test_records_are_plain_json(records: SessionRecords, redis_client: Redis) -> None:
    """What is stored can be read by anything: its times and its fields."""
    await records.create("plain", "account", {"sub": "account"})
    record = await records.read("plain")
    assert record is not None
    assert json.loads(record.stored).keys() == {"created", "expires", "session"}
    assert record.fields == {"sub": "account"}
    await records.revoke("plain")
    assert not [key async for key in redis_client.scan_iter("*records-test:session:*plain")]
