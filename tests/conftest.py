"""What all tests share: a folder for temporary files that no other run on this machine knows."""

import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.sandbox import Sandbox, short_folder

#: What commands, and what they are made of, heed of an environment. Those values are the user's:
#: commands under test get none of them.
_HEEDED = re.compile(
    r"REDIS_URL|REDIS_URL_FILE|AUTH_.*|LOOKUP_URL|COOKIES_VS_TOKENS_.*|CVT_.*|GITHUB_.*|GITLAB_.*|CI|CI_.*|LOCUST_.*"
    r"|GIT_.*|BROWSER|COLUMNS|LINES|NO_COLOR|FORCE_COLOR|CLICOLOR.*|PY_COLORS|TTY_.*|TERMINAL_WIDTH|JUPYTER_.*"
    r"|MPLBACKEND|MATPLOTLIBRC|SOURCE_DATE_EPOCH|PYTHONOPTIMIZE|PYTHONWARNINGS|PYTHONUNBUFFERED|PYTHONPATH"
)
for _name in [name for name in os.environ if _HEEDED.fullmatch(name)]:
    del os.environ[_name]
# Pytest's own folders, too, are where a socket's path has room, and without what a line of words would split.
os.environ["TMPDIR"] = tempfile.tempdir = short_folder()
#: Whatever proxy is there, it is not between the parts of a test.
for _name in ("no_proxy", "NO_PROXY"):
    os.environ[_name] = ",".join(filter(None, [os.environ.get(_name), "127.0.0.1", "localhost"]))

for _number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
    # A shell's background job, or one under nohup, ignores some, and so would all that it starts. What is
    # handled here is as usual there.
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)

#: A machine that stalls for a moment is no finding about the property under test.
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")

#: For a slow test that states no limit of its own: it is there to end what hangs.
_SLOW_TIMEOUT_S = 600


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests have more time than others until they are taken to hang."""
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_SLOW_TIMEOUT_S))


@pytest.fixture(scope="session", autouse=True)
def own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Commands meet by a lock in TMPDIR: another checkout's tests must not make ours wait or fail."""
    tmp_path_factory.getbasetemp()  # pytest's own folder stays where users look for it
    folder = tempfile.mkdtemp(prefix="cvt-", dir=short_folder())
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)  # asked before, this process would go on with the old one
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
