"""The built wheel, installed elsewhere and run outside the repository."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest

from harness import __version__

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel and, borrowed from ours, its locked dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    home = folder / "venv"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", str(python)),
            "install",
            "-q",
            "--no-deps",
            "--no-index",
            wheel,
        ],
        check=True,
        capture_output=True,
    )
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home


@pytest.mark.slow
def test_the_installed_command_measures(installed: Path, tmp_path: Path) -> None:
    """`cookies-vs-tokens run smoke` works from any folder, and measures the servers of the wheel."""
    command = installed / "bin" / "cookies-vs-tokens"
    done = subprocess.run(
        [command, "run", "smoke", "--out", "run"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode in (0, 12), done.stdout + done.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["environment"]["git"]["revision"] is None
    assert {row["arm"] for row in result["measurements"]} == {"anonymous", "token", "cookie"}


def test_the_installed_command_lists_its_suites(installed: Path, tmp_path: Path) -> None:
    """Suites are in the wheel."""
    command = installed / "bin" / "cookies-vs-tokens"
    done = subprocess.run(
        [command, "list", "--json"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert set(json.loads(done.stdout)["suites"]) >= {"quick", "smoke"}


def test_the_installed_command_has_its_pages(installed: Path, tmp_path: Path) -> None:
    """Templates, style and script are in the wheel, too, though they are no modules."""
    program = (
        "from pathlib import Path; from harness.report.viewer import pages; print(pages.missing())\n"
        "own = Path(pages.__file__).parent / 'static'; print(sorted(path.name for path in own.iterdir()))"
    )
    words = [str(installed / "bin" / "python"), "-c", program]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Page not found" in done.stdout
    assert "['icon.svg', 'view.css', 'view.js']" in done.stdout


def test_versions_agree() -> None:
    """The version stands in pyproject.toml and in the package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == __version__


def test_the_lock_names_versions_and_hashes_and_no_addresses() -> None:
    """Every requirement is pinned and hashed; direct ones equal pyproject.toml."""
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert all("==" in pin for pin in pins)
        assert text.count("--hash=sha256:") >= len(pins)
    locked = (ROOT / "requirements.lock").read_text()
    for requirement in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]:
        pin = re.sub(r"\[.*\]", "", requirement.split(";")[0].strip())
        assert re.search(rf"^{re.escape(pin)}[ ;]", locked, re.MULTILINE), pin
