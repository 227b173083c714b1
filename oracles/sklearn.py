"""Classifiers of scikit-learn, without gradients: any fitted estimator, and a random forest on digits."""

from typing import Any

import numpy as np
import sklearn as library
import torch
from sklearn.datasets import load_digits
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sparseattack import Classifier, InputError, Oracle
from sparseattack.plugins.registry import call_at
from sparseattack.problem.inference import PAD
from sparseattack.problem.oracle import Shape
from sparseattack.provenance import digest, digest_source

PROBES, DECIMALS = 256, 6  # rows of noise whose probabilities, rounded, are part of an estimator's digest
GREYS = 16  # highest of the 17 grey levels of scikit-learn's digits


def sklearn(*, estimator: str, classes: tuple[str, ...] = (), batch: int = 4096) -> Oracle:
    """A fitted scikit-learn classifier, returned by a function of yours.

    It gets rows of C x H x W numbers in [0, 1] and must have ``predict_proba``. Pickles are not read: they
    could run any code.

    estimator: package.module:function or file.py:function, or in its place the estimator itself
    classes: names of the classes; by default the estimator's own
    batch: images per call at most
    """
    make, fitted = call_at(estimator)
    return _oracle(fitted, estimator, digest_source(make), classes=classes, batch=batch)


def digits_forest(*, trees: int = 100, seed: int = 0) -> Oracle:
    """A random forest (Breiman, 2001) on 8x8 grey digits, trained in a second on half of them.

    The images called ``digits`` are the other half. Grey level v of 16 becomes round(255 v / 16) / 255, so
    that a digit can be stored in 8 bits.

    trees: number of trees
    seed: of the random numbers of the training
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
    return _oracle(forest, "digits-forest", source, classes=names, shape=(1, 8, 8))


def _oracle(
    estimator: Any,
    name: str,
    source: str,
    *,
    classes: tuple[str, ...] = (),
    batch: int = 4096,
    shape: Shape = (None, None, None),
) -> Oracle:
    """The oracle of a fitted estimator; ``source`` is the digest of the code that made it."""
    if not hasattr(estimator, "predict_proba"):
        raise InputError(f"{name} makes {type(estimator).__name__}, which has no predict_proba")
    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError) as error:
        raise InputError(f"{name} makes {type(estimator).__name__}, which is not fitted") from error
    inputs = int(estimator.n_features_in_)

    def scores(images: Tensor) -> Tensor:
        rows = images.flatten(1).cpu().numpy()
        if rows.shape[1] != inputs:
            size = "x".join(map(str, images.shape[1:]))
            raise InputError(f"oracle {name} takes {inputs} numbers, not images of {size}")
        return torch.from_numpy(estimator.predict_proba(rows)).float().to(images.device)

    probes = estimator.predict_proba(np.random.default_rng(0).random((PROBES, inputs)))
    known = digest([source, library.__version__, probes.round(DECIMALS).tolist()])
    return Classifier(
        name,
        scores,
        known,
        "probabilities",
        batch,
        classes or _class_names(estimator),
        shape,
        block=1 if _adds_in_order(estimator) else PAD,
        rounding=0 if _adds_in_order(estimator) else None,
    )


def _adds_in_order(estimator: Any) -> bool:
    """Whether a row's probabilities are the same bits beside any others: no matrix product, no threads."""
    forests = RandomForestClassifier, ExtraTreesClassifier
    return isinstance(estimator, DecisionTreeClassifier) or (
        isinstance(estimator, forests) and estimator.n_jobs in (None, 1)
    )


def _class_names(estimator: Any) -> tuple[str, ...]:
    """The estimator's own names of its classes; none where they are only numbers counted from 0."""
    names = tuple(map(str, estimator.classes_))
    return () if names == tuple(map(str, range(len(names)))) else names
