"""PixelAttack of the Adversarial Robustness Toolbox (Nicolae et al., 2018), by DE or CMA-ES."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Literal

import cma
import numpy as np
import torch
from art.attacks.evasion import PixelAttack, pixel_threshold
from art.estimators.classification import BlackBoxClassifierNeuralNetwork
from numpy.typing import NDArray

from sparseattack import ImageSearch, Space, per_image, uses
from sparseattack.errors import require

from .model_calls import Model, metered

WHO = "art-pixel"
NUMBERS = {"cmaes": 0, "de": 1}  # of ART's setting es
ALL = 10**9  # images in a call: a generation is shown at once
BINARY = 2


@uses("image", "scores", "external")
@per_image
def art_pixel(
    space: Space,
    random: np.random.RandomState,
    *,
    es: Literal["de", "cmaes"] = "de",
    max_iter: int = 100,
) -> ImageSearch:
    """PixelAttack of the Adversarial Robustness Toolbox (ART), external and metered.

    The library's code; every image that it shows its model is a query. It minimises the oracle's score of the
    true class as it is, a logit or a probability; a generation ends with a query that asks again for its
    best. Differential evolution has 400 members, or the next smaller multiple of the genes. CMA-ES starts at
    the first pixels of the image, in their own colours. When it returns it is run again.

    es: the search, de or cmaes (ART's es=1 and es=0)
    max_iter: generations of a run; 100 is the library's
    """
    require(max_iter >= 1, f"{WHO} needs a max_iter of at least 1, not {max_iter}")
    classes = space.clean_scores.shape[1]
    require(classes > BINARY, f"{WHO} needs more than 2 classes: the library refuses a classifier of two")

    def attack(model: Model) -> object:
        with ExitStack() as until_first:
            # pycma, which would seed numpy's global state by the clock, draws from it: it is the image's own
            until_first.enter_context(_replaced(cma, "CMAOptions", partial(cma.CMAOptions, seed=np.nan)))
            until_first.enter_context(_replaced(pixel_threshold.tqdm, "monitor_interval", 0))  # no thread

            def scores(images: NDArray[np.float32]) -> NDArray[np.float32]:
                until_first.close()
                answer = model(torch.from_numpy(images)).numpy()
                warnings.filterwarnings("ignore", module="cma")  # of values in arrays; until it waits again
                return answer

            victim = BlackBoxClassifierNeuralNetwork(
                scores, tuple(space.images.shape[1:]), classes, clip_values=(0.0, 1.0)
            )
            victim.predict = partial(victim.predict, batch_size=ALL)
            library = PixelAttack(victim, space.slots, NUMBERS[es], max_iter, space.targeted)
            return library.generate(space.images.numpy(), space.labels.numpy())

    return metered(space, attack, WHO)


@contextmanager
def _replaced(home: Any, name: str, value: object) -> Iterator[None]:
    """Give an attribute of a library another value until the end of the block."""
    usual = getattr(home, name)
    setattr(home, name, value)
    try:
        yield
    finally:
        setattr(home, name, usual)
