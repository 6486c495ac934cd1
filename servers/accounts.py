"""Command that creates accounts files: `python -m servers.accounts --file FILE`."""

import argparse
import getpass
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from servers import contract
from servers.bench.costs import COSTS
from servers.credentials.passwords import weakness
from servers.errors import CannotStartError, UsageError
from servers.stores.accounts import ROLES, NewAccount, add, create

#: Random bytes of the id of an account that is added.
_ID_BYTES: Final = 8


def seed(path: Path, load_users: int = 0, cost: str = "owasp", profile_bytes: int = 0) -> None:
    """Create an accounts file with the example accounts and virtual users, all with a public password.

    Args:
        path: File to create; it must not exist.
        load_users: Number of accounts of `contract.load_credentials`.
        cost: Name of a profile in `servers.bench.costs.COSTS`.
        profile_bytes: Minimum length of their profiles; shorter ones are padded.

    Raises:
        CannotStartError: The file exists already, or cannot be created.
    """
    create(path, _public_accounts(load_users, profile_bytes), COSTS[cost])


def _public_accounts(load_users: int, profile_bytes: int) -> Iterator[NewAccount]:
    yield NewAccount("123", *contract.EXAMPLE, "John", "Doe", "john@doe.com", "user")
    yield NewAccount("124", *contract.EXAMPLE_ADMIN, "Jane", "Roe", "jane@roe.com", "admin")
    for index in range(load_users):
        username, password = contract.load_credentials(index)
        email = f"{username}@example.com"
        last_name = "Load".ljust(profile_bytes - len(username) - len("Robin") - len(email), "d")
        yield NewAccount(username, username, password, "Robin", last_name, email, "user")


def main() -> None:
    """Create an accounts file, or add an account to one."""
    parser = argparse.ArgumentParser(
        prog="python -m servers.accounts",
        description=main.__doc__,
        epilog="Your own account: --add USERNAME. For a trial: --example. For a benchmark: --load-users N.",
    )
    parser.add_argument("--file", type=Path, required=True, help="accounts file")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--add",
        metavar="USERNAME",
        help="add an account; its password is read from the terminal, or from a line of standard input",
    )
    what.add_argument(
        "--example",
        action="store_true",
        help="create the file with john.doe and the admin jane.roe, with a public password",
    )
    what.add_argument(
        "--load-users",
        type=int,
        metavar="N",
        help="create the file with the example accounts and N virtual users, with a public password",
    )
    parser.add_argument("--role", choices=ROLES, default="user", help="role of the added account")
    parser.add_argument("--first-name", default="", help="first name of the added account")
    parser.add_argument("--last-name", default="", help="last name of the added account")
    parser.add_argument("--email", default="", help="email address of the added account")
    parser.add_argument(
        "--profile-bytes", type=int, default=0, metavar="N", help="pad virtual users' profiles to this length"
    )
    parser.add_argument("--password-cost", choices=COSTS, default="owasp", help="argon2 cost profile")
    options = parser.parse_args()
    if (options.load_users or 0) < 0:
        parser.error("--load-users: must be 0 or more")
    try:
        if options.add:
            add(options.file, _own_account(options), COSTS[options.password_cost])
        else:
            seed(options.file, options.load_users or 0, options.password_cost, options.profile_bytes)
    except CannotStartError as error:
        parser.exit(error.exit_code, f"{error}\n")


def _own_account(options: argparse.Namespace) -> NewAccount:
    """Return the account that the options describe.

    Raises:
        UsageError: The password is too short, or one of the most common ones.
    """
    if sys.stdin.isatty():
        password = getpass.getpass(f"Password of {options.add}: ")
    else:
        password = sys.stdin.readline().rstrip("\n")
    if code := weakness(password):
        raise UsageError(
            f"The password is refused ({code}): use 8 characters or more, not a common password."
        )
    name = options.add
    return NewAccount(
        secrets.token_hex(_ID_BYTES),
        name,
        password,
        options.first_name or name,
        options.last_name or name,
        options.email or f"{name}@localhost",
        options.role,
    )


if __name__ == "__main__":
    main()
