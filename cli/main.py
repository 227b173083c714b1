"""Run ``sparseattack``: end every failure with one line and an exit code."""

import os
import sys
import warnings
from collections.abc import Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType
    from typing import TextIO

DEBUG = "--debug"
NOT_WHOLE = "Input should be a valid integer, unable to parse string as an integer"  # typer's words
python_format = warnings.formatwarning


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; one line and exit code 2 for bad input, 1 for a failed run, 130 for Ctrl-C.

    Little is imported before, so that Ctrl-C ends the imports, too, in one line.
    """
    try:
        if arguments is None:  # a process of its own
            _end_at_interrupted_imports()
        code = _run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        code = _interrupted(sys.stderr)
    sys.exit(code)


def _run(arguments: Sequence[str]) -> int | None:
    """The exit code of a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # what its encoding cannot hold is written as \xe9
            stream.reconfigure(errors="backslashreplace")
    from .commands import app

    sys.path.append("")  # module:function may be a file in this folder
    warnings.formatwarning = format_warning
    try:
        moved = sorted(
            map(_with_home, arguments), key=lambda argument: argument != DEBUG
        )  # it may stand anywhere
        code: int | None = app(args=moved, prog_name="sparseattack", standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as ended:
        code = _closed_output(ended)
    except Exception as error:
        code = _report_error(error)
    return code


def _interrupted(out: "TextIO | None") -> int:
    """Say so; the exit code."""
    print("sparseattack: interrupted", file=out, flush=True)
    return 130  # terminal.INTERRUPTED, whose import takes too long here


def _end_at_interrupted_imports() -> None:
    """Let Ctrl-C end the process at once during an import: torch's aborts at a KeyboardInterrupt."""
    import signal

    def interrupt(number: int, frame: "FrameType | None") -> None:
        while frame:
            if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
                os._exit(_interrupted(sys.__stderr__))  # the other one may hold back what a library says
            frame = frame.f_back
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else somebody chose to ignore it
        signal.signal(signal.SIGINT, interrupt)


def _with_home(argument: str) -> str:
    """An argument or ``--option=value`` with the home folder in place of a ~ at its beginning."""
    option, equals, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
    return option + equals + os.path.expanduser(value)


def format_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """A warning of this package in one line, like an error; another package's as Python formats it."""
    from sparseattack.errors import SparseattackWarning
    from sparseattack.report.console import visible_lines

    if issubclass(category, SparseattackWarning):
        return visible_lines(f"sparseattack: {message}\n")
    return visible_lines(python_format(message, category, filename, lineno, line))


def _closed_output(ended: BaseException) -> int:
    """The exit code where the reader of the output has closed it, which is no failure.

    Another SystemExit is the shell's completion, or a user's code where nothing gave it a name.
    """
    if isinstance(ended if isinstance(ended, OSError) else ended.__context__, BrokenPipeError):
        closed = os.open(os.devnull, os.O_WRONLY)
        os.dup2(closed, sys.stdout.fileno())  # the interpreter's last flush succeeds
        return 0
    return _report_error(ended)


def _report_error(error: BaseException) -> int:
    """Print an expected error in one line and return the exit code; raise an unexpected one again."""
    from typer import Abort

    from sparseattack.errors import InputError, SparseattackError, failure, user_line

    from .terminal import print_text

    if isinstance(error, Abort):  # what the commands make of Ctrl-C
        return _interrupted(sys.stderr)
    if isinstance(error, SparseattackError):
        sentence, code = str(error), 2 if isinstance(error, InputError) else 1
    elif hasattr(error, "format_message"):  # a usage error
        where = getattr(getattr(error, "ctx", None), "command_path", "sparseattack")
        reason = error.format_message().rstrip(".").replace(NOT_WHOLE, "a whole number is needed, as in 100")
        sentence, code = f"{reason} (see {where} --help)", 2
    elif isinstance(error, OSError) and error.strerror:
        sentence, code = f"{error.filename or 'input or output'}: {error.strerror}", 1
    elif user_line(error):
        sentence, code = failure(error), 1
    else:
        raise error
    print_text(f"sparseattack: {' '.join(sentence.split())}", error=True)
    return code
