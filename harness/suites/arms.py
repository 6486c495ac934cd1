"""What an arm of a rig runs. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.suites.external import ExternalServer
from harness.system.source_tree import OURS, Tree

#: How the names of arms end where a scheme is measured from two trees: `cookie@base`, `cookie@head`.
BASE: Final = "base"
HEAD: Final = "head"
#: How many lengths there are of the path to an instance's code. One is drawn for each, like its hash seed,
#: from the same lengths whatever its tree: the same code is up to 1 % dearer in one folder than in another
#: (docs/method.md). Mytkowicz et al. (2009) vary set-ups so.
PATH_LENGTHS: Final = 128


@dataclass(frozen=True)
class SchemeEntry:
    """What `python -m servers --list --json` says of a scheme."""

    name: str
    title: str
    read_path: str
    transport: str
    store: str
    #: Algorithm of the key pair that all its instances need.
    key_pair: str = ""
    #: Seconds that a credential lives which nothing ends or renews.
    lifetime_s: int = 0
    #: Which requests read the accounts, or what stands for them.
    database: str = "logins and writes"
    #: What it leaves out of what docs/security.md asks for.
    waives: Sequence[str] = ()
    #: When what is ended ends: `logout`, `role_change`, `block`, `password_change`, and more.
    promises: Mapping[str, object] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Arm:
    """What the instances of one arm run.

    Attributes:
        name: As the suite and the result have it.
        scheme: Which scheme it serves.
        module: The program: the servers' package, or one that wraps it.
        variants: What that program is told besides, instance by instance, in turn.
        tree: Where that code lies.
        path_lengths: From how many the length of the path to it is drawn; 0 for the folder's own path.
        environment: What its environment holds besides what every server's does, or instead of it.
        own: What a suite says of a server of somebody else's; None for one that comes from a tree.
        asked: Of such a server: the routes that scenarios ask for besides the login and the read.
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
    """An arm for each of these, named as it is, all from one tree."""
    return {scheme.name: Arm(scheme.name, scheme, tree.servers, tree=tree) for scheme in schemes}


#: The arm that authenticates nobody: the cost that every arm has.
FLOOR: Final = "anonymous"
