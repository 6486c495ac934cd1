"""Cost profiles of password hashing that the benchmark selects by name; an application has one, `OWASP`."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Final

from servers.credentials.password_cost import OWASP, Cost
from servers.credentials.passwords import hasher
from servers.errors import UsageError

#: `bench` is insecure: it logs in thousands of virtual users within seconds, and must be selected explicitly.
COSTS: Final = {"owasp": OWASP, "bench": Cost(passes=1, memory_kib=8, lanes=1)}


def check_hashes(path: Path, name: str) -> None:
    """Check that the passwords in an accounts file were hashed with the profile `name`.

    Otherwise a login would replace a strong hash by a weak one, and a measurement would report a cost that
    was not paid. With `owasp` there is no such danger: a weaker hash is replaced at the next login. A file
    that cannot be read is reported later, when it is opened.

    Raises:
        UsageError: They were hashed with another profile.
    """
    if COSTS[name] == OWASP or not path.is_file():
        return
    with contextlib.suppress(sqlite3.DatabaseError), contextlib.closing(sqlite3.connect(path)) as db:
        row = db.execute("SELECT password_hash FROM accounts").fetchone()
        if row is not None and hasher(COSTS[name]).check_needs_rehash(row[0]):
            raise UsageError(
                f"The passwords in {path} were not hashed with {name!r}: set the matching --password-cost."
            )
