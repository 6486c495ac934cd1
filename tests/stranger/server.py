"""A server that nobody here has written, as far as the tests go: other paths, other fields, other accounts.

It needs nothing but Python. PORT is where it listens, SECRET what it signs with; FAULTS has what it does
wrong, with commas between; to the file COUNTS it writes at its end how often each path was asked for, and
what its SECRET was.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import signal
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAULTS = set(filter(None, os.environ.get("FAULTS", "").split(",")))
PASSWORD = "swordfish"
KEY = os.environ["SECRET"].encode() if "keeps-to-itself" not in FAULTS else secrets.token_bytes(32)
#: By name, the number that stands for an account.
NUMBERS = {f"user{n}@example.org": 1000 + n for n in range(100)} | {"alice@example.org": 7}
MAX_BODY = 4096
MAX_FAILURES = 10

counts: Counter[str] = Counter()
failures: Counter[str] = Counter()
lock = threading.Lock()


def sign(text: str) -> str:
    """The signature of the first two parts of a token."""
    return base64.urlsafe_b64encode(hmac.digest(KEY, text.encode(), hashlib.sha256)).decode().rstrip("=")


def encoded(value: dict[str, Any]) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def decoded(part: str) -> dict[str, Any]:
    """What a part of a token says."""
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = float(os.environ.get("IDLE_S", "60"))

    def do_GET(self) -> None:
        """Read something."""
        with lock:
            counts[self.path] += 1
        if self.path == "/up":
            self.answer(200, {"up": True})
        elif self.path == "/open":
            self.answer(200, {"name": "Alice", "number": 0}, ends=True)
        elif self.path == "/me":
            self.read()
        else:
            self.answer(404, {})

    def do_POST(self) -> None:
        """Log in, or change something."""
        with lock:
            counts[self.path] += 1
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        if length > MAX_BODY:
            self.answer(413, {}, ends=True)
        elif self.path == "/session":
            self.log_in(body)
        elif self.path == "/me/mail" and "forgets-mail" not in FAULTS:
            self.change_mail(body)
        else:
            self.answer(404, {})

    def log_in(self, body: bytes) -> None:
        """A token for a name and a password."""
        if self.headers.get("Content-Type") != "application/json":
            self.answer(415, {})
            return
        try:
            login = json.loads(body)["login"]
            name, password = login["name"], login["secret"]
        except (ValueError, TypeError, KeyError):
            self.answer(400, {})
            return
        with lock:
            failed = failures[name]
        if failed >= MAX_FAILURES:
            self.answer(429, {})
        elif "tells-names" in FAULTS and name not in NUMBERS:
            self.answer(401, {"error": "no such account"})
        elif name in NUMBERS and (password == PASSWORD or "any-password" in FAULTS):
            text = f"{encoded({'alg': 'HS256', 'typ': 'JWT'})}.{encoded({'sub': NUMBERS[name]})}"
            token = {"jwt": f"{text}.{sign(text)}"}
            self.answer(200, {"access": token, "user": {"number": NUMBERS[name]}}, kept=False)
        else:
            with lock:
                failures[name] += 1
            self.answer(401, {"error": "wrong"})

    def number(self) -> int | None:
        """Whose token came; None where none did that is any good."""
        word, _, token = self.headers.get("Authorization", "").partition(" ")
        if word != "Token":
            return None
        try:
            head, claims, signature = token.split(".")
            unsigned = "no-algorithm" in FAULTS and decoded(head)["alg"] == "none"
            if unsigned or "forged" in FAULTS or hmac.compare_digest(signature, sign(f"{head}.{claims}")):
                return int(decoded(claims)["sub"])
        except (ValueError, KeyError):
            pass
        return None

    def read(self) -> None:
        """Who one is."""
        number = self.number()
        if number is None and "strangers" in FAULTS:
            number = 0
        if number is None:
            self.answer(401, {})
        else:
            self.answer(200, {"name": "Alice", "number": 7 if "another" in FAULTS else number}, chunked=True)

    def change_mail(self, body: bytes) -> None:
        """Another address."""
        number = self.number()
        if number is None:
            self.answer(401, {})
        else:
            self.answer(200, {"user": {"number": number, "mail": json.loads(body)["mail"]}})

    def answer(
        self, status: int, value: object, *, kept: bool = True, ends: bool = False, chunked: bool = False
    ) -> None:
        """Send JSON, whole or in chunks; `ends` closes the connection behind it."""
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status == 401:
            self.send_header("WWW-Authenticate", 'Token realm="api"')
        if not kept:
            self.send_header("Cache-Control", "no-store")
        if ends:
            self.send_header("Connection", "close")
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
            pieces = [body[:5], body[5:], b""]
            body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """On loopback."""

    daemon_threads = True
    request_queue_size = 128


def end(*_: object) -> None:
    """Write what was counted, and end."""
    if file := os.environ.get("COUNTS"):
        with open(file, "w", encoding="utf-8") as out:  # noqa: PTH123 - as anybody would write it
            json.dump({"counts": counts, "secret": os.environ["SECRET"]}, out)
    os._exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, end)
    if "dies" in FAULTS:
        sys.exit(f"no licence for {os.environ.get('SECRET', 'nobody')}")
    Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
