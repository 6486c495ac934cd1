"""Error classes, each with its exit code; messages say what to do."""

import errno
from typing import ClassVar, Final

_OUTPUT_GONE: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EPIPE, errno.EIO}


class BenchError(Exception):
    """Base class of all errors that are raised on purpose; their text is shown to the user unchanged."""

    exit_code: ClassVar[int] = 1

    def __init_subclass__(cls, exit_code: int | None = None) -> None:
        if exit_code is not None:
            cls.exit_code = exit_code


class SuiteError(BenchError, exit_code=2):
    """Request, by the suite or the command line, for something that does not exist or is not valid."""


class EnvironmentFailedError(BenchError, exit_code=3):
    """Missing store, port in use, server that does not start or that died, full disk."""


class OutOfReachError(EnvironmentFailedError):
    """Lost connection to another machine: that machine, or the network, may be down."""


class OutputClosedError(EnvironmentFailedError):
    """Closed standard output (`bench.py … | head`); nothing is printed about it."""


class RegressionError(BenchError, exit_code=10):
    """Value beyond its limit."""


class InconclusiveError(BenchError, exit_code=11):
    """Required verdict that was not reached."""


class InvalidMeasurementError(BenchError, exit_code=12):
    """Measurement that failed a validity check."""


class NoBaselineError(BenchError, exit_code=13):
    """Missing baseline."""


class ConformanceError(BenchError, exit_code=14):
    """Server that does not meet the API contract."""


class InterruptedRunError(BenchError, exit_code=130):
    """Run that the user stopped (Ctrl-C, SIGTERM, or a closed terminal)."""


def is_output_gone(error: BaseException) -> bool:
    """Whether printing failed because of a full disk or a closed pipe or terminal.

    Errors of files have a file name, those of standard output have none. Rich and Typer turn the latter into
    SystemExit.
    """
    if isinstance(error, OSError):
        return error.filename is None and error.errno in _OUTPUT_GONE
    return isinstance(error, SystemExit)


def is_pipe_closed(error: BaseException) -> bool:
    """Whether printing failed because the reader of a pipe is gone.

    Rich and Typer then raise SystemExit with code 1.
    """
    if isinstance(error, SystemExit):
        return error.code == 1
    return isinstance(error, OSError) and error.filename is None and error.errno == errno.EPIPE


def exit_code_of(error: BaseException) -> int:
    """Return the exit code of a command that ends with this error."""
    if isinstance(error, KeyboardInterrupt):
        return InterruptedRunError.exit_code
    if isinstance(error, ModuleNotFoundError) or is_output_gone(error):
        return EnvironmentFailedError.exit_code
    return error.exit_code if isinstance(error, BenchError) else BenchError.exit_code
