"""Servers of the same code are made to differ in what nobody means by it: how long the path to it is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil

from harness.suites import catalog
from harness.suites.arms import PATH_LENGTHS, Arm
from harness.system.processes import LEAST_DETOUR_BYTES
from harness.system.source_tree import OURS, Tree
from harness.testbed.launcher import ServerOptions
from harness.testbed.rig import Rig

INSTANCES = 6


def _lengths(rig: Rig, arm: str, root: Path) -> Iterator[int]:
    """Of the paths to this tree that its servers were started by."""
    for one in rig.instances:
        if one.target.arm == arm:
            words = psutil.Process(one.pid).cmdline()
            yield next(len(word) for word in words if word.startswith(str(root)) and Path(word) == root)


def test_instances_are_reached_by_paths_of_several_lengths(tmp_path: Path) -> None:
    """As long in one tree as in another. Six of 128 lengths are the same once in 10^10 runs."""
    far = Tree(tmp_path.resolve() / ("far" * 20))
    shutil.copytree(OURS.package, far.package)
    scheme = catalog.schemes()["anonymous"]
    arms = [Arm("near", scheme), Arm("far", scheme, tree=far), Arm("still", scheme, path_lengths=0)]
    with Rig(arms, ServerOptions(users=1), instances=INSTANCES) as rig:
        lengths = {arm.name: list(_lengths(rig, arm.name, arm.tree.root)) for arm in arms}
    shortest = max(len(str(arm.tree.root)) for arm in arms) + LEAST_DETOUR_BYTES
    assert lengths.pop("still") == [len(str(OURS.root))] * INSTANCES
    for drawn in lengths.values():
        assert len(drawn) == INSTANCES
        assert len(set(drawn)) > 1
        assert all(shortest <= one < shortest + PATH_LENGTHS for one in drawn)
