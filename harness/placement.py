"""Which CPUs the servers, the store, the load generator and the harness get. Pure.

Where the store runs moves the answer (docs/method.md), so every result names its placement.
"""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Placement:
    """CPU numbers by role; an empty list leaves the role where the system puts it."""

    servers: tuple[int, ...] = ()
    store: tuple[int, ...] = ()
    load: tuple[int, ...] = ()
    harness: tuple[int, ...] = ()

    def roles(self) -> dict[str, list[int]]:
        """Role to its CPUs, as the result file has it; empty where nothing is pinned."""
        if not self.servers:
            return {}
        return {role: list(getattr(self, role)) for role in ("servers", "store", "load", "harness")}

    @property
    def store_shares_servers(self) -> bool:
        """Whether store and servers compete for one CPU, as on a small box."""
        return set(self.servers) == set(self.store)


def place(cpus: Collection[int]) -> Placement:
    """Give servers one CPU and the load another; the store gets its own from three on, the harness from four.

    With two, the store shares the servers' CPU, which is what a small box pays, rather than the load's,
    which would flatter sessions. With one, nothing can be kept apart and nothing is pinned.
    """
    match sorted(cpus):
        case [] | [_]:
            return Placement()
        case [a, b]:
            return Placement(servers=(a,), store=(a,), load=(b,), harness=(b,))
        case [a, b, c]:
            return Placement(servers=(a,), store=(c,), load=(b,), harness=(c,))
        case [a, b, c, d, *_]:
            return Placement(servers=(a,), store=(c,), load=(b,), harness=(d,))
    raise AssertionError("unreachable")
