"""OnePixel of torchattacks (Kim, 2020): differential evolution, after Su et al. (2019)."""

import numpy as np
from torch import Tensor
from torchattacks import OnePixel

from sparseattack import ImageSearch, Space, per_image, uses
from sparseattack.errors import require

from .model_calls import Model, metered
from .torchattacks_network import LibraryNetwork

ALL = 10**9  # images in a call: a generation is shown at once
WHO = "torchattacks-onepixel"


@uses("image", "scores", "external")
@per_image
def torchattacks_onepixel(
    space: Space, random: np.random.RandomState, *, steps: int = 10, popsize: int = 10
) -> ImageSearch:
    """OnePixel of torchattacks, external and metered: best/1 differential evolution of p(true class).

    The library's code; every image that it shows its model is a query. Each generation ends with one that
    asks again for its best. It writes real numbers for colours, which are rounded to 8 bits before they are
    shown. When it returns it is run again, until the budget ends it.

    steps: generations of a run after the first population; 10 is the library's
    popsize: members asked for, of which the library makes a multiple of the genes, at least 5; 10 is its own
    """
    require(steps >= 1, f"{WHO} needs at least 1 step, not {steps}")
    require(popsize >= 1, f"{WHO} needs a popsize of at least 1, not {popsize}")

    def attack(model: Model) -> Tensor:
        library = OnePixel(LibraryNetwork(space, model), space.slots, steps, popsize, inf_batch=ALL)
        if space.targeted:
            library.set_mode_targeted_by_label(quiet=True)
        found: Tensor = library(space.images, space.labels)
        return found

    return metered(space, attack, WHO)
