"""Requirements for password guessing: it is throttled."""

from __future__ import annotations

from typing import Final

from harness.testbed.contract.requirement import Requirement, ServerUnderTest, UnmetError
from servers.contract import AUTHENTICATE

#: Wrong passwords after which any throttling has taken effect.
_GUESSES: Final = 30


def _guessing_is_throttled(subject: ServerUnderTest) -> None:
    # First an account that no server has, so that no account is locked that a load may need.
    for username in (subject.dialect.accounts.load_user(10**9), subject.unused_account()):
        for number in range(_GUESSES):
            if subject.new_client().log_in(username, f"guess {number}").status == 429:
                return
    raise UnmetError(f"{_GUESSES} wrong passwords for one account were not throttled")


#: Last, since a server may lock out every client at this address after guesses.
ORDER: Final = 6
REQUIREMENTS: Final = (
    Requirement("password guessing is throttled (429)", "advised", (AUTHENTICATE,), _guessing_is_throttled),
)
