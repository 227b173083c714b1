"""Run ``sparseattack``: end every failure with one line and an exit code."""

import os
import sys
import warnings
from collections.abc import Sequence

from sparseattack.errors import InputError, SparseattackError, SparseattackWarning

from .commands import app
from .terminal import print_text, visible_lines

python_format = warnings.formatwarning


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; one line and exit code 2 for bad input, 1 for a failed run, 130 for Ctrl-C."""
    sys.path.append("")  # module:function may be a file in this folder
    warnings.formatwarning = format_warning
    try:
        code = app(args=arguments, prog_name="sparseattack", standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as ended:
        code = _closed_output(ended)
    except Exception as error:
        code = _report_error(error)
    sys.exit(code)


def format_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
) -> str:
    """A warning of this package in one line, like an error; another package's as Python formats it."""
    if issubclass(category, SparseattackWarning):
        return visible_lines(f"sparseattack: {message}\n")
    return visible_lines(python_format(message, category, filename, lineno, line))


def _closed_output(ended: BaseException) -> int:
    """The exit code where the reader of the output has closed it, which is no failure."""
    if not isinstance(ended if isinstance(ended, OSError) else ended.__context__, BrokenPipeError):
        raise ended
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter's last flush succeeds
    return 0


def _report_error(error: Exception) -> int:
    """Print an expected error in one line and return the exit code; raise an unexpected one again."""
    if isinstance(error, SparseattackError):
        sentence, code = str(error), 2 if isinstance(error, InputError) else 1
    elif hasattr(error, "format_message"):  # a usage error
        where = getattr(getattr(error, "ctx", None), "command_path", "sparseattack")
        sentence, code = f"{error.format_message().rstrip('.')} (see {where} --help)", 2
    elif isinstance(error, OSError) and error.strerror:
        sentence, code = f"{error.filename or 'input or output'}: {error.strerror}", 1
    else:
        raise error
    print_text(f"sparseattack: {' '.join(sentence.split())}", error=True)
    return code
