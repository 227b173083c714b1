"""The notes below a table: what was run, where it differs from the paper, and how to read the numbers."""

from collections.abc import Iterator, Mapping

from sparseattack.errors import number_of
from sparseattack.experiment.protocols import PROTOCOLS

from .studies import FinishedStudy, PlannedStudy
from .tables import PaperTable

READING = (
    "Intervals are Wilson's at 95 %; an image is one trial whatever the number of its targets, in our numbers"
    " and in the paper's. inside: the paper's value lies in our interval; overlap: it does not, but the"
    " intervals meet; outside: they do not. n: images of a rate and of the classes they reach, runs of the"
    " queries to first success, successes of everything else."
)
KAGGLE = (
    "The paper's images are of Kaggle's CIFAR-10 test set: 300,000 images, repeated and distorted ones"
    " among them. Here they are of the original test set, misclassified ones included; the network's"
    " prediction is the true class. The numbers are not expected to agree."
)
CONFIDENCE = "A confidence is the probability of the class predicted after a successful attack."
OWN = {
    "4": (CONFIDENCE,),
    "5": (
        "As in the paper: three pixels on AllConv, five on NiN; three on networks that it does not have.",
        CONFIDENCE,
    ),
    "6": (
        "Evaluations are all queries of a successful search, in whole generations, until it meets the paper's"
        " stopping criterion. In the mean of queries to first success a failure counts as its whole budget.",
    ),
    "7": (
        "The paper's own comparison cannot be repeated as printed: random search is said to try one random"
        " pixel a hundred times, and then to have the same 80,000 evaluations as differential evolution,"
        " which has 40,400 at most. Here both have the same budget and the same stopping criterion.",
    ),
    "8": (
        CONFIDENCE,
        "Rows without a number of the paper are our own; in the mean of queries to first success a failure"
        " counts as its whole budget. A corner colour has channels of 0 and 255 only: all of them at all"
        " pixels, 8,192 queries, are everything that a search among them can find.",
    ),
    "imagenet": (
        "The paper's network is BVLC AlexNet, on images of 227x227 pixels. Here another network is measured,"
        " on other images: the numbers are not expected to agree.",
    ),
}


def notes(table: PaperTable, finished: Mapping[PlannedStudy, FinishedStudy]) -> list[str]:
    """The notes of a table as sentences, those about what was run first."""
    measured = {planned: finished[planned] for planned in table.studies() if planned in finished}
    kaggle = (KAGGLE,) if table.name in ("4", "5", "6", "7") else ()
    return [*_what_was_run(measured), *kaggle, *OWN[table.name], READING]


def _what_was_run(measured: Mapping[PlannedStudy, FinishedStudy]) -> Iterator[str]:
    """Images and devices; a number of images or a budget that is not the paper's; errors."""
    if not measured:
        yield "Nothing of this table has been run yet."
        return
    studies = measured.values()
    images = {
        f"{study.experiment.images} ({number_of(study.request.num_images, 'image')})" for study in studies
    }
    devices = {study.experiment.device for study in studies}
    yield f"Images are of {' and '.join(sorted(images))}, on {' and '.join(sorted(devices))}."
    if fewer := sorted({sentence for pair in measured.items() if (sentence := _fewer_images(*pair))}):
        yield f"Fewer images than in the paper: {'; '.join(fewer)}."
    if budgets := sorted({sentence for pair in measured.items() if (sentence := _other_budget(*pair))}):
        yield f"Another budget than the paper's: {'; '.join(budgets)}."
    if failed := [study for study in studies if any(record.error for record in study.records)]:
        yield f"Some searches ended with an error, and count as failures: {failed[0].path.name}."


def _fewer_images(planned: PlannedStudy, study: FinishedStudy) -> str:
    wanted = PROTOCOLS[planned.protocol].settings(planned.targeted)["num_images"]
    if study.attacked >= wanted:
        return ""
    return f"{planned.network}, {planned.mode}, {study.attacked} in place of {wanted}"


def _other_budget(planned: PlannedStudy, study: FinishedStudy) -> str:
    wanted = PROTOCOLS[planned.protocol].settings(planned.targeted)["budget"]
    budget = study.experiment.budget
    return "" if budget == wanted or planned.budget else f"{budget:,} queries in place of {wanted:,}"
