"""A network is trained before the eyes of a person."""

import os
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from sparseattack import Images, load_images
from sparseattack.errors import InputError
from sparseattack.oracles.training.recipe import Recipe, check_images
from sparseattack.oracles.training.training import train, write_weights


def trained(recipe: Recipe, data: str, test: str, out: Path, checkpoint: Path) -> None:
    """Train with the images ``data``, write the weights to ``out``, say how good they are on ``test``."""
    if out.suffix != ".safetensors" or out.is_dir():
        kind = "the folder " if out.is_dir() else ""
        raise InputError(f"--out is a file that ends in .safetensors, not {kind}{out}")
    splits = data == "cifar10" or os.path.isdir(data)
    images = load_images(f"{data}:train" if splits else data)
    called = test or ("cifar10:test" if splits else f"the last of {data}")  # wherever it lies
    test = test or (f"{data}:test" if splits else "")
    measured = load_images(test) if test else recipe.parts(images)[1]
    check_images(measured)
    out.parent.mkdir(parents=True, exist_ok=True)  # what cannot be written is said now, not after the work
    console = Console(stderr=True)
    try:
        _watch(recipe, images, checkpoint, console)
    except KeyboardInterrupt:
        _stopped(checkpoint, console)
        raise typer.Exit(130) from None
    card = write_weights(checkpoint, out, measured, called)
    print(f"{out}: {card.accuracy:.2%} of {card.measured}")


def _watch(recipe: Recipe, images: Images, checkpoint: Path, console: Console) -> None:
    """A bar on a terminal, and everywhere a sentence per epoch."""
    columns = ("epochs", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=recipe.epochs)
        for epoch in train(recipe, images, checkpoint):
            progress.update(bar, completed=epoch.number)
            said = f"epoch {epoch.number}: loss {epoch.loss:.3f}, {epoch.accuracy:.1%} of the images held out"
            console.print(said, highlight=False)


def _stopped(checkpoint: Path, console: Console) -> None:
    if checkpoint.exists():
        said = f"stopped; the same command goes on after the last epoch that {checkpoint} holds"
    else:
        said = "stopped in the first epoch; nothing is kept"
    console.print(said, highlight=False)
