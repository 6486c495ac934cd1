"""Store outage: the session store is killed, and returns empty a while later.

Before that one account of each arm is revoked, to show whether an empty store lets it in again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Final

from harness.measure.incidents.kind import IncidentKind, IncidentSetting, IncidentStep, Staged
from harness.protocol.dialect import CONTRACT
from harness.protocol.incidents import LOST_CONNECTION, NOT_SENT, TIMEOUT, VirtualUser
from harness.testbed.client import ADMIN, logged_in

REVOKED: Final = "revoked"

#: Moments as shares of the duration: the longest part shows the recovery.
_REVOKED_AT: Final = 1 / 6
_DOWN_FROM: Final = 1 / 3
_DOWN_UNTIL: Final = 1 / 2


@contextmanager
def stage(setting: IncidentSetting) -> Iterator[Staged]:
    """Log an admin in at each arm; the rig can kill its store, and start it again."""
    rig, duration_ns = setting.rig, setting.plan.duration_ns
    parties, steps = [], []
    for number, users in enumerate(setting.plan.parties, start=setting.spare_account):
        victim = VirtualUser(number, users.target.read_path, REVOKED)
        parties.append(replace(users, people=(victim, *users.people[1:])))
        admin, account = logged_in(users.target, ADMIN), CONTRACT.accounts.load_user(number)
        revoke = partial(admin.change_account, account, revoke=True)
        at_ns = round(_REVOKED_AT * duration_ns)
        steps.append(IncidentStep(at_ns, "account revoked", revoke, arm=users.target.arm, watched=REVOKED))
    yield Staged(
        replace(setting.plan, parties=tuple(parties)),
        (
            *steps,
            IncidentStep(round(_DOWN_FROM * duration_ns), "store killed", rig.store.kill),
            IncidentStep(
                round(_DOWN_UNTIL * duration_ns), "store back, empty", rig.store.revive, restores=True
            ),
        ),
    )


KIND: Final = IncidentKind(
    "store outage",
    frozenset({"503", "401", f"401 {REVOKED}", "login 503", TIMEOUT, f"login {TIMEOUT}", NOT_SENT}),
    stage,
    waived={"store outage": frozenset({"500", "login 500", LOST_CONNECTION, f"login {LOST_CONNECTION}"})},
    needs_own_store=True,
    spare_accounts=1,
)
