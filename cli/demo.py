"""Attack images inside the package, compare strategies on them, and end with a picture and a page."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from sparseattack import Experiment, InputError
from sparseattack.data.folder import CONTACT_SHEET
from sparseattack.report.console import visible
from sparseattack.report.figures.figure import require_matplotlib
from sparseattack.report.results import results
from sparseattack.study.store import Study, check_folder

from .attack import attack
from .study.compare import compare
from .terminal import print_text

IMAGES, ENCODING = "sample[0:20]", "corners"
FEW, BUDGET = 3, 200  # pixels of the attack, and queries per image
STRATEGIES, PIXELS = ("random", "de(popsize=50)", "sparse-rs"), (1, FEW)
STUDY, PAGE = "demo.study", "report.html"


def demo(out: Path) -> None:
    """Write a picture of each success, a sheet of all, a study and its report to ``out``.

    Each step is printed as the command that makes it, so that it can be changed.
    """
    check_folder(out, "what the demonstration makes", "Name another folder with --out")
    common = "--encoding", ENCODING, "-k", str(FEW), "--budget", str(BUDGET), "--out", str(out)
    _print_step(
        f"1. Change {FEW} pixels of each of 20 images, with at most {BUDGET} queries for each.",
        ("attack", IMAGES, *common),
    )
    one = Experiment(
        strategies=("sparse-rs",), encodings=(ENCODING,), pixels=(FEW,), images=IMAGES, budget=BUDGET
    )
    attack(one, None, out)
    path = out / STUDY
    _print_step(
        "2. Which strategy needs fewer queries, for one pixel and for three?",
        ("compare", "-s", ",".join(STRATEGIES), "--encodings", ENCODING, "-k", ",".join(map(str, PIXELS)),
         "--images", IMAGES, "--budget", str(BUDGET), "--study", str(path)),
    )  # fmt: skip
    compared = Experiment(
        strategies=STRATEGIES, encodings=(ENCODING,), pixels=PIXELS, images=IMAGES, budget=BUDGET
    )
    compare(compared, path, "table")
    page = out / PAGE
    _print_step(
        "3. All of it on one page, with curves, tables and pictures.",
        ("report", str(path), "--html", str(page)),
    )
    print_text(_page(path, page))
    print_text(f"Pictures: {visible(str(out / f'attack{CONTACT_SHEET}'))} shows every success of step 1")


def _print_step(what: str, command: Sequence[str]) -> None:
    """Say what comes, and the command that does it."""
    print_text(f"\n{what}\n$ {shlex.join(['sparseattack', *command])}\n")


def _page(path: Path, page: Path) -> str:
    """Write the page, and say where it is, or what it needs."""
    try:
        require_matplotlib()
    except InputError as error:
        return f"Page: {error}; then the command above makes it"
    with Study.read(path) as study:
        text = results(study, courses=True).to_html()
    try:
        page.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{page} cannot be written: {error.strerror or error}") from error
    size = len(text.encode()) // 1000
    return f"Page: {visible(str(page))}, {size} kB in one file: open it in a browser, or send it to a friend"
