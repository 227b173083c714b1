"""``sparseattack train``: weights for a network of the zoo, by the recipe of those in the package."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    network: Annotated[
        str, typer.Argument(help="allconv-small, allconv, nin, nin-printed or vgg16.")
    ] = "allconv-small",
    data: Annotated[
        str,
        typer.Option(
            help="To train with: cifar10, a folder that holds it, or 32x32 colour images of classes 0 to 9 in"
            " a .npz or a CSV of columns file and label."
        ),
    ] = "cifar10",
    test: Annotated[
        str,
        typer.Option(help="To measure with: the test set beside the data, or else 5 % held out of the data."),
    ] = "",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Weights in half precision, their card beside them as JSON; NETWORK.safetensors by default."
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Times that every image is shown; by default the recipe's own number.")
    ] = None,
    batch: Annotated[int, typer.Option(help="Images per step.")] = 256,
    seed: Annotated[int, typer.Option(help="Of weights, order and variations.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu",
    bf16: Annotated[bool, typer.Option("--bf16/--no-bf16", help="Mixed precision.")] = True,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Kept after every epoch, to go on from; OUT.checkpoint by default.")
    ] = None,
) -> None:
    """Train a network of the zoo; the same command goes on where it was stopped."""
    from dataclasses import replace

    from sparseattack.oracles.training.recipe import recipe_of

    from .train import trained

    usual, out = recipe_of(network), out or Path(f"{network}.safetensors")
    epochs = usual.epochs if epochs is None else epochs
    recipe = replace(usual, epochs=epochs, batch=batch, seed=seed, device=device, bf16=bf16)
    trained(recipe, data, test, out, checkpoint or out.with_suffix(".checkpoint"))
