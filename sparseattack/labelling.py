"""A comparison needs to know what its images show."""

from sparseattack.errors import InputError
from sparseattack.images import UNKNOWN
from sparseattack.prepare import Prepared


def labelled(prepared: Prepared) -> Prepared:
    """The same, if every image has a label; else InputError."""
    images = prepared.images
    if (unknown := images.labels == UNKNOWN).any():
        first = images.ids[int(unknown.nonzero()[0])]
        raise InputError(
            f"image {first} has no label: sub-folders named by class give one, or a CSV of columns file and"
            " label (sparseattack attack takes pictures without)"
        )
    return prepared
