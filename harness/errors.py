"""What can go wrong, each with the exit code that names it and a sentence that says what to do."""

import errno
from typing import ClassVar, Final

_OUTPUT_GONE: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EPIPE, errno.EIO}


class BenchError(Exception):
    """Root of every error this instrument raises on purpose; its text is shown to the user as it is."""

    exit_code: ClassVar[int] = 1


class SuiteError(BenchError):
    """The suite or the command line asks for something that does not exist."""

    exit_code = 2


class EnvironmentFailedError(BenchError):
    """No store, a taken port, a server that would not start or died, a full disk."""

    exit_code = 3


class OutOfReachError(EnvironmentFailedError):
    """What runs on another machine answers no more: that machine, or the network, may be down."""


class OutputClosedError(EnvironmentFailedError):
    """The reader of standard output is gone (`bench.py … | head`); nothing is printed about it."""


class RegressionError(BenchError):
    """What was asked to stay within its limit has left it."""

    exit_code = 10


class InconclusiveError(BenchError):
    """A verdict that was asked for was not reached."""

    exit_code = 11


class InvalidMeasurementError(BenchError):
    """What was measured must not be believed."""

    exit_code = 12


class NoBaselineError(BenchError):
    """There is nothing to compare with."""

    exit_code = 13


class ConformanceError(BenchError):
    """A server does not answer as the contract says."""

    exit_code = 14


class InterruptedRunError(BenchError):
    """The user stopped the run (Ctrl-C, SIGTERM, or a terminal that was closed)."""

    exit_code = 130


def is_output_gone(error: BaseException) -> bool:
    """Whether this is what printing ends with once nobody takes it: a full disk, a closed pipe or terminal.

    Files have names in their errors, standard output has none; SystemExit is what Rich and Typer make of it.
    """
    if isinstance(error, OSError):
        return error.filename is None and error.errno in _OUTPUT_GONE
    return isinstance(error, SystemExit)


def is_pipe_closed(error: BaseException) -> bool:
    """Whether this is what printing ends with once the reader of a pipe is gone.

    SystemExit with code 1 is what Rich and Typer raise in its place.
    """
    if isinstance(error, SystemExit):
        return error.code == 1
    return isinstance(error, OSError) and error.filename is None and error.errno == errno.EPIPE


def exit_code_of(error: BaseException) -> int:
    """The code with which a command ends that ends by this."""
    if isinstance(error, KeyboardInterrupt):
        return InterruptedRunError.exit_code
    if isinstance(error, ModuleNotFoundError) or is_output_gone(error):
        return EnvironmentFailedError.exit_code
    return error.exit_code if isinstance(error, BenchError) else BenchError.exit_code
