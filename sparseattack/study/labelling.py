"""What the images of a comparison show, told by the oracle's classes: decided here and nowhere else."""

from dataclasses import replace

from torch import Tensor

from sparseattack.data.images import UNKNOWN
from sparseattack.errors import InputError
from sparseattack.problem.oracle import title
from sparseattack.study.choice import choose
from sparseattack.study.prepared import Prepared


def labelled(prepared: Prepared) -> Prepared:
    """The same, every label the class that is taken as true, numbered as the oracle's.

    Raises InputError for a label that is no class of the oracle's, for an image without a label, and where
    more images are to be drawn than may be attacked.
    """
    by_oracle = prepared.experiment.truth == "prediction"
    known = showing(prepared, prepared.verdicts.classes) if by_oracle else _numbered(prepared)
    choose(known)
    return known


def showing(prepared: Prepared, labels: Tensor) -> Prepared:
    """The same, its images showing the classes ``labels (N,)`` of the oracle's."""
    return replace(prepared, images=replace(prepared.images, labels=labels, classes=prepared.classes))


def _numbered(prepared: Prepared) -> Prepared:
    """The same, labels numbered as the oracle's classes where both have names."""
    images = prepared.images.numbered(getattr(prepared.oracle, "classes", ()))
    if (unknown := images.labels == UNKNOWN).any():
        first = images.ids[int(unknown.nonzero()[0])]
        raise InputError(
            f"image {first} has no label: sub-folders named by class give one, or a CSV of columns file and"
            " label (sparseattack attack takes pictures without)"
        )
    count, highest = len(prepared.classes), int(images.labels.max())
    if highest >= count:
        worst, who = images.ids[int(images.labels.argmax())], title(prepared.oracle)
        raise InputError(f"{who} knows {count} classes, but image {worst} has label {highest}")
    return replace(prepared, images=images)
