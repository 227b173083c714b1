"""A random forest on hand-written digits: a classifier without gradients."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier

from sparseattack import InputError, Oracle
from sparseattack.provenance import digest_source

from .sklearn import answering

GREYS = 16  # highest of the 17 grey levels of scikit-learn's digits


def digits_forest(*, trees: int = 100, seed: int = 0) -> Oracle:
    """A random forest (Breiman, 2001) on 8x8 grey digits, trained in a second on half of them.

    The other half are the images ``digits``. Grey level v of 16 is shown as the multiple round(255 v / 16)
    of 1/255, so that a digit can be stored in 8 bits.

    trees: of the forest
    seed: of its training
    """
    if trees < 1 or seed < 0:
        raise InputError(
            f"digits-forest needs at least 1 tree and a seed of at least 0, not {trees} and {seed}"
        )
    digits = load_digits()
    half = len(digits.target) // 2
    images = np.round(digits.images[:half] * 255 / GREYS) / 255
    forest = RandomForestClassifier(trees, random_state=seed)
    forest.fit(images.reshape(half, -1).astype(np.float32), digits.target[:half])
    names, source = tuple(map(str, digits.target_names)), digest_source(digits_forest)
    return answering(forest, "digits-forest", source, classes=names, shape=(1, 8, 8))
