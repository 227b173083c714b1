"""``sparseattack``: the commands, and how a failure is said."""

import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sparseattack import __version__
from sparseattack.errors import InputError, SparseattackError

from .warned import said

COMMANDS = ("compare", "attack", "report", "reproduce", "list", "show", "check", "train", "download")
INTERRUPTED = 130  # what a shell says of Ctrl-C


class Commands(TyperGroup):
    """The commands; says that Ctrl-C ended one that does not say so itself."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("sparseattack: interrupted", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="A first command to try: sparseattack compare --strategies de,cmaes",
)
for name in COMMANDS:
    app.command(name)(import_module(f".{name}_command", __package__).command)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Few-pixel black-box attacks: which search strategy fools a classifier, at what price?"""
    if version:
        print(f"sparseattack {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; one line and exit code 2 for bad input, 1 for a failed run, 130 for Ctrl-C."""
    sys.path.append("")  # module:function may be a file in this folder
    warnings.formatwarning = said
    try:
        code = app(args=arguments, prog_name="sparseattack", standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as ended:
        code = _unread(ended)
    except Exception as error:
        code = _say(error)
    sys.exit(code)


def _unread(ended: BaseException) -> int:
    """The exit code when nobody reads on: who has seen enough is no failure."""
    if not isinstance(ended if isinstance(ended, OSError) else ended.__context__, BrokenPipeError):
        raise ended
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter's last flush succeeds
    return 0


def _say(error: Exception) -> int:
    """Say in one line what is wrong; the exit code. What nobody foresaw is raised again."""
    if isinstance(error, SparseattackError):
        said, code = str(error), 2 if isinstance(error, InputError) else 1
    elif hasattr(error, "format_message"):  # how the command line was written
        where = getattr(getattr(error, "ctx", None), "command_path", "sparseattack")
        said, code = f"{error.format_message().rstrip('.')} (see {where} --help)", 2
    elif isinstance(error, OSError) and error.strerror:
        said, code = f"{error.filename or 'input or output'}: {error.strerror}", 1
    else:
        raise error
    print(f"sparseattack: {' '.join(said.split())}", file=sys.stderr)
    return code
