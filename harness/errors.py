"""What can go wrong, each with the exit code that names it and a sentence that says what to do."""

from typing import ClassVar


class BenchError(Exception):
    """Root of every error this instrument raises on purpose; its text is shown to the user as it is."""

    exit_code: ClassVar[int] = 1


class SuiteError(BenchError):
    """The suite or the command line asks for something that does not exist."""

    exit_code = 2


class EnvironmentFailedError(BenchError):
    """No store, a taken port, a server that would not start or died, a full disk."""

    exit_code = 3


class InvalidMeasurementError(BenchError):
    """What was measured must not be believed."""

    exit_code = 12


class ConformanceError(BenchError):
    """A server does not answer as the contract says."""

    exit_code = 14


class InterruptedRunError(BenchError):
    """The user stopped the run (Ctrl-C, SIGTERM, or a terminal that was closed)."""

    exit_code = 130


def exit_code_of(error: BaseException) -> int:
    """The code with which a command ends that ends by this."""
    if isinstance(error, KeyboardInterrupt):
        return InterruptedRunError.exit_code
    # SystemExit is what Rich makes of a standard output that nobody reads any more.
    if isinstance(error, OSError | SystemExit | ModuleNotFoundError):
        return EnvironmentFailedError.exit_code
    return error.exit_code if isinstance(error, BenchError) else BenchError.exit_code
