"""What a reader of a table must know: what was run, and where that is not what the paper ran.

What is said of a table, whatever was run for it.
"""

from collections.abc import Iterator, Mapping

from sparseattack.study.protocols import PROTOCOLS

from .part import Finding, Part
from .tables import Table

READING = (
    "An interval is Wilson's at 95 %; an image is one trial whatever the number of its targets, in our"
    " figures and in the paper's. inside: the paper's figure lies in our interval; overlap: it does not,"
    " but the intervals meet; outside: they do not. n: images of a rate and of the classes they reach, runs"
    " of the queries to first success, successes of all else."
)
KAGGLE = (
    "The paper's images are of Kaggle's CIFAR-10 test set: 300,000 images, repeated and distorted ones"
    " among them. Here they are of the original test set, misclassified ones included, what the network"
    " calls them being their true class. The figures are not expected to agree."
)
CONFIDENCE = "A confidence is that of the class an image is taken for after a successful attack."
OWN = {
    "4": (CONFIDENCE,),
    "5": (
        "As in the paper: three pixels on AllConv, five on NiN; three on networks that it does not have.",
        CONFIDENCE,
    ),
    "6": (
        "Evaluations are all rows of a successful search, in whole generations, until it stops by the"
        " paper's rule. The mean of queries to first success takes all those of a failure.",
    ),
    "7": (
        "The paper's own comparison cannot be repeated as printed: random search is said to try one random"
        " pixel a hundred times, and then to have the same 80,000 evaluations as differential evolution,"
        " which has 40,400 at most. Here both have the same budget, and stop by the same rule.",
    ),
    "8": (
        CONFIDENCE,
        "Rows without a figure of the paper's are our own; the mean of queries to first success takes all"
        " those of a failure. A corner colour has channels of 0 and 255 only: all of them at all pixels,"
        " 8,192 questions, are everything that a search among them can find.",
    ),
    "imagenet": (
        "The paper's network is BVLC AlexNet, on images of 227x227 pixels. Another network is measured"
        " here, on other images: the figures are not expected to agree.",
    ),
}


def notes(table: Table, found: Mapping[Part, Finding]) -> list[str]:
    """Sentences, those first that say what was run."""
    measured = {part: found[part] for part in table.parts() if part in found}
    kaggle = (KAGGLE,) if table.name in ("4", "5", "6", "7") else ()
    return [*_run(measured), *kaggle, *OWN[table.name], READING]


def _run(measured: Mapping[Part, Finding]) -> Iterator[str]:
    """Images, and where their number or the budget is not the paper's."""
    if not measured:
        yield "Nothing of this table has been run yet."
        return
    images = {f"{finding.experiment['images']} ({finding.images:,} images)" for finding in measured.values()}
    yield f"Images are of {' and '.join(sorted(images))}, on {_devices(measured)}."
    if counts := sorted({said for pair in measured.items() if (said := _fewer(*pair))}):
        yield f"Fewer images than in the paper: {'; '.join(counts)}."
    if budgets := sorted({said for pair in measured.items() if (said := _budget(*pair))}):
        yield f"Another budget than the paper's: {'; '.join(budgets)}."
    if missing := [finding for finding in measured.values() if any(one.error for one in finding.records)]:
        yield f"Some searches were given up after an error, and count as failures: {missing[0].path.name}."


def _devices(measured: Mapping[Part, Finding]) -> str:
    return " and ".join(sorted({finding.experiment["device"] for finding in measured.values()}))


def _fewer(part: Part, finding: Finding) -> str:
    wanted = PROTOCOLS[part.protocol].settings(part.targeted)["num_images"]
    if finding.attacked >= wanted:
        return ""
    mode = "targeted" if part.targeted else "untargeted"
    return f"{part.network}, {mode}, {finding.attacked} in place of {wanted}"


def _budget(part: Part, finding: Finding) -> str:
    wanted, had = PROTOCOLS[part.protocol].settings(part.targeted)["budget"], finding.experiment["budget"]
    return "" if had == wanted or part.exhaustive else f"{had:,} rows in place of {wanted:,}"
