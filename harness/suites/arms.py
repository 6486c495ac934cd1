"""Arms of a rig: the scheme, program and source tree of their instances. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.suites.external import ExternalServer, Transport
from harness.system.source_tree import OURS, Tree

#: Suffixes of the names of arms if a scheme is measured from two source trees: `cookie@base`, `cookie@head`.
BASE: Final = "base"
HEAD: Final = "head"
#: Number of possible lengths of the path to an instance's code. Each instance draws a length, like its hash
#: seed, from the same lengths for all trees: the same code costs up to 1 % more in one folder than in another
#: (docs/method.md). Mytkowicz et al. (2009) recommend such randomised set-ups.
PATH_LENGTHS: Final = 128


@dataclass(frozen=True)
class SchemeEntry:
    """Description of a scheme, as printed by `python -m servers --list --json`."""

    name: str
    title: str
    read_path: str
    transport: Transport
    store: str
    #: Algorithm of the key pair that all its instances need; empty for none.
    key_pair: str = ""
    #: Lifetime in seconds of a credential that is neither revoked nor renewed.
    lifetime_s: int = 0
    #: Requests that read the accounts, or a copy of them.
    database: str = "logins and writes"
    #: Requirements of docs/security.md that it does not meet.
    waives: Sequence[str] = ()
    #: Times at which revocations take effect: `logout`, `role_change`, `block`, `password_change`, and more.
    promises: Mapping[str, object] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Arm:
    """Scheme, program and source tree of the instances of one arm.

    Attributes:
        name: Name in the suite and in the result.
        scheme: Scheme that it serves.
        module: Python module that is run: the servers' package, or a wrapper of it.
        variants: Additional arguments of that module; instances use them in turn.
        tree: Source tree of that module.
        path_lengths: Number of path lengths to draw from; 0 to use the path of the folder unchanged.
        environment: Environment variables that are added to, or replace, those of all servers.
        own: Description of an external server in the suite; None for servers from a tree.
        asked: Routes of an external server that scenarios need besides the login and the read.
    """

    name: str
    scheme: SchemeEntry
    module: str = "servers"
    variants: tuple[tuple[str, ...], ...] = ((),)
    tree: Tree = OURS
    path_lengths: int = PATH_LENGTHS
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    own: ExternalServer | None = field(default=None, hash=False)
    asked: frozenset[str] = frozenset()


def arms_of_schemes(schemes: Iterable[SchemeEntry], tree: Tree = OURS) -> dict[str, Arm]:
    """Return one arm per scheme, named after it, all from one tree."""
    return {scheme.name: Arm(scheme.name, scheme, tree.servers, tree=tree) for scheme in schemes}


#: Arm without authentication: the cost that all arms share.
FLOOR: Final = "anonymous"
