"""``sparseattack attack``: one picture, or a few."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    image: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE|FOLDER",
            help="A picture, a folder of pictures, PHOTO.jpg@224, or images such as sample[3].",
        ),
    ],
    oracle: Annotated[
        str, typer.Option(help="The classifier: a name from `sparseattack list`, model.onnx, model.pt2.")
    ] = "allconv-small",
    strategy: Annotated[
        str, typer.Option("--strategy", "-s", help="A name with settings, as in 'de(popsize=50)'.")
    ] = "sparse-rs",
    encoding: Annotated[str, typer.Option(help="How genes become pixels: rgb, corners.")] = "rgb",
    pixels: Annotated[int, typer.Option("--pixels", "-k", help="Pixels that may change.")] = 1,
    budget: Annotated[int, typer.Option(help="Queries that a picture may cost.")] = 1000,
    fitness: Annotated[str, typer.Option(help="What is minimised.")] = "margin",
    stop: Annotated[
        str, typer.Option(help="Stop when fooled, at the budget, or at confidence:0.9.")
    ] = "fooled",
    target: Annotated[str, typer.Option(help="Class to reach: none, random, a name or a number.")] = "none",
    label: Annotated[
        str | None, typer.Option(help="True class, by name or number; what the oracle says by default.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed is another search.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the pictures that are made.")] = Path(),
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu",
    sparse_inference: Annotated[
        bool, typer.Option(help="Compute only what changed pixels change, where that is faster.")
    ] = True,
) -> None:
    """Attack a picture: write the one that fools, and one that shows where it was changed."""
    from sparseattack import Experiment

    from .attack import attack

    chosen = Experiment(
        strategies=(strategy,),
        encodings=(encoding,),
        pixels=(pixels,),
        seeds=(seed,),
        oracle=oracle,
        images=image,
        budget=budget,
        fitness=fitness,
        stop=stop,
        target=target,
        device=device,
        sparse_inference=sparse_inference,
    )
    attack(chosen, label, out)
