"""Command line: its commands, in the order of typical use, and their exit codes."""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import os
import select
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final, NoReturn

from harness.system import interpreter

try:
    import typer
    from typer.core import TyperCommand, TyperGroup
except ModuleNotFoundError as error:
    interpreter.end(interpreter.missing(error))

from harness import __version__
from harness.errors import (
    BenchError,
    EnvironmentFailedError,
    InterruptedRunError,
    OutputClosedError,
    is_output_gone,
    is_pipe_closed,
)
from harness.system import signals

if TYPE_CHECKING:
    from typer._click.core import Context, Parameter

#: Main commands by purpose; each is a file of this folder, with a function `command`.
PANELS: Final = {
    "Measure": ("run", "check", "serve"),
    "Results": ("report", "compare", "history", "view", "list", "clean"),
    "Machine": ("doctor",),
}
#: Groups of further commands; each is a subfolder of this folder, with a file per command.
GROUPS: Final = {
    "study": (
        "Experiments: claims of the article, browser latency, advice.",
        ("claims", "browser", "advise"),
    ),
    "verify": ("Check a server, the load generator or the method.", ("server", "engine", "trials")),
    "remote": ("Take part in a run on another machine.", ("worker", "agent")),
}
_HELP_OPTIONS: Final = {"help_option_names": ["-h", "--help"]}


def _without_types_of_flags(params: list[Parameter]) -> list[Parameter]:
    """Prevent help from printing `<bool>` beside an option that takes no value."""
    for param in params:
        if getattr(param, "is_flag", False):
            setattr(param, "metavar", "")  # noqa: B010 - arguments, which are not flags, have another type
    return params


class _Command(TyperCommand):
    def get_params(self, ctx: Context) -> list[Parameter]:
        return _without_types_of_flags(super().get_params(ctx))


class _Group(TyperGroup):
    def get_params(self, ctx: Context) -> list[Parameter]:
        return _without_types_of_flags(super().get_params(ctx))


def _paragraphs(text: str | None) -> str:
    """Return a docstring with each of its paragraphs on one line, so that help wraps them at any width."""
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)


def _ending_quietly(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with OutputClosedError raised when the reader of its output is gone (`… | head`)."""

    @functools.wraps(command)
    def run(**options: Any) -> None:
        try:
            command(**options)
        except (OSError, SystemExit) as error:
            # Rich raises SystemExit for standard output only; Typer would treat any broken pipe the same way.
            if is_pipe_closed(error):
                is_output = isinstance(error, SystemExit) or _reader_is_gone()
                raise OutputClosedError if is_output else EnvironmentFailedError(f"{error}.") from error
            raise

    return run


def _add(group: typer.Typer, module: str, name: str, panel: str | None = None) -> None:
    command = importlib.import_module(module).command
    add = group.command(name, cls=_Command, help=_paragraphs(command.__doc__), rich_help_panel=panel)
    add(_ending_quietly(command))


def _group(text: str | None = None) -> typer.Typer:
    return typer.Typer(
        cls=_Group,
        help=text,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings=_HELP_OPTIONS,
    )


def _build() -> typer.Typer:
    app = _group("Benchmark cookie sessions against JWTs and report ratios with confidence intervals.")
    for panel, names in PANELS.items():
        for name in names:
            _add(app, f"harness.cli.{name}", name, panel)
    for name, (text, names) in GROUPS.items():
        group = _group(text)
        for command in names:
            _add(group, f"harness.cli.{name}.{command}", command)
        app.add_typer(group, name=name, rich_help_panel="More")
    return app


app = _build()


def _version(wanted: bool) -> None:
    if wanted:
        print(f"cookies-vs-tokens {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> NoReturn:
    """Run the command line; a known error ends it with its exit code, which is printed last."""
    signals.install_handlers()
    code = _guarded(app)
    signals.ignore()
    sys.exit(code)


def _guarded(command: Callable[..., Any]) -> int:
    try:
        code = int(command(standalone_mode=False) or 0)
        if code == InterruptedRunError.exit_code:  # Typer's exit code after Ctrl-C
            raise KeyboardInterrupt
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _fail(InterruptedRunError("interrupted; finished scenarios are kept."))
    except OutputClosedError as error:
        _discard_output()
        return error.exit_code
    except BenchError as error:
        return _fail(error)
    except ModuleNotFoundError as error:
        return _fail(EnvironmentFailedError(interpreter.missing(error)))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - Typer's usage errors, and crashes
        return _unexpected(error)


def _unexpected(error: Exception | SystemExit) -> int:
    if is_pipe_closed(error):  # help, or the last lines of a command that has finished its work
        _discard_output()
        return 0
    if is_output_gone(error):
        _discard_output()
        return _fail(EnvironmentFailedError(f"standard output cannot be written: {error}"))
    if hasattr(error, "show") and hasattr(error, "exit_code"):
        error.show()
        return _end(int(error.exit_code))
    traceback.print_exc()
    return _end(BenchError.exit_code)


def _reader_is_gone() -> bool:
    """Whether standard output is a pipe without a reader; otherwise another pipe broke, which is an error."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _discard_output() -> None:
    """Redirect standard output to /dev/null, so that buffered output does not fail again at exit."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.close(devnull)


def _fail(error: BenchError) -> int:
    signals.ignore()
    if message := str(error):
        with contextlib.suppress(OSError):  # standard error is closed, too
            print(f"error: {message}", file=sys.stderr)
    return _end(error.exit_code)


def _end(code: int) -> int:
    with contextlib.suppress(OSError):
        print(f"exit code {code}", file=sys.stderr)
    return code
