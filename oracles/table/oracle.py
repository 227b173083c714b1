"""A table of scores that `sparseattack tabulate` wrote: every one-pixel answer of a network, without it."""

from pathlib import Path

from torch import Tensor

from sparseattack import Classifier, Edits, Oracle
from sparseattack.data import load
from sparseattack.experiment.score_table import ScoreTable
from sparseattack.oracles.weights import required

from .lookup import Lookup

IN_PACKAGE = "one-pixel"  # the name of the table in the package, and of its images


def table(*, path: str | None = None, batch: int = 256) -> Oracle:
    """Answers of another oracle about one pixel in corner colours, read from a table.

    The class that wins is that of the other oracle; scores are rounded to half precision. An image that is
    not in the table, with at most one pixel in a corner colour, is refused. The clean images are in the file,
    too: --images FILE.npz, or --images one-pixel for the table in the package.

    path: a file written by `sparseattack tabulate`; by default allconv-small on images of the sample
    batch: images per call at most
    """
    file = required(path) if path else Path(load.__file__).parent / "sample" / f"{IN_PACKAGE}.npz"
    held = ScoreTable.read(file)
    lookup = Lookup(held, f"the table {file.name}", path or IN_PACKAGE)

    def answer_edits(images: Tensor, rows: Tensor, edits: Edits) -> Tensor | None:
        return lookup.of_edits(images, rows, edits) if edits.positions.shape[1] == 1 else None

    return Classifier(
        file.name,
        lookup.of_images,
        held.digest,
        held.origin.scale,
        batch,
        held.names,
        (lookup.channels, lookup.height, lookup.width),
        answer_edits,
        rounding=0.0,  # an answer does not depend on others
    )
