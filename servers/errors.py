"""Why a server could not start, in one sentence that says what to do, and the exit code that goes with it."""

from typing import ClassVar


class CannotStartError(Exception):
    """Something on this machine is missing or in the way (no store, port taken, no accounts file)."""

    exit_code: ClassVar[int] = 3


class UsageError(CannotStartError):
    """The command or its settings ask for something that cannot be (unknown scheme, weak secret)."""

    exit_code: ClassVar[int] = 2
