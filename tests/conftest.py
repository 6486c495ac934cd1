"""What all tests share: a folder for temporary files that no other run on this machine knows."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox import Sandbox


@pytest.fixture(scope="session", autouse=True)
def own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Commands meet by a lock in TMPDIR: another checkout's tests must not make ours wait or fail."""
    tmp_path_factory.getbasetemp()  # pytest's own folder stays where users look for it
    folder = tempfile.mkdtemp(prefix="cvt-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "TMPDIR", folder)
        yield
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A place to run commands in; after the test nothing of them may be left."""
    place = Sandbox(tmp_path)
    try:
        yield place
        place.nothing_left()
    finally:
        place.close()
