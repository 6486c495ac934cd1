"""Code in processes that have Locust imported, and of their own, since importing it patches a whole process.

It is imported once, by a process that every other is forked from.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent.parent
#: Code that takes longer hangs.
_PATIENCE_S = 60

#: What code begins with. `serving` answers a connection with the given raw pieces, one a request; then it
#: hangs up.
_PRELUDE = """
import locust, gevent, gevent.server, json
from loadtests.client import Connection, Deadlines, RequestFailedError, request_bytes
def serving(*pieces, pause=0.0):
    def handle(sock, address):
        for piece in pieces:
            if not sock.recv(65536):
                return
            for part in piece if isinstance(piece, list) else [piece]:
                sock.sendall(part)
                gevent.sleep(pause)
        sock.close()
    server = gevent.server.StreamServer(("127.0.0.1", 0), handle)
    server.start()
    return Connection("127.0.0.1", server.server_port)
GET = request_bytes("GET", "/", ("127.0.0.1", 1), b"")
CHUNKED = b"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"
CHUNKED += b"1\\r\\nh\\r\\n1\\r\\ni\\r\\n0\\r\\n\\r\\n"
OK = b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nhi"
"""

#: Reads `[code, file for its output, file for its errors]`, a line each, and answers with an exit code.
_PARENT = """
import json, os, sys, traceback
fork, waitpid = os.fork, os.waitpid  # Locust's import replaces them
names = {"__name__": "__main__"}
exec(sys.argv[1], names)
for line in sys.stdin:
    code, *files = json.loads(line)
    child = fork()
    if not child:
        for number, file in enumerate(files, 1):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
        status = 1
        try:
            exec(code, names)
            status = 0
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(status)
    print(os.waitstatus_to_exitcode(waitpid(child, 0)[1]), flush=True)
"""


def in_locust(code: str) -> str:
    """Run code in a process of its own that has Locust imported; returns what it prints."""
    with TemporaryDirectory() as folder:
        out, errors = Path(folder, "out"), Path(folder, "errors")
        parent = _parent()
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdin.write(json.dumps([code, str(out), str(errors)]) + "\n")
        parent.stdin.flush()
        if not select.select([parent.stdout], [], [], _PATIENCE_S)[0]:
            _end(parent)
            _parent.cache_clear()
            raise AssertionError(f"it hangs: {code}")
        status = parent.stdout.readline().strip()
        assert status == "0", errors.read_text()
        return out.read_text().strip()


@functools.cache
def _parent() -> subprocess.Popen[str]:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT, _PRELUDE],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    atexit.register(_end, parent)
    return parent


def _end(parent: subprocess.Popen[str]) -> None:
    """End it with whatever it has forked."""
    if parent.poll() is None:
        os.killpg(parent.pid, signal.SIGKILL)
    parent.communicate()
