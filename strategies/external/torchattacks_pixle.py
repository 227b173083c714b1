"""Pixle of torchattacks (Pomponi, Scardapane and Uncini, 2022): copy pixels of the image to other places."""

from typing import Literal

import numpy as np
from torch import Tensor
from torchattacks import Pixle

from sparseattack import ImageSearch, Space, per_image, uses
from sparseattack.errors import require

from .model_calls import Model, metered
from .torchattacks_network import LibraryNetwork

WHO = "torchattacks-pixle"
Mapping = Literal["random", "similarity", "similarity_random", "distance", "distance_random"]


@uses("image", "scores", "external")
@per_image
def torchattacks_pixle(
    space: Space,
    random: np.random.RandomState,
    *,
    x_dimensions: int = 1,
    y_dimensions: int = 1,
    pixel_mapping: Mapping = "random",
    restarts: int | None = None,
    max_iterations: int = 10,
) -> ImageSearch:
    """Pixle of torchattacks, external and metered: random patches of the image are copied to other pixels.

    The library's code; every image that it shows its model is a query, the clean one at first too, and each
    candidate twice: for its value, and for its class. Each of its restarts goes on from the image of the one
    before, so that only restarts * x_dimensions * y_dimensions pixels are sure to be enough; more than k are
    refused, which the library's own 2 to 10 and 20 restarts are. When it returns it is run again.

    x_dimensions: width of the patch that an iteration copies
    y_dimensions: height of the patch
    pixel_mapping: where its pixels are copied to, random or by the difference of colours
    restarts: of a run; none is as many as change at most k pixels
    max_iterations: patches that a restart tries; 10 is the library's
    """
    patch = x_dimensions * y_dimensions
    number = max(1, space.slots // max(1, patch)) if restarts is None else restarts
    _check(space, x_dimensions, y_dimensions, number)
    require(max_iterations >= 1, f"{WHO} needs at least 1 iteration, not {max_iterations}")
    known = space.images.shape[2] > 1 or pixel_mapping == "random"
    require(known, f"{WHO} needs more than one pixel for pixel_mapping={pixel_mapping}")

    def attack(model: Model) -> Tensor:
        library = Pixle(
            LibraryNetwork(space, model), x_dimensions, y_dimensions, pixel_mapping, number, max_iterations
        )
        if space.targeted:
            library.set_mode_targeted_by_label(quiet=True)
        found: Tensor = library(space.images, space.labels)
        return found

    return metered(space, attack, WHO)


def _check(space: Space, width: int, height: int, restarts: int) -> None:
    """Refuse what could change more than k pixels, and images that the library cannot index."""
    for what, number in (("x_dimensions", width), ("y_dimensions", height), ("restarts", restarts)):
        require(number >= 1, f"{WHO} needs a {what} of at least 1, not {number}")
    most = width * height * restarts
    require(
        most <= space.slots,
        f"{WHO} changes up to {most} pixels in {restarts} restarts of {width} x {height}, and k is"
        f" {space.slots}: choose restarts, x_dimensions and y_dimensions whose product is at most k",
    )
    rows, columns = space.images.shape[2:]
    square = rows == columns
    require(square, f"{WHO} needs square images, not {rows} x {columns}: the library takes rows for columns")
