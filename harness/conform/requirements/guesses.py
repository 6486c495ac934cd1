"""What is asked of guesses: that not all of them are looked at."""

from __future__ import annotations

from typing import Final

from harness.conform.requirement import LOGIN, Requirement, Subject, UnmetError

#: After so many wrong passwords a guesser is held up, where anything holds them up.
_GUESSES: Final = 30


def _holds_guessers_up(subject: Subject) -> None:
    username = subject.unused()
    for number in range(_GUESSES):
        if subject.stranger().log_in(username, f"guess {number}").status == 429:
            return
    raise UnmetError(f"{_GUESSES} wrong passwords for one account were all looked at")


REQUIREMENTS: Final = (
    Requirement("who guesses passwords is held up (429)", "advised", (LOGIN,), _holds_guessers_up),
)
