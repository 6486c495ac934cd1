"""Deadlines by one timer for all."""

import asyncio
import socket
import time

import pytest

from servers.http.deadlines import Deadlines


async def test_what_is_in_time_passes() -> None:
    """Results and errors come through, and no timer ticks on afterwards."""

    async def fail() -> None:
        raise KeyError("x")

    deadlines = Deadlines(60)
    assert await deadlines.bound(asyncio.sleep(0.01, "done")) == "done"
    with pytest.raises(KeyError):
        await deadlines.bound(fail())
    await asyncio.sleep(0.3)
    assert deadlines._timer is None
    assert not deadlines._begun


async def test_what_is_overdue_ends() -> None:
    """It is cancelled and raises TimeoutError; the task itself goes on, uncancelled."""
    deadlines = Deadlines(0.01)
    with pytest.raises(TimeoutError):
        await deadlines.bound(asyncio.sleep(60))
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert await deadlines.bound(asyncio.sleep(0, "again")) == "again"


async def test_somebody_elses_cancellation_stays_one() -> None:
    """A task that is cancelled from outside is cancelled, not timed out."""
    deadlines = Deadlines(60)
    task = asyncio.create_task(deadlines.bound(asyncio.sleep(60)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not deadlines._begun


async def test_each_has_its_own() -> None:
    """One that is overdue takes no other with it."""
    deadlines, event = Deadlines(60), asyncio.Event()
    old = asyncio.create_task(deadlines.bound(asyncio.sleep(600)))
    young = asyncio.create_task(deadlines.bound(event.wait()))
    await asyncio.sleep(0)
    deadlines._begun[old] -= 61
    deadlines._look(asyncio.get_running_loop())
    deadlines._look(asyncio.get_running_loop())
    event.set()
    results = await asyncio.gather(old, young, return_exceptions=True)
    assert isinstance(results[0], TimeoutError)
    assert results[1] is True


async def test_what_was_answered_while_the_process_was_stopped_is_in_time() -> None:
    """Neither a machine that stops nor a long computation makes the store seem gone."""
    asked, store = socket.socketpair()
    with store:
        reader, writer = await asyncio.open_connection(sock=asked)
        reading = asyncio.create_task(Deadlines(0.01).bound(reader.readexactly(6)))
        await asyncio.sleep(0)
        store.sendall(b"answer")
        time.sleep(0.5)  # noqa: ASYNC251 - the process stands still
        assert await reading == b"answer"
        writer.close()
