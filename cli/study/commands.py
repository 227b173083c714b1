"""The commands about studies, whole: each with its options; the work is done in other modules."""

from pathlib import Path
from typing import Annotated

import typer

from sparseattack.cli import options as o

from . import options as s


def compare(
    context: typer.Context,
    file: s.File = None,
    oracle: o.Oracle = "allconv-small",
    images: s.Images = "sample",
    resize: o.Resize = "bilinear,fit",
    native_size: o.NativeSize = False,
    encodings: s.Encodings = "rgb",
    pixels: o.PixelCounts = "1",
    mask: o.Mask = "none",
    target: s.Targets = "none",
    true_class: o.TrueClass = "label",
    correct_only: s.CorrectOnly = False,
    num_images: s.NumImages = 0,
    sample_seed: s.SampleSeed = 0,
    strategies: s.Strategies = "de,cmaes",
    budget: o.Budget = 1000,
    fitness: o.Fitness = "margin",
    objectives: s.Objectives = "",
    stop: o.Stop = "success",
    seeds: s.Seeds = "0",
    protocol: s.Protocol = "",
    device: o.Device = "cpu",
    sparse_inference: o.SparseInference = True,
    backend: o.Backend = "eager",
    noisy_oracle: o.NoisyOracle = False,
    max_paid: o.MaxPaid = None,
    jobs: s.Jobs = "",
    shard: s.Shard = "",
    executor: s.Executor = "",
    study: s.Study = None,
    strict: s.Strict = False,
    json: o.Json = False,
    csv: s.Csv = False,
) -> None:
    """Attack the same images with several strategies; compare success rates and query costs."""
    from dataclasses import replace

    from sparseattack import Experiment
    from sparseattack.experiment.protocols import named
    from sparseattack.plugins.spec import split

    from .compare import Hardware, Place, compare, read_file

    output, place = o.output_format({"json": json, "csv": csv}), Place.of(jobs, shard, executor)
    if file:
        here = Hardware(device, sparse_inference, backend)
        held = read_file(file, o.given(context), here)
        experiment = replace(held.experiment, oracle=o.limited(held.experiment.oracle, max_paid))
        compare(experiment, study or held.study, output, place, strict=strict)
        return
    o.check_resize(context, images)
    experiment = Experiment(
        strategies=tuple(split(strategies)), encodings=tuple(split(encodings)),
        objectives=tuple(split(objectives)), pixels=o.whole_numbers(pixels, "--pixels"),
        seeds=o.whole_numbers(seeds, "--seeds"), oracle=oracle, images=images, resize=resize, budget=budget,
        native_size=native_size,
        fitness=fitness, stop=stop, target=target, true_class=true_class, correct_only=correct_only,
        num_images=num_images, sample_seed=sample_seed, device=device, sparse_inference=sparse_inference,
        backend=backend, noisy_oracle=noisy_oracle, mask=mask,
    )  # fmt: skip
    if protocol:
        experiment = named(protocol).under(experiment, o.given(context))
    experiment = replace(experiment, oracle=o.limited(experiment.oracle, max_paid))
    compare(experiment, study, output, place, strict=strict)


def report(
    studies: Annotated[
        list[Path],
        typer.Argument(metavar="STUDY", help="Files of `sparseattack compare`; several side by side."),
    ],
    only: s.Only = "",
    strict: s.Strict = False,
    json: o.Json = False,
    csv: s.Csv = False,
    runs: s.Runs = False,
    latex: s.Latex = False,
    plots: s.Plots = None,
    html: s.Html = None,
) -> None:
    """Show the tables and figures of all that a study holds, or of a part; nothing is run."""
    from .tables import report

    output = o.output_format({"json": json, "csv": csv, "runs": runs, "latex": latex})
    report(studies, output, chosen=only, strict=strict, plots=plots, page=html)


def export(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="A file written by `sparseattack compare`.")],
    to: s.To,
    only: s.Only = "",
    out: s.Out = None,
) -> None:
    """Write a study's runs, table, adversarial images or progress of searches for other programs."""
    from .export import export

    export(study, to, out, only)


def merge(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The study that all are added to, new or not.")],
    files: Annotated[list[Path], typer.Argument(metavar="STUDY", help="Studies, such as shards of one.")],
) -> None:
    """Unite studies about one question: their runs by key, in any order, any number of times."""
    from .merge import merge

    merge(out, files)


def studies(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the studies are.")] = Path(),
    json: o.Json = False,
) -> None:
    """List the studies in a folder: oracle, images, conditions, and how complete they are."""
    from .studies import list_studies

    list_studies(folder, as_json=json)
