"""The session store is killed, and comes back empty a while later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from harness.incidents.kind import Kind, Setting, Staged, Step
from harness.incidents.timeline import NOT_SENT, TIMEOUT

#: Down from a third of the time to a half, so that the longest part shows how all gets well.
_DOWN_FROM: Final = 1 / 3
_DOWN_UNTIL: Final = 1 / 2


@contextmanager
def stage(setting: Setting) -> Iterator[Staged]:
    """Nothing to be set up: the rig knows how to kill its store, and to start it again."""
    rig, duration_ns = setting.rig, setting.plan.duration_ns
    yield Staged(
        setting.plan,
        (
            Step(round(_DOWN_FROM * duration_ns), "store killed", rig.kill_store),
            Step(round(_DOWN_UNTIL * duration_ns), "store back, empty", rig.revive_store, restores=True),
        ),
    )


KIND: Final = Kind(
    "store outage",
    frozenset({"503", "401", "login 503", TIMEOUT, f"login {TIMEOUT}", NOT_SENT}),
    stage,
    needs_own_store=True,
)
