"""``sparseattack reproduce``: a paper measured again, ours beside theirs."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="one-pixel: Su, Vargas and Sakurai, 2019.")],
    table: Annotated[str, typer.Option(help="4, 5, 6, 7, 8, imagenet, several as in 4,6, or all.")] = "8",
    images: Annotated[
        int | None,
        typer.Option(help="Images attacked without a target, 0 for none; the paper's 500 by default."),
    ] = None,
    targeted_images: Annotated[
        int | None,
        typer.Option(
            help="Images attacked towards nine targets each, 0 for none; a ninth of --images if given,"
            " or else the paper's 300, in tables 4 to 7 500."
        ),
    ] = None,
    budget: Annotated[
        int | None, typer.Option(help="Queries that a run may cost; the paper's 40,400.")
    ] = None,
    networks: Annotated[
        str, typer.Option(help="Oracles; one that is not the paper's has no figures beside it.")
    ] = "allconv,nin,vgg16",
    pixels: Annotated[str, typer.Option("--pixels", "-k", help="In table 8 also more pixels: 1,3,5.")] = "1",
    strategies: Annotated[
        str, typer.Option("--strategies", "-s", help="In table 8 beside the paper's de, with one pixel.")
    ] = "random,exhaustive",
    data: Annotated[
        str, typer.Option(help="The images; cifar10:test if it is here, or else the sample in the package.")
    ] = "",
    photographs: Annotated[str, typer.Option(help="The images of the table imagenet, with labels.")] = "",
    imagenet_networks: Annotated[str, typer.Option(help="Its oracles.")] = "efficientnet-lite0",
    out: Annotated[Path, typer.Option(help="Folder for studies, tables and figures.")] = Path("one-pixel"),
    seed: Annotated[int, typer.Option(help="Another seed is another search.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu",
    sparse_inference: Annotated[
        bool, typer.Option(help="Compute only what changed pixels change, where that is faster.")
    ] = True,
    run: Annotated[bool, typer.Option("--run/--no-run", help="Whether to run what is not there yet.")] = True,
) -> None:
    """Measure a paper's tables again and show ours beside its; the same command goes on where it stopped."""
    from sparseattack.errors import InputError
    from sparseattack.plugins.spec import split
    from sparseattack.reproduction.one_pixel import one_pixel
    from sparseattack.reproduction.studies import Options

    from .options import whole_numbers
    from .reproduce import reproduce

    if paper != "one-pixel":
        raise InputError(f"there is no paper {paper!r} to reproduce, only one-pixel")
    options = Options(
        data, photographs, images, targeted_images, budget=budget, seed=seed, device=device,
        sparse_inference=sparse_inference,
    )  # fmt: skip
    asked = one_pixel(
        options, out, tables=table, networks=split(networks), imagenet_networks=split(imagenet_networks),
        pixels=whole_numbers(pixels, "--pixels"), strategies=split(strategies),
    )  # fmt: skip
    reproduce(asked, run=run)
