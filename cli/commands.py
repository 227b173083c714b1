"""The command line, whole: every command with its options; the work is done in the module of its name."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import format_exception
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from sparseattack import __version__

from . import options as o
from .study import commands as study
from .terminal import print_text

CIFAR10 = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR10_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"


class Commands(TyperGroup):
    """The commands; Ctrl-C ends each, and its help, with Abort; --debug prints an error's traceback."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with _interruptible():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            with _interruptible():
                return super().invoke(ctx)
        except BaseException as error:
            if ctx.params["debug"] and not isinstance(error, typer.Exit | typer.Abort):
                shown = format_exception(error.__cause__ or error)  # that of a plugin is the cause of ours
                print_text("".join(shown).rstrip(), error=True)
            raise


class Command(TyperCommand):
    """A command; its help shows flags without a type, and arguments as NAME or, if optional, [NAME]."""

    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]


def _without_types(parameters: list[Any]) -> list[Any]:
    """The same parameters; a flag, typer's own included, is shown without <bool>."""
    for each in parameters:
        if getattr(each, "is_flag", False):
            each.metavar = ""
    return parameters


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Abort from None


app = typer.Typer(
    cls=Commands,
    pretty_exceptions_enable=False,
    epilog="A first command to try: sparseattack demo",
)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: o.Debug = False,  # read by Commands, before this function is called
) -> None:
    """Few-pixel black-box adversarial attacks: compare search strategies under one query budget."""
    if version:
        print(f"sparseattack {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


app.command(cls=Command, context_settings=o.ATTACKING)(study.compare)


@app.command(cls=Command, context_settings=o.ATTACKING)
def attack(
    context: typer.Context,
    image: o.Pictures,
    resize: o.Resize = "bilinear,fit",
    native_size: o.NativeSize = False,
    oracle: o.Oracle = "allconv-small",
    encoding: o.Encoding = "rgb",
    pixels: o.Pixels = 1,
    mask: o.Mask = "none",
    target: o.Target = "none",
    label: o.Label = None,
    true_class: o.TrueClass = "label",
    strategy: o.Strategy = "sparse-rs",
    budget: o.Budget = 1000,
    fitness: o.Fitness = "margin",
    stop: o.Stop = "success",
    seed: o.Seed = 0,
    device: o.Device = "cpu",
    sparse_inference: o.SparseInference = True,
    backend: o.Backend = "eager",
    noisy_oracle: o.NoisyOracle = False,
    max_paid: o.MaxPaid = None,
    out: o.Out = Path(),
    scale: o.Scale = None,
) -> None:
    """Attack pictures; write each adversarial PNG, and pictures that show the changed pixels."""
    from sparseattack import Experiment

    from .attack import attack

    o.check_resize(context, image)
    experiment = Experiment(
        strategies=(strategy,), encodings=(encoding,), pixels=(pixels,), seeds=(seed,),
        oracle=o.limited(oracle, max_paid),
        images=image, resize=resize, native_size=native_size, budget=budget, fitness=fitness, stop=stop,
        target=target, device=device, true_class=true_class, sparse_inference=sparse_inference,
        backend=backend, noisy_oracle=noisy_oracle, mask=mask,
    )  # fmt: skip
    attack(experiment, label, out, scale)


@app.command(cls=Command)
def demo(
    out: Annotated[Path, o.option(o.OUTPUT, "FOLDER", "Folder for the files that are written.")] = Path(
        "sparseattack-demo"
    ),
) -> None:
    """Fool the network inside the package, compare strategies, and write a picture and a page."""
    from .demo import demo

    demo(out)


app.command(cls=Command)(study.report)
app.command(cls=Command)(study.export)
app.command(cls=Command)(study.merge)
app.command(cls=Command)(study.studies)


@app.command(cls=Command)
def reproduce(
    paper: Annotated[str, typer.Argument(metavar="PAPER", help="one-pixel: Su, Vargas and Sakurai, 2019.")],
    table: Annotated[str, o.option(o.PROBLEM, "TABLE,...", "4, 5, 6, 7, 8, imagenet, or all.")] = "8",
    networks: o.Networks = "allconv,nin,vgg16",
    data: o.Data = "",
    imagenet_networks: o.ImagenetNetworks = "efficientnet-lite0",
    photographs: o.Photographs = "",
    images: o.Untargeted = None,
    targeted_images: o.Targeted = None,
    pixels: o.PixelCounts = "1",
    strategies: o.Rivals = "random,exhaustive",
    budget: o.PaperBudget = None,
    seed: o.Seed = 0,
    device: o.Device = "cpu",
    sparse_inference: o.SparseInference = True,
    out: o.Out = Path("one-pixel"),
    run: o.Run = True,
) -> None:
    """Measure a paper's tables again, beside the paper's figures; an interrupted run resumes."""
    from sparseattack.errors import InputError
    from sparseattack.plugins.spec import split
    from sparseattack.reproduction.one_pixel import one_pixel
    from sparseattack.reproduction.studies import Options

    from .reproduce import reproduce

    if paper != "one-pixel":
        raise InputError(f"there is no paper {paper!r} to reproduce, only one-pixel")
    options = Options(
        data, photographs, images, targeted_images, budget=budget, seed=seed, device=device,
        sparse_inference=sparse_inference,
    )  # fmt: skip
    chosen = one_pixel(
        options, out, tables=table, networks=split(networks), strategies=split(strategies),
        imagenet_networks=split(imagenet_networks), pixels=o.whole_numbers(pixels, "--pixels"),
    )  # fmt: skip
    reproduce(chosen, run=run)


@app.command("list", cls=Command)
def list_(
    try_: Annotated[bool, typer.Option("--try", help="Import every plugin, to find broken ones.")] = False,
    json: o.Json = False,
) -> None:
    """List strategies, encodings, fitness functions, oracles and protocols."""
    from .catalogue import list_plugins

    list_plugins(imported=try_, as_json=json)


@app.command(cls=Command)
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name from `sparseattack list`.")],
    json: o.Json = False,
) -> None:
    """Describe a strategy, an encoding, a fitness function, an oracle or a protocol."""
    from .catalogue import show_name

    show_name(name, as_json=json)


@app.command(cls=Command)
def check(
    plugin: Annotated[
        str,
        typer.Argument(
            metavar="STRATEGY|ORACLE|ENCODING",
            autocompletion=o.completion("strategies"),
            help="A name, module:function, file.py:function or model file, with settings.",
        ),
    ],
    images: Annotated[str, typer.Option(metavar="IMAGES", help="Images to try an oracle on.")] = "sample",
) -> None:
    """Check a strategy, an oracle or an encoding against every clause of its contract."""
    from .check import check

    if not check(plugin, images):
        raise typer.Exit(1)


@app.command(cls=Command)
def tabulate(
    context: typer.Context,
    oracle: o.Oracle = "allconv-small",
    images: o.ManyImages = "sample",
    resize: o.Resize = "bilinear,fit",
    correct_only: o.Correct = False,
    max_images: o.MaxImages = 0,
    device: o.Device = "cpu",
    sparse_inference: o.SparseInference = True,
    max_paid: o.MaxPaid = None,
    out: o.Table = Path("one-pixel.npz"),
) -> None:
    """Ask an oracle about every pixel in every corner colour, and write the answers as a table.

    The table is an oracle of one-pixel attacks: --oracle FILE.npz --images FILE.npz. An interrupted run
    resumes.
    """
    from sparseattack import Experiment

    from .tabulate import tabulate

    o.check_resize(context, images)
    experiment = Experiment(
        oracle=o.limited(oracle, max_paid), images=images, resize=resize, correct_only=correct_only,
        device=device, sparse_inference=sparse_inference,
    )  # fmt: skip
    tabulate(experiment, out, max_images)


@app.command(cls=Command)
def train(
    network: Annotated[
        str,
        typer.Argument(metavar="NETWORK", help="allconv-small, allconv, nin, nin-printed or vgg16."),
    ] = "allconv-small",
    data: o.TrainingData = "cifar10",
    test: o.TestData = "",
    epochs: o.Epochs = None,
    batch: o.BatchSize = 256,
    seed: Annotated[
        int, o.option(o.TRAINING, "SEED", "Random seed of initial weights, order and augmentation.")
    ] = 0,
    device: o.Device = "cpu",
    bf16: Annotated[bool, o.flag(o.HARDWARE, "Mixed precision.", "--bf16/--no-bf16")] = True,
    out: o.Weights = None,
    checkpoint: o.Checkpoint = None,
) -> None:
    """Train a network for CIFAR-10 by the recipe of the weights in the package; it resumes when stopped."""
    from dataclasses import replace

    from sparseattack.oracles.training.recipe import recipe_of

    from .train import train

    usual, out = recipe_of(network), out or Path(f"{network}.safetensors")
    epochs = usual.epochs if epochs is None else epochs
    recipe = replace(usual, epochs=epochs, batch=batch, seed=seed, device=device, bf16=bf16)
    train(recipe, data, test, out, checkpoint or out.with_suffix(".checkpoint"))


@app.command(cls=Command)
def download(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Data set: cifar10, 162 MiB.")],
    folder: Annotated[
        Path | None,
        o.option(
            o.OUTPUT,
            "FOLDER",
            "Folder to unpack it into.",
            default="SPARSEATTACK_DATA, else in the user's cache",
        ),
    ] = None,
    url: Annotated[
        str, o.option(o.ARCHIVE, "URL", "Address of the archive.", default="the authors' site")
    ] = CIFAR10,
    sha256: Annotated[
        str, o.option(o.ARCHIVE, "DIGEST", "SHA-256 of the archive.", default="that of the authors' archive")
    ] = CIFAR10_SHA256,
) -> None:
    """Download CIFAR-10; its images are then cifar10:train and cifar10:test."""
    from .download import download

    download(name, url, sha256, folder)
