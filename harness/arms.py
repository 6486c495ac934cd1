"""What an arm of a rig runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Scheme:
    """What `python -m servers --list --json` says of a scheme."""

    name: str
    title: str
    read_path: str
    transport: str
    store: str


@dataclass(frozen=True)
class Arm:
    """What the instances of one arm run.

    Attributes:
        name: As the suite and the result have it.
        scheme: Which scheme it serves.
        module: The program: `servers`, or one that wraps it.
        variants: What that program is told besides, instance by instance, in turn.
    """

    name: str
    scheme: Scheme
    module: str = "servers"
    variants: tuple[tuple[str, ...], ...] = ((),)


def plain(schemes: Iterable[Scheme]) -> dict[str, Arm]:
    """An arm for each of these, named as it is."""
    return {scheme.name: Arm(scheme.name, scheme) for scheme in schemes}
