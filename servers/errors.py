"""Errors that keep a server from starting: a message of one sentence with a remedy, and an exit code."""

from typing import ClassVar


class CannotStartError(Exception):
    """Missing or conflicting resource on this machine (no store, port in use, no accounts file)."""

    exit_code: ClassVar[int] = 3


class UsageError(CannotStartError):
    """Invalid command line or settings (unknown scheme, weak secret)."""

    exit_code: ClassVar[int] = 2
