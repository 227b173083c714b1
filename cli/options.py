"""The options that several commands share, each described once, and how their text is read."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparseattack.errors import InputError

if TYPE_CHECKING:
    from sparseattack.plugins.registry import Kind

OLD_NAMES = {"until": "stop", "draw": "num-images", "draw-seed": "sample-seed", "truth": "true-class"}
ATTACKING = {"token_normalize_func": lambda option: OLD_NAMES.get(option, option)}  # of commands that attack
PROBLEM, SEARCH, HARDWARE, OUTPUT = "Problem", "Search", "Hardware", "Output"  # panels of a help page
TRAINING, ARCHIVE = "Training", "Archive"


def option(
    panel: str, metavar: str, text: str, *names: str, kind: "Kind | None" = None, default: str | bool = True
) -> Any:
    """An option under the heading ``panel``, whose values are names of a ``kind`` if that is given.

    ``default`` is shown in place of the default value; False shows none.
    """
    complete = completion(kind) if kind else None
    return typer.Option(
        *names,
        metavar=metavar,
        rich_help_panel=panel,
        help=text,
        autocompletion=complete,
        show_default=default,
    )


def flag(panel: str, text: str, name: str) -> Any:
    """An option without a value, or one of a pair ``--this/--no-this``."""
    return typer.Option(name, rich_help_panel=panel, help=text)


def completion(kind: "Kind") -> Callable[[str], list[str]]:
    """Suggest names of a ``kind`` to the shell; in a list, for the entry after the last comma or label."""

    def suggest(incomplete: str) -> list[str]:
        from sparseattack.plugins.registry import names

        start = 1 + max(incomplete.rfind(mark) for mark in ",=")
        before, last = incomplete[:start], incomplete[start:]
        return [f"{before}{name}" for name in names(kind) if name.startswith(last)]

    return suggest


# The problem
Oracle = Annotated[
    str,
    option(
        PROBLEM,
        "SPEC|FILE",
        "Classifier to attack: a name from `sparseattack list`, FILE.onnx or FILE.pt2.",
        kind="oracles",
    ),
]
Networks = Annotated[str, option(PROBLEM, "SPEC,...", "Oracles for tables 4 to 8.", kind="oracles")]
ImagenetNetworks = Annotated[
    str, option(PROBLEM, "SPEC,...", "Oracles for the table imagenet.", kind="oracles")
]
Pictures = Annotated[
    str, typer.Argument(metavar="IMAGES", help="A picture, a FOLDER, FILE.jpg@224, or images as sample[3].")
]
ManyImages = Annotated[
    str, option(PROBLEM, "IMAGES", "sample, cifar10:test[0:500], FILE.npz, FOLDER or FOLDER@224.")
]
Correct = Annotated[
    bool, flag(PROBLEM, "Only images that the oracle classifies correctly.", "--correct-only")
]
MaxImages = Annotated[int, option(PROBLEM, "N", "The first N of these images; 0 for all.")]
Table = Annotated[Path, option(OUTPUT, "FILE", "File for the table; images in it are not asked about again.")]
Resize = Annotated[
    str,
    option(
        PROBLEM,
        "FILTER,SHAPE",
        "How IMAGES@SIZE are resized: bilinear, bicubic or nearest; fit (shorter side, then the centre cut"
        " out) or squash.",
    ),
]
NativeSize = Annotated[
    bool,
    flag(
        PROBLEM,
        "Attack images at their own size, and let the oracle resize them, as --resize says or as its server"
        " does.",
        "--native-size",
    ),
]
Data = Annotated[
    str,
    option(PROBLEM, "IMAGES", "Images for tables 4 to 8.", default="cifar10:test if downloaded, else sample"),
]
Photographs = Annotated[
    str, option(PROBLEM, "IMAGES", "Labelled images for the table imagenet.", default=False)
]
Encoding = Annotated[
    str, option(PROBLEM, "SPEC", "How genes become pixels: rgb, corners, delta(limit=0.2).", kind="encodings")
]
Mask = Annotated[
    str,
    option(
        PROBLEM,
        "FILE|centre:F",
        "Pixels that may change: the white ones of a PNG, True in a .npy, or the middle F of each side.",
        default="none: all of them",
    ),
]
Pixels = Annotated[int, option(PROBLEM, "K", "Number of pixels that may change.", "--pixels", "-k")]
PixelCounts = Annotated[
    str, option(PROBLEM, "K,...", "Numbers of pixels that may change, as in 1,3,5.", "--pixels", "-k")
]
Target = Annotated[str, option(PROBLEM, "CLASS", "Class to reach, or random; none for an untargeted attack.")]
Label = Annotated[
    str | None,
    option(PROBLEM, "CLASS", "True class of every picture.", default="as --true-class says"),
]
TrueClass = Annotated[
    str,
    option(
        PROBLEM,
        "SOURCE",
        "True class of an image: label (its label or folder) or prediction (the oracle's).",
    ),
]
NoisyOracle = Annotated[
    bool,
    flag(
        PROBLEM,
        "Attack an oracle whose scores differ by chance; most of several evaluations decide.",
        "--noisy-oracle",
    ),
]
MaxPaid = Annotated[
    int | None,
    option(
        PROBLEM,
        "N",
        "Images that may ever be sent to a remote oracle, those included that its ledger knows.",
        default=False,
    ),
]
Untargeted = Annotated[
    int | None,
    option(PROBLEM, "N", "Images attacked without a target; 0 for none.", default="500, as in the paper"),
]
Targeted = Annotated[
    int | None,
    option(
        PROBLEM,
        "N",
        "Images attacked with nine targets each; 0 for none.",
        default="a ninth of --images, else the paper's 300, in tables 4 to 7 500",
    ),
]

# The search
Strategy = Annotated[
    str,
    option(
        SEARCH,
        "SPEC",
        "A name with settings, as in 'de(popsize=50)'.",
        "--strategy",
        "-s",
        kind="strategies",
    ),
]
Rivals = Annotated[
    str,
    option(
        SEARCH,
        "SPEC,...",
        "Strategies of table 8 beside the paper's de, with one pixel.",
        "--strategies",
        "-s",
        kind="strategies",
    ),
]
Budget = Annotated[int, option(SEARCH, "N", "Query budget per image.")]
PaperBudget = Annotated[
    int | None, option(SEARCH, "N", "Query budget per run.", default="40,400, as in the paper")
]
Fitness = Annotated[
    str, option(SEARCH, "SPEC", "Objective: margin, probability, cross-entropy.", kind="fitness")
]
Stop = Annotated[
    str,
    option(
        SEARCH,
        "CRITERION",
        "Stopping criterion: success (the first), budget (its end), fewest (goes on with fewer pixels after"
        " each success) or confidence:P, a success of confidence P, as in confidence:0.9.",
    ),
]
Seed = Annotated[int, option(SEARCH, "SEED", "Random seed of the search.")]

# Hardware and output
Device = Annotated[str, option(HARDWARE, "DEVICE", "Device of the network: cpu, cuda or mps.")]
SparseInference = Annotated[
    bool,
    flag(
        HARDWARE,
        "Recompute only what changed pixels affect, where that is faster.",
        "--sparse-inference/--no-sparse-inference",
    ),
]
BACKENDS = (
    "Library that evaluates whole images: eager (the oracle's own), openvino, onnxruntime; auto: the fastest."
)
Backend = Annotated[str, option(HARDWARE, "NAME", BACKENDS)]
Json = Annotated[bool, flag(OUTPUT, "Print JSON instead of tables.", "--json")]
Out = Annotated[Path, option(OUTPUT, "FOLDER", "Folder for the files that are written.")]
Scale = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=64,
        metavar="N",
        rich_help_panel=OUTPUT,
        help="A copy of each success, enlarged N times; 0 for none.",
        show_default="8, or to 256 pixels, up to a side of 64; else 0",
    ),
]

# Training
TrainingData = Annotated[
    str,
    option(
        TRAINING,
        "IMAGES",
        "Training images: cifar10, a FOLDER that holds it, or 32x32 colour images of classes 0 to 9 in a"
        " .npz or in a CSV of columns file and label.",
    ),
]
TestData = Annotated[
    str, option(TRAINING, "IMAGES", "Test images for the accuracy.", default="beside the data, or 5 % of it")
]
Epochs = Annotated[int | None, option(TRAINING, "N", "Number of epochs.", default="the recipe's")]
BatchSize = Annotated[int, option(TRAINING, "N", "Images per step.")]
Weights = Annotated[
    Path | None,
    option(
        OUTPUT,
        "FILE",
        "File for the weights in half precision; a JSON file beside it describes them.",
        default="NETWORK.safetensors",
    ),
]
Checkpoint = Annotated[
    Path | None,
    option(OUTPUT, "FILE", "Written after every epoch; resumed from if there.", default="OUT.checkpoint"),
]
Debug = Annotated[
    bool,
    typer.Option(
        "--debug",
        envvar="SPARSEATTACK_DEBUG",
        help="Show the traceback of an error, such as a plugin's or an oracle's; it may stand anywhere.",
    ),
]
Run = Annotated[bool, flag(OUTPUT, "Run what is missing, or show what is there.", "--run/--no-run")]


def limited(oracle: str, most: int | None) -> str:
    """The spec of an oracle that may send so many images; InputError where it has no such setting."""
    from sparseattack.plugins.registry import oracle_plugin
    from sparseattack.plugins.spec import Spec, oracle_spec

    if most is None:
        return oracle
    spec = oracle_spec(oracle)
    chosen = Spec(spec.name, {**spec.settings, "max_paid": str(most)})
    oracle_plugin(chosen)
    return str(chosen)


def whole_numbers(text: str, option: str) -> tuple[int, ...]:
    """``1,3,5`` as numbers; InputError naming the ``option`` for anything else."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InputError(f"{option} takes whole numbers such as 1,3,5, not {text!r}") from None


def output_format(chosen: Mapping[str, bool]) -> str:
    """The format whose option is given, ``table`` if none; InputError for two."""
    given = [form for form, wanted in chosen.items() if wanted]
    if len(given) > 1:
        raise InputError(f"--{' and --'.join(given)} are different output formats: choose one")
    return given[0] if given else "table"


def check_resize(context: typer.Context, images: str) -> None:
    """Refuse a way of resizing where no size is named, and the oracle does not resize."""
    from sparseattack.data.load import ImagesSpec

    native = bool(context.params.get("native_size"))
    if "resize" in given(context) and not native and not ImagesSpec.parse(images).side:
        raise InputError(
            f"--resize says how images get a size: name one, as in {images.partition('[')[0]}@224"
        )


def given(context: typer.Context) -> set[str]:
    """The parameters written on the command line, not left at their defaults."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}
