"""What master and workers prove to each other, and what a stranger can make of it: nothing."""

from __future__ import annotations

from typing import Any

import pytest

from harness.protocol.seal import ForgedError, LostError, Seal, proof, proves

SECRET = "the secret of this run"


def session(secret: str = SECRET) -> tuple[Seal, Seal]:
    """Both ends of one."""
    return Seal(SECRET, "master", "worker", "aa", "bb"), Seal(secret, "worker", "master", "aa", "bb")


def test_each_side_opens_what_the_other_closed() -> None:
    """In order, both ways, whatever JSON can say."""
    master, worker = session()
    for content in ("text", {"a": [1, None]}, 2**60):
        assert worker.open(master.close("plan", content)) == ("plan", content)
        assert master.open(worker.close("lines", content)) == ("lines", content)


@pytest.mark.parametrize(
    "change",
    [{"text": '["plan", "theirs"]'}, {"number": 2}, {"mac": "00"}, {"mac": "\u20ac"}, {"number": "1"}],
    ids=str,
)
def test_a_changed_message_is_forged(change: dict[str, Any]) -> None:
    """And the genuine one is still awaited afterwards."""
    master, worker = session()
    message = master.close("plan", "ours")
    with pytest.raises(ForgedError):
        worker.open(message | change)
    assert worker.open(message) == ("plan", "ours")


@pytest.mark.parametrize("message", [None, "text", {}, {"number": 1}, []], ids=str)
def test_what_is_no_message_is_forged(message: object) -> None:
    """Whatever a stranger sends raises that, and nothing else."""
    with pytest.raises(ForgedError):
        session()[0].open(message)


def test_a_message_counts_once_in_one_direction_and_one_session() -> None:
    """It cannot be said again, sent back to who said it, nor taken to another session."""
    master, worker = session()
    message = master.close("go", 1)
    worker.open(message)
    with pytest.raises(ForgedError):
        worker.open(message)
    with pytest.raises(ForgedError):
        master.open(message)
    with pytest.raises(ForgedError):
        Seal(SECRET, "worker", "master", "aa", "cc").open(message)
    with pytest.raises(ForgedError):
        session("another secret of somebody")[1].open(message)


def test_a_message_that_never_came_is_missed() -> None:
    """What came through says how many did not."""
    master, worker = session()
    worker.open(master.close("go", 1))
    master.close("go", 2)
    with pytest.raises(LostError, match=r"^1 messages were lost"):
        worker.open(master.close("go", 3))


def test_a_proof_is_of_all_its_parts() -> None:
    """Texts cannot be moved from one part to the next."""
    assert proves(proof(SECRET, "a", "b"), SECRET, "a", "b")
    for other in ("ab", ""), ("a", "b", ""), ("b", "a"):
        assert not proves(proof(SECRET, "a", "b"), SECRET, *other)
    assert not proves(None, SECRET, "a", "b")
