"""``sparseattack compare``: strategies side by side, on the same images under the same budget."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    context: typer.Context,
    strategies: Annotated[
        str, typer.Option("--strategies", "-s", help="Names with settings, as in 'de,cmaes(popsize=20)'.")
    ] = "de,cmaes",
    oracle: Annotated[
        str, typer.Option(help="The classifier: a name from `sparseattack list`, model.onnx, model.pt2.")
    ] = "allconv-small",
    images: Annotated[
        str, typer.Option(help="sample, cifar10:test[0:500], FILE.npz, a folder of pictures, PHOTOS@224.")
    ] = "sample",
    encodings: Annotated[str, typer.Option(help="How genes become pixels: rgb, corners.")] = "rgb",
    pixels: Annotated[str, typer.Option("--pixels", "-k", help="Pixels that may change, as in 1,3,5.")] = "1",
    budget: Annotated[int, typer.Option(help="Queries that each image may cost.")] = 1000,
    fitness: Annotated[str, typer.Option(help="What is minimised.")] = "margin",
    objectives: Annotated[
        str, typer.Option(help="Further objectives, as in l0,l2, for strategies that search several.")
    ] = "",
    stop: Annotated[
        str, typer.Option(help="Stop when fooled, at the budget, or at confidence:0.9.")
    ] = "fooled",
    target: Annotated[
        str, typer.Option(help="Class to reach: none, random, all, a name or a number.")
    ] = "none",
    true_class: Annotated[
        str, typer.Option(help="An image's true class: its label, or the oracle's prediction.")
    ] = "label",
    correct_only: Annotated[
        bool,
        typer.Option(
            "--correct-only/--no-correct-only", help="Leave misclassified images out, with a target too."
        ),
    ] = False,
    num_images: Annotated[
        int, typer.Option(help="Images to attack, sampled from the eligible ones; 0 is all.")
    ] = 0,
    sample_seed: Annotated[int, typer.Option(help="Another seed draws others.")] = 0,
    protocol: Annotated[
        str, typer.Option(help="Settings as published, for options not given: `sparseattack list`.")
    ] = "",
    seeds: Annotated[str, typer.Option(help="One run per seed, as in 0,1,2.")] = "0",
    device: Annotated[str, typer.Option(help="cpu, cuda or mps.")] = "cpu",
    sparse_inference: Annotated[
        bool, typer.Option(help="Compute only what changed pixels change, where that is faster.")
    ] = True,
    study: Annotated[
        Path | None, typer.Option(help="File that keeps the runs; named after the settings by default.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV instead of tables.")] = False,
) -> None:
    """Let strategies attack the same images, and show who fools more at what price."""
    from sparseattack import Experiment
    from sparseattack.plugins.spec import split
    from sparseattack.study.protocols import named

    from .compare import compare
    from .options import given, one_of, whole_numbers

    form = one_of({"json": json_, "csv": csv})
    lists = {"strategies": strategies, "encodings": encodings, "objectives": objectives}
    chosen = Experiment(
        **{name: tuple(split(text)) for name, text in lists.items()},
        pixels=whole_numbers(pixels, "--pixels"), seeds=whole_numbers(seeds, "--seeds"), oracle=oracle,
        images=images, budget=budget, fitness=fitness, stop=stop, target=target, device=device,
        true_class=true_class, correct_only=correct_only, num_images=num_images, sample_seed=sample_seed,
        sparse_inference=sparse_inference,
    )  # fmt: skip
    if protocol:
        chosen = named(protocol).under(chosen, given(context))
    compare(chosen, study, form)
