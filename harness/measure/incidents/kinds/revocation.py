"""An admin revokes one account and demotes another; a third gets another password elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Final

from harness.measure.incidents.accounts import logged_in, name_of
from harness.measure.incidents.kind import IncidentKind, IncidentSetting, IncidentStep, Staged
from harness.protocol.incidents import NOT_SENT, ArmUsers, VirtualUser
from harness.results.incidents import RevocationCost
from harness.testbed.client import ADMIN, ApiClient
from harness.testbed.launcher import Instance
from harness.testbed.meters import StoreMeter, cpu_ns

REVOKED: Final = "revoked"
DEMOTED: Final = "demoted"
PASSWORD_CHANGED: Final = "password changed"  # noqa: S105 - what was done, no password
WATCHED: Final = (REVOKED, DEMOTED, PASSWORD_CHANGED)

_ADMIN_PATH: Final = "/api/admin"
_NEW_PASSWORD: Final = "foobar, and another"  # noqa: S105 - of an account of this run alone
#: Moment at which it is done, as a share of the time.
_AT: Final = 1 / 3
#: Revocations whose cost is counted, at each arm.
_PRICED: Final = 20


@dataclass(frozen=True)
class _Arm:
    """One arm's admin and the accounts that something is done to, by number."""

    party: ArmUsers
    admin: ApiClient
    accounts: range

    def account(self, watched: str) -> str:
        """The name of somebody who is watched."""
        return name_of(self.accounts[WATCHED.index(watched)])

    def people(self) -> tuple[VirtualUser, ...]:
        """Those who are watched, and the party's others; who is to be demoted reads what admins may."""
        path = self.party.target.read_path
        watched = (
            VirtualUser(number, _ADMIN_PATH if what == DEMOTED else path, what)
            for number, what in zip(self.accounts, WATCHED, strict=False)
        )
        return (*watched, *self.party.people[len(WATCHED) :])

    def doing(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """What is done to each of them, and how; callers are logged in here, before the load begins."""
        yield REVOKED, partial(self.admin.change_account, self.account(REVOKED), revoke=True)
        yield DEMOTED, partial(self.admin.change_account, self.account(DEMOTED), role="user")
        elsewhere = logged_in(self.party, self.account(PASSWORD_CHANGED))
        yield PASSWORD_CHANGED, partial(elsewhere.change_password, _NEW_PASSWORD)


@contextmanager
def stage(setting: IncidentSetting) -> Iterator[Staged]:
    """Log the admins in, make admins of those to be demoted, and count what a revocation costs at rest."""
    plan, at_ns = setting.plan, round(_AT * setting.plan.duration_ns)
    prices, parties, steps = {}, [], []
    numbers = range(setting.spare_account, setting.spare_account + len(plan.parties) * KIND.spare_accounts)
    for index, (party, instance) in enumerate(zip(plan.parties, setting.instances, strict=True)):
        own = numbers[index * KIND.spare_accounts : (index + 1) * KIND.spare_accounts]
        arm = _Arm(party, logged_in(party, ADMIN), own)
        prices[party.target.arm] = _price(arm, instance, setting.meter)
        arm.admin.change_account(arm.account(DEMOTED), role="admin")
        parties.append(replace(party, people=arm.people()))
        steps += [
            IncidentStep(at_ns, what, do, arm=party.target.arm, watched=what) for what, do in arm.doing()
        ]
    yield Staged(replace(plan, parties=tuple(parties)), steps, prices)


def _price(arm: _Arm, instance: Instance, meter: StoreMeter) -> RevocationCost:
    """What one revocation of an account with one credential costs, while nothing else goes on: medians."""
    account = name_of(arm.accounts[-1])
    server_ns, store_ns, operations = [], [], []
    for _ in range(_PRICED):
        logged_in(arm.party, account)
        store_before, server_before = meter.read(), cpu_ns(instance.pid)
        arm.admin.change_account(account, revoke=True)
        server_ns.append(cpu_ns(instance.pid) - server_before)
        store_cpu_ns, commands = meter.spent(store_before, meter.read())
        store_ns.append(store_cpu_ns)
        operations.append(commands)
    commands = int(median(operations))
    return RevocationCost(
        server_cpu_us=median(server_ns) / 1e3,
        # Without commands there is nothing to attribute: what is left is the store's own housekeeping.
        store_cpu_us=max(0.0, median(store_ns) / 1e3) if commands else 0.0,
        store_ops=commands,
    )


KIND: Final = IncidentKind(
    "revocation",
    frozenset({NOT_SENT, *(f"{status} {watched}" for status in (401, 403) for watched in WATCHED)}),
    stage,
    spare_accounts=len(WATCHED) + 1,
)
