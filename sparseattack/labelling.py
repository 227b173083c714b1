"""The labels of a comparison's images are the oracle's classes."""

from dataclasses import replace

from sparseattack.errors import InputError
from sparseattack.images import UNKNOWN
from sparseattack.oracle import title
from sparseattack.prepared import Prepared


def labelled(prepared: Prepared) -> Prepared:
    """The same, labels numbered as the oracle's classes where both have names.

    Raises InputError for a label that is no class of the oracle's, and for an image without a label.
    """
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
