"""Logs one virtual user in: `python -m loadtests.credential HOST PORT` prints its credential as JSON."""

from __future__ import annotations

import json
import sys

from loadtests.client import LoginFailedError, log_in
from servers import contract


def main(host: str, port: int) -> None:
    """Print the header lines that carry the credential, and the id of its account."""
    try:
        credential = log_in((host, port), contract.load_credentials(0))
    except LoginFailedError as error:
        sys.exit(str(error))
    print(json.dumps({"headers": credential.headers.decode("ascii"), "account_id": credential.account_id}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
