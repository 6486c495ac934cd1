"""The files that docs/security.md tells readers to copy: these, and no other, are a server."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from servers import contract
from tests.servers.client import Client
from tests.servers.process import ROOT, SECRET

PAGE = (ROOT / "docs" / "security.md").read_text().partition("## Copy this")[2].partition("\n## ")[0]
PROGRAM = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]


def files_of(kind: str) -> list[str]:
    """Return the files that the page has for a kind of server."""
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in PAGE.splitlines()
        if line.startswith("| `")
    ]
    column = {"cookie": 1, "token": 2}[kind]
    return [name for row in rows if row[column] == "yes" for name in re.findall(r"`([^`]+)`", row[0])]


@pytest.mark.parametrize("kind", ["cookie", "token"])
def test_what_is_to_be_copied_serves(kind: str, tmp_path: Path, store_url: str, accounts_file: Path) -> None:
    """Copied to an empty folder they log a user in, let the user read, and log the user out."""
    for name in files_of(kind):
        target = tmp_path / "servers" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "servers" / name, target)
    shutil.copy(accounts_file, tmp_path / "accounts.sqlite")
    program = (
        PROGRAM.replace('"cookie"', f'"{kind}"')
        .replace("8001", "0")
        .replace("behind_tls=True", "behind_tls=False")
    )
    assert program.count(f'"{kind}"') == 1
    (tmp_path / "main.py").write_text(program)
    environment = {"AUTH_SECRET": SECRET.decode(), "REDIS_URL": store_url, "PATH": os.environ["PATH"]}
    process = subprocess.Popen(
        [sys.executable, "-u", "main.py"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        port = re.search(rb"[0-9]+", process.stdout.readline())
        assert port is not None
        client = Client(int(port[0]))
        assert client.log_in(contract.EXAMPLE).status == 200
        assert client.get(contract.RESTRICTED).json == {"name": "John", "id": "123"}
        assert client.post(contract.LOGOUT).status == 204
    finally:
        process.terminate()
        _, logged = process.communicate(timeout=15)
    assert process.returncode == 0
    assert [json.loads(line)["status"] for line in logged.splitlines()] == [200, 204]


@pytest.mark.parametrize("kind", ["cookie", "token"])
def test_nothing_else_is_to_be_copied(kind: str) -> None:
    """The list has what the server imports, and nothing more."""
    code = f"""
import sys
from servers import schemes
from servers.process import serving
schemes.load({kind!r})
print("\\n".join(sorted(module for module in sys.modules if module.partition(".")[0] == "servers")))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    imported = {name.replace(".", "/") for name in done.stdout.split()}
    files = {
        path.relative_to(ROOT / "servers").as_posix()
        for name in imported
        for path in (ROOT / f"{name}.py", ROOT / name / "__init__.py")
        if path.is_file()
    }
    needed = {name for name in files if (ROOT / "servers" / name).stat().st_size}
    assert {name for name in files_of(kind) if name.endswith(".py")} == needed


def test_the_page_says_how_long_it_is() -> None:
    """The numbers of lines that the page has are those of the files."""
    for kind, said in re.findall(r"a (session|token) server:? ([\d,]+) lines", PAGE):
        files = files_of({"session": "cookie", "token": "token"}[kind])
        lines = sum(
            len((ROOT / "servers" / name).read_text().splitlines()) for name in files if name.endswith(".py")
        )
        assert abs(int(said.replace(",", "")) - lines) < 100
