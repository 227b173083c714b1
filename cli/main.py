"""``sparseattack``: the commands, and how a failure is said."""

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

COMMANDS = ("compare", "attack", "report", "list", "show", "check", "train", "download")


class Commands(TyperGroup):
    """Commands in the order a newcomer needs them, each imported when it is used."""


app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def root() -> None:
    """Few-pixel black-box attacks: which search strategy fools a classifier, at what price?"""


def main() -> Any:
    """Run a command; one line and exit code 2 for bad input, 1 for a failed run."""
    for name in COMMANDS:
        module = import_module(f".{name}_command", __package__)
        app.command(name)(module.command)
    try:
        app()
    except Exception as error:
        from sparseattack.errors import InputError, SparseattackError

        if not isinstance(error, SparseattackError):
            raise
        print(f"sparseattack: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, InputError) else 1)
