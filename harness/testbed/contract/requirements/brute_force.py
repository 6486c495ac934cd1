"""What is asked of guesses: that not all of them are looked at."""

from __future__ import annotations

from typing import Final

from harness.testbed.contract.requirement import LOGIN, Requirement, ServerUnderTest, UnmetError

#: After so many wrong passwords a guesser is held up, where anything holds them up.
_GUESSES: Final = 30
#: No server has so many.
_NOBODY: Final = 10**9


def _holds_guessers_up(subject: ServerUnderTest) -> None:
    # First a name that nobody has: that keeps no account out which a load may need.
    for username in (subject.dialect.accounts.load_user(_NOBODY), subject.unused()):
        for number in range(_GUESSES):
            if subject.stranger().log_in(username, f"guess {number}").status == 429:
                return
    raise UnmetError(f"{_GUESSES} wrong passwords for one account were all looked at")


#: Last: a server may answer guesses by locking out every client at this address.
ORDER: Final = 6
REQUIREMENTS: Final = (
    Requirement("who guesses passwords is held up (429)", "advised", (LOGIN,), _holds_guessers_up),
)
