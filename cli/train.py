"""Train a network, with a progress line per epoch, and write its weights."""

import os
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn

from sparseattack import Images, load_images
from sparseattack.errors import InputError
from sparseattack.oracles.training import training
from sparseattack.oracles.training.recipe import Recipe, check_images

from .terminal import INTERRUPTED, print_text, stderr


def train(recipe: Recipe, data: str, test: str, out: Path, checkpoint: Path) -> None:
    """Train on the images ``data``, write the weights to ``out``, print their accuracy on ``test``.

    ``test`` may be empty: the test set beside ``data``, or else the images held out of ``data``.
    """
    if out.suffix != ".safetensors" or out.is_dir():
        kind = "the folder " if out.is_dir() else ""
        raise InputError(f"--out is a file that ends in .safetensors, not {kind}{out}")
    splits = data == "cifar10" or os.path.isdir(data)
    images = load_images(f"{data}:train" if splits else data)
    test_name = test or ("cifar10:test" if splits else f"the last of {data}")  # wherever it lies
    test = test or (f"{data}:test" if splits else "")
    test_images = load_images(test) if test else recipe.parts(images)[1]
    check_images(test_images)
    out.parent.mkdir(parents=True, exist_ok=True)  # an error now rather than after the training
    console = stderr()
    try:
        _run_epochs(recipe, images, checkpoint, console)
    except KeyboardInterrupt:
        _print_stopped(checkpoint, console)
        raise typer.Exit(INTERRUPTED) from None
    card = training.write_weights(checkpoint, out, test_images, test_name)
    print_text(f"{out}: accuracy {card.accuracy:.2%} on {card.measured}")


def _run_epochs(recipe: Recipe, images: Images, checkpoint: Path, console: Console) -> None:
    """Train with a progress bar on a terminal, and a line per epoch everywhere."""
    columns = ("epochs", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=recipe.epochs)
        for epoch in training.train(recipe, images, checkpoint):
            progress.update(bar, completed=epoch.number)
            figures = f"loss {epoch.loss:.3f}, accuracy {epoch.accuracy:.1%} on held-out images"
            console.print(f"epoch {epoch.number}: {figures}")


def _print_stopped(checkpoint: Path, console: Console) -> None:
    if checkpoint.exists():
        sentence = f"stopped; the same command resumes after the last epoch in {checkpoint}"
    else:
        sentence = "stopped in the first epoch; nothing is stored"
    console.print(sentence)
