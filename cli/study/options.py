"""The options of the commands about studies alone, each described once."""

from pathlib import Path
from typing import Annotated

import typer

from sparseattack.cli.options import HARDWARE, OUTPUT, PROBLEM, SEARCH, flag, option

File = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE",
        help="What to compare, as TOML, or as JSON of `sparseattack report --json`: in place of the options"
        " under Problem and Search.",
        show_default=False,
    ),
]
Images = Annotated[
    str, option(PROBLEM, "IMAGES", "sample, cifar10:test[0:500], FILE.npz, FOLDER or FOLDER@224.")
]
Encodings = Annotated[
    str, option(PROBLEM, "SPEC,...", "How genes become pixels, as in rgb,corners.", kind="encodings")
]
Targets = Annotated[
    str,
    option(
        PROBLEM,
        "CLASS",
        "Class to reach, random, or all for each other class; none for untargeted attacks.",
    ),
]
CorrectOnly = Annotated[
    bool,
    flag(
        PROBLEM,
        "In targeted attacks, skip images the oracle misclassifies.",
        "--correct-only/--no-correct-only",
    ),
]
NumImages = Annotated[
    int,
    option(PROBLEM, "N", "Number of images to attack, sampled from the eligible ones; 0 attacks all."),
]
SampleSeed = Annotated[int, option(PROBLEM, "SEED", "Random seed of the sample of images.")]
Strategies = Annotated[
    str,
    option(
        SEARCH,
        "SPEC,...",
        "Strategies to compare, with settings and labels if you like: 'de,fast=cmaes(popsize=20)'.",
        "--strategies",
        "-s",
        kind="strategies",
    ),
]
Objectives = Annotated[
    str,
    option(
        SEARCH,
        "SPEC,...",
        "Further objectives of a multi-objective strategy, as in l0,l2.",
        kind="fitness",
        default="the strategy's own",
    ),
]
Seeds = Annotated[str, option(SEARCH, "SEED,...", "Random seeds, one run per image and seed, as in 0,1,2.")]
Protocol = Annotated[
    str,
    option(
        SEARCH,
        "NAME",
        "Published settings, for options that are not given: see `sparseattack list`.",
        default=False,
    ),
]
Jobs = Annotated[
    str,
    option(
        HARDWARE,
        "N",
        "Run in N processes, or auto: as many as cores, or visible GPUs.",
        default="this process alone",
    ),
]
Shard = Annotated[
    str,
    option(
        HARDWARE,
        "I/N",
        "Run share I of N only, into a file of its own; `sparseattack merge` unites the files.",
        default=False,
    ),
]
Executor = Annotated[
    str,
    option(
        HARDWARE,
        "SPEC",
        "Where the runs are made: a name from `sparseattack list`, with settings.",
        kind="executors",
        default=False,
    ),
]
Study = Annotated[
    Path | None,
    option(
        OUTPUT,
        "STUDY",
        "File of all runs about one oracle: what it holds is not run again, what it lacks is added.",
        default="named by oracle, target and stopping criterion",
    ),
]
Only = Annotated[
    str,
    option(
        OUTPUT,
        "NAME,...",
        "Show a part: names of strategies, k=K, seed=SEED, budget=N, encoding=SPEC, fitness=SPEC.",
        default=False,
    ),
]
Strict = Annotated[
    bool,
    flag(OUTPUT, "Refuse runs made with different versions, processors or devices.", "--strict"),
]
Csv = Annotated[bool, flag(OUTPUT, "Print CSV instead of tables.", "--csv")]
Runs = Annotated[bool, flag(OUTPUT, "Print every run as CSV.", "--runs")]
Latex = Annotated[bool, flag(OUTPUT, "Print the table for LaTeX, with booktabs.", "--latex")]
Plots = Annotated[
    Path | None,
    option(OUTPUT, "DIR", "Write every figure to a folder, as SVG, PDF, PNG and CSV.", default=False),
]
Html = Annotated[
    Path | None,
    option(
        OUTPUT, "FILE", "Write one page with figures, tables and pictures, for any browser.", default=False
    ),
]
To = Annotated[
    str,
    option(
        OUTPUT,
        "FORMAT",
        "csv, jsonl, parquet: every run. latex: the table. robustness.json: entries of a leaderboard."
        " iohprofiler: the course of every run. images: the adversarial images.",
        "--to",
    ),
]
Out = Annotated[
    Path | None,
    option(
        OUTPUT, "PLACE", "File or folder to be written.", "--out", default="STUDY with the format's ending"
    ),
]
