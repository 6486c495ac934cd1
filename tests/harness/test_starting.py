"""Servers of the same code are made to differ in what nobody means by it: how long the path to it is."""

from __future__ import annotations

from pathlib import Path

import psutil

from harness import catalog
from harness.arms import plain
from harness.rig import Rig
from harness.starting import Serving
from harness.trees.tree import OURS

INSTANCES = 6


def test_instances_are_reached_by_paths_of_several_lengths() -> None:
    """All to one folder. That six of 64 lengths are the same happens once in a thousand million runs."""
    arms = plain([catalog.schemes()["anonymous"]]).values()
    with Rig(arms, Serving(users=1), instances=INSTANCES) as rig:
        lines = [psutil.Process(one.pid).cmdline() for one in rig.instances]
    paths = [next(word for word in line if Path(word).resolve() == OURS.root) for line in lines]
    assert len({len(path) for path in paths}) > 1
