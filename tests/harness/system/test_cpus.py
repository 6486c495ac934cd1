"""Who gets which CPU, from one CPU to eight."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.system.cpus import Placement, place


@pytest.mark.parametrize("cpus", [[], [3]])
def test_one_cpu_pins_nothing(cpus: list[int]) -> None:
    """Nothing can be kept apart, so the system places all."""
    assert place(cpus) == Placement()
    assert place(cpus).roles() == {}


@pytest.mark.parametrize(
    ("cpus", "roles", "shared"),
    [
        ([0, 1], {"servers": [0], "store": [0], "load": [1], "harness": [1]}, True),
        ([0, 1, 2], {"servers": [0], "store": [2], "load": [1], "harness": [2]}, False),
        ([0, 1, 2, 3], {"servers": [0], "store": [2], "load": [1], "harness": [3]}, False),
        (list(range(8)), {"servers": [0], "store": [2], "load": [1], "harness": [3]}, False),
    ],
)
def test_roles_by_count(cpus: list[int], roles: dict[str, list[int]], shared: bool) -> None:
    """The store leaves the servers' CPU from three on, the harness everyone's from four."""
    placement = place(cpus)
    assert placement.roles() == roles
    assert (placement.store == placement.servers) is shared


def test_the_cpus_that_there_are() -> None:
    """A container may be allowed any two: their numbers count, not their order."""
    assert place({9, 4}).roles() == {"servers": [4], "store": [4], "load": [9], "harness": [9]}


@pytest.mark.parametrize(
    ("count", "roles"),
    [
        (3, {"servers": [0], "store": [0], "load": [1, 2], "harness": [2]}),
        (4, {"servers": [0], "store": [3], "load": [1, 2], "harness": [3]}),
        (5, {"servers": [0], "store": [3], "load": [1, 2], "harness": [4]}),
    ],
)
def test_two_load_processes(count: int, roles: dict[str, list[int]]) -> None:
    """Each has a CPU of its own before the store has one."""
    assert place(range(count), 2).roles() == roles


def test_too_many_load_processes() -> None:
    """Two on one CPU would be each other's bottleneck."""
    with pytest.raises(ValueError, match="2 load processes and a server need 3 CPUs, and there are 2"):
        place([0, 1], 2)


@pytest.mark.parametrize(
    ("count", "roles"),
    [
        (2, {"servers": [0], "store": [0], "load": [1], "harness": [1]}),
        (3, {"servers": [0], "store": [2], "load": [1], "harness": [2]}),
        (4, {"servers": [0, 1], "store": [3], "load": [2], "harness": [3]}),
        (6, {"servers": [0, 1, 2, 3], "store": [5], "load": [4], "harness": [5]}),
        (8, {"servers": [0, 1, 2, 3], "store": [5], "load": [4], "harness": [6]}),
    ],
)
def test_servers_of_four_processes(count: int, roles: dict[str, list[int]]) -> None:
    """As many CPUs as they can use, but the load and the store come first: on two they share one."""
    assert place(range(count), server_processes=4).roles() == roles


@given(st.sets(st.integers(0, 255), min_size=4, max_size=16), st.integers(1, 3), st.integers(1, 8))
def test_the_load_is_always_apart(cpus: set[int], load_processes: int, server_processes: int) -> None:
    """Never on the servers' or the store's CPU, and no role on a CPU that is not ours."""
    placement = place(cpus, load_processes, server_processes)
    assert not set(placement.load) & (set(placement.servers) | set(placement.store))
    assert {cpu for role in placement.roles().values() for cpu in role} <= cpus
    assert len(placement.load) == load_processes
    assert 1 <= len(placement.servers) <= server_processes
