"""Key rotation: servers with a new signing key take over, as in a rolling deploy, with the old key or not."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from harness.measure.incidents.kind import IncidentKind, IncidentSetting, IncidentStep, Staged
from harness.protocol.incidents import NOT_SENT, TIMEOUT
from harness.suites.arms import Arm
from harness.system import processes

#: Moment of the change, as a share of the duration.
_SWITCH: Final = 1 / 3


@contextmanager
def stage(setting: IncidentSetting) -> Iterator[Staged]:
    """Start the successors before the load begins: the cost of their start is not part of the incident."""
    rig, plan = setting.rig, setting.plan
    overlap = bool(setting.scenario.overlap)
    taking_part = {instance.target.arm for instance in setting.instances}
    renewed = {
        arm.name: _renewed(arm, rig.launcher.secrets_of(arm), overlap=overlap)
        for arm in rig.arms
        if arm.name in taking_part
    }
    switch_ns = round(_SWITCH * plan.duration_ns)
    with rig.beside(renewed) as successors:
        parties = tuple(
            replace(users, successor=successors[users.target.arm].target) for users in plan.parties
        )
        what = "new key, old key kept" if overlap else "new key, old key removed"
        # The load itself switches over at that moment, visit by visit.
        yield Staged(
            replace(plan, parties=parties, switch_ns=switch_ns),
            (IncidentStep(switch_ns, what, None, restores=True),),
        )


def _renewed(arm: Arm, old: Mapping[str, str], *, overlap: bool) -> dict[str, str]:
    """Return an arm's secrets with a new signing secret; with an overlap the old one still verifies."""
    new = dict(old) | {"AUTH_SECRET": secrets.token_urlsafe(48)}
    if arm.scheme.key_pair:
        new["AUTH_PRIVATE_KEY"] = processes.run_module(
            f"{arm.tree.servers}.signing_keys", [arm.scheme.key_pair], arm.tree
        )
    if overlap:
        new["AUTH_SECRET_PREVIOUS"] = old["AUTH_SECRET"]
        if arm.scheme.key_pair:
            new["AUTH_PUBLIC_KEYS"] = _public(old["AUTH_PRIVATE_KEY"])
    return new


def _public(private_pem: str) -> str:
    """Return the public half of a key pair, as PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    public = load_pem_private_key(private_pem.encode(), None).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


KIND: Final = IncidentKind(
    "key rotation",
    frozenset({"401", "login 503", TIMEOUT, f"login {TIMEOUT}", NOT_SENT}),
    stage,
    takes_overlap=True,
)
