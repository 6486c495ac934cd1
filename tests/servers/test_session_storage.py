"""The storage that aiohttp-session is given, on a real store."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from redis.asyncio import Redis

from servers.credentials.cookie_transport import CookieTransport
from servers.settings import Settings
from servers.stores.connection import connect
from servers.stores.session_records import SessionRecords
from servers.stores.session_storage import SessionStorage, StoredSession

TRANSPORT = CookieTransport("test", Settings(Path("unused"), (b"s" * 32,)))


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
    return SessionRecords(redis_client, "cookies-vs-tokens:storage-test:")


@pytest.fixture
def storage(records: SessionRecords) -> SessionStorage:
    """The storage under test."""
    return SessionStorage(records, TRANSPORT)


def request_with(session_id: str) -> web.Request:
    """Return a request that carries the id of a session."""
    return make_mocked_request("GET", "/", headers={"Cookie": f"{TRANSPORT.name}={session_id}"})


async def loaded_twice(
    storage: SessionStorage,
) -> tuple[web.Request, web.Response, StoredSession, StoredSession]:
    """Return two requests' views of the same stored session."""
    session = await storage.new_session()
    session.update({"sub": "1", "basket": ["apple"], "theme": "dark"})
    request, response = request_with(str(session.identity)), web.Response()
    await storage.save_session(request, response, session)
    return request, response, await storage.load_session(request), await storage.load_session(request)


async def test_writes_to_different_keys_both_stay(storage: SessionStorage) -> None:
    """No request loses another's write: each writes what it changed."""
    request, response, one, two = await loaded_twice(storage)
    one["theme"] = "light"
    two["language"] = "de"
    await storage.save_session(request, response, one)
    await storage.save_session(request, response, two)
    last = await storage.load_session(request)
    assert (last["theme"], last["language"]) == ("light", "de")


async def test_removal_and_change_in_place_are_written(storage: SessionStorage) -> None:
    """A field that was removed goes, one that was changed within is written, others' stay."""
    request, response, one, two = await loaded_twice(storage)
    one["basket"].append("pear")
    one.changed()
    del two["theme"]
    await storage.save_session(request, response, one)
    await storage.save_session(request, response, two)
    last = await storage.load_session(request)
    assert dict(last) == {"sub": "1", "basket": ["apple", "pear"]}


async def test_an_ended_session_stays_ended(storage: SessionStorage, records: SessionRecords) -> None:
    """A write after the end writes nothing."""
    request, response, one, two = await loaded_twice(storage)
    one.invalidate()
    await storage.save_session(request, response, one)
    two["theme"] = "light"
    await storage.save_session(request, response, two)
    assert await records.read(str(two.identity)) is None
    assert (await storage.load_session(request)).new


async def test_a_write_sets_no_cookie(storage: SessionStorage) -> None:
    """The browser has it already."""
    request, _, one, _ = await loaded_twice(storage)
    response = web.Response()
    one["theme"] = "light"
    await storage.save_session(request, response, one)
    assert not response.cookies


async def test_scripts_survive_a_store_that_forgot_them(storage: SessionStorage, redis_client: Redis) -> None:
    """A store that was restarted knows no scripts; the write loads its own again."""
    request, response, one, _ = await loaded_twice(storage)
    await redis_client.script_flush()
    one["theme"] = "light"
    await storage.save_session(request, response, one)
    assert (await storage.load_session(request))["theme"] == "light"


async def test_sessions_that_come_after_the_end_of_all_end_too(
    records: SessionRecords, redis_client: Redis
) -> None:
    """An account's sessions can be ended again and again, and leave no index behind."""
    await records.create("first", "account", {"sub": "account"})
    await records.revoke_account("account")
    await records.create("second", "account", {"sub": "account"})
    await records.revoke_account("account")
    assert await records.read("second") is None
    assert await redis_client.zcard("cookies-vs-tokens:storage-test:account:account") == 0


async def test_records_are_plain_json(records: SessionRecords, redis_client: Redis) -> None:
    """What is stored can be read by anything: its times and its fields."""
    await records.create("plain", "account", {"sub": "account"})
    record = await records.read("plain")
    assert record is not None
    assert json.loads(record.stored).keys() == {"created", "expires", "session"}
    assert record.fields == {"sub": "account"}
    await records.revoke("plain")
    assert not [key async for key in redis_client.scan_iter("*storage-test:session:plain")]
