"""Revocation: an admin revokes one account and demotes another; a third changes its password elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Final

from harness.measure.incidents.kind import IncidentKind, IncidentSetting, IncidentStep, Staged
from harness.protocol.dialect import CONTRACT
from harness.protocol.incidents import NOT_SENT, ArmUsers, VirtualUser
from harness.results.incidents import RevocationCost
from harness.testbed.client import ADMIN, ApiClient, logged_in
from harness.testbed.cpu_clock import cpu_ns
from harness.testbed.launcher import Instance
from harness.testbed.meters import StoreMeter

REVOKED: Final = "revoked"
DEMOTED: Final = "demoted"
PASSWORD_CHANGED: Final = "password changed"  # noqa: S105 - what was done, no password
WATCHED: Final = (REVOKED, DEMOTED, PASSWORD_CHANGED)

_ADMIN_PATH: Final = "/api/admin"
_NEW_PASSWORD: Final = "foobar, and another"  # noqa: S105 - of an account of this run alone
#: Moment of the changes, as a share of the duration.
_AT: Final = 1 / 3
#: Number of revocations of which the cost is measured, at each arm.
_REPEATS: Final = 20


@dataclass(frozen=True)
class _Arm:
    """Admin of one arm, and the numbers of the accounts that are changed."""

    users: ArmUsers
    admin: ApiClient
    accounts: range

    def account(self, watched: str) -> str:
        """Return the name of the account that is watched for this change."""
        return CONTRACT.accounts.load_user(self.accounts[WATCHED.index(watched)])

    def people(self) -> tuple[VirtualUser, ...]:
        """Return the watched users and the arm's others; the user to be demoted reads as an admin."""
        path = self.users.target.read_path
        watched = (
            VirtualUser(number, _ADMIN_PATH if change == DEMOTED else path, change)
            for number, change in zip(self.accounts, WATCHED, strict=False)
        )
        return (*watched, *self.users.people[len(WATCHED) :])

    def changes(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Yield each change and the function that makes it; clients log in here, before the load begins."""
        yield REVOKED, partial(self.admin.change_account, self.account(REVOKED), revoke=True)
        yield DEMOTED, partial(self.admin.change_account, self.account(DEMOTED), role="user")
        other_client = logged_in(self.users.target, self.account(PASSWORD_CHANGED))
        yield PASSWORD_CHANGED, partial(other_client.change_password, _NEW_PASSWORD)


@contextmanager
def stage(setting: IncidentSetting) -> Iterator[Staged]:
    """Log the admins in, promote the accounts to be demoted, and measure the cost of a revocation at rest."""
    plan, at_ns = setting.plan, round(_AT * setting.plan.duration_ns)
    costs, parties, steps = {}, [], []
    numbers = range(setting.spare_account, setting.spare_account + len(plan.parties) * KIND.spare_accounts)
    for index, (users, instance) in enumerate(zip(plan.parties, setting.instances, strict=True)):
        accounts = numbers[index * KIND.spare_accounts : (index + 1) * KIND.spare_accounts]
        arm = _Arm(users, logged_in(users.target, ADMIN), accounts)
        costs[users.target.arm] = _cost(arm, instance, setting.meter)
        arm.admin.change_account(arm.account(DEMOTED), role="admin")
        parties.append(replace(users, people=arm.people()))
        steps += [
            IncidentStep(at_ns, change, do, arm=users.target.arm, watched=change)
            for change, do in arm.changes()
        ]
    yield Staged(replace(plan, parties=tuple(parties)), steps, costs)


def _cost(arm: _Arm, instance: Instance, meter: StoreMeter) -> RevocationCost:
    """Return the median cost of one revocation of an account with one credential, without other load."""
    account = CONTRACT.accounts.load_user(arm.accounts[-1])
    server_ns, store_ns, operations = [], [], []
    for _ in range(_REPEATS):
        logged_in(arm.users.target, account)
        store_before, server_before = meter.read(), cpu_ns(instance.pid)
        arm.admin.change_account(account, revoke=True)
        server_ns.append(cpu_ns(instance.pid) - server_before)
        store_cpu_ns, commands = meter.spent(store_before, meter.read())
        store_ns.append(store_cpu_ns)
        operations.append(commands)
    commands = int(median(operations))
    return RevocationCost(
        server_cpu_us=median(server_ns) / 1e3,
        # Without commands there is nothing to attribute: the rest is the store's own housekeeping.
        store_cpu_us=max(0.0, median(store_ns) / 1e3) if commands else 0.0,
        store_ops=commands,
    )


KIND: Final = IncidentKind(
    "revocation",
    frozenset({NOT_SENT, *(f"{status} {watched}" for status in (401, 403) for watched in WATCHED)}),
    stage,
    spare_accounts=len(WATCHED) + 1,
)
