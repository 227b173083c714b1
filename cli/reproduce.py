"""A paper's tables are measured before the eyes of a person."""

import shlex
import sys

import typer
from rich.console import Console

from sparseattack.errors import InputError, SparseattackError
from sparseattack.reproduction.render import draw, publish
from sparseattack.reproduction.reproduction import Reproduction

from .reproduced import show
from .reproduction_progress import Display
from .terminal import stderr


def reproduce(asked: Reproduction, *, run: bool) -> None:
    """Run what is not there yet, write tables and figures, show the tables."""
    console = stderr()
    if run:
        asked.check()
        if not _watched(asked, console):
            raise InputError("of these networks none can be attacked")
    _close(asked, console)


def _watched(asked: Reproduction, console: Console) -> bool:
    """Run it; if that is stopped, show what is there and say how to go on. Whether any network was there."""
    try:
        return _run(asked, console)
    except InputError:  # the same command would not go on
        raise
    except (KeyboardInterrupt, SparseattackError) as ended:
        _close(asked, console)
        again = shlex.join(["sparseattack", *sys.argv[1:]])
        console.print(f"stopped; all finished runs are kept, and the same command goes on:\n  {again}")
        if isinstance(ended, KeyboardInterrupt):
            raise typer.Exit(130) from None
        raise


def _run(asked: Reproduction, console: Console) -> bool:
    """Whether there was any network to attack."""
    if any(part.experiment(asked.choices).images == "sample" for part in asked.parts):
        console.print(
            "attacked are the 100 CIFAR-10 test images in the package; `sparseattack download cifar10` brings"
            " all 10,000"
        )
    with Display(console, asked) as display:
        for part, event in asked.run():
            if isinstance(event, str):
                display.refuse(part, event)
            elif display.advance(part, event):
                publish(asked)
        return bool(display.forecast.accounts)


def _close(asked: Reproduction, console: Console) -> None:
    """Figures, tables, and where they are."""
    paths: dict[str, list[str]] = {}
    try:
        with console.status("drawing"):
            paths = draw(asked)
    except InputError as error:
        console.print(str(error))
    for printed in publish(asked, paths):
        show(printed)
    console.print(f"Tables, figures and studies are in {asked.folder}")
