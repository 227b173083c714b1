"""A fitted classifier of scikit-learn: no gradient is needed."""

from typing import Any

import numpy as np
import sklearn as library
import torch
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sparseattack import Classifier, InputError, Oracle
from sparseattack.plugins.registry import call_at
from sparseattack.problem.oracle import Shape
from sparseattack.provenance import digest, digest_source

PROBES, DECIMALS = 256, 6  # rows of noise whose answers tell one fit from another


def sklearn(*, estimator: str, classes: tuple[str, ...] = (), batch: int = 4096) -> Oracle:
    """A fitted scikit-learn classifier: what a function of yours returns.

    It is shown rows of C x H x W numbers in [0, 1] and must have ``predict_proba``. Pickles are not read:
    they could run anything.

    estimator: package.module:function or file.py:function
    classes: their names; the estimator's own by default
    batch: most images at once
    """
    make, fitted = call_at(estimator)
    return answering(fitted, estimator, digest_source(make), classes=classes, batch=batch)


def answering(
    fitted: Any,
    name: str,
    source: str,
    *,
    classes: tuple[str, ...] = (),
    batch: int = 4096,
    shape: Shape = (None, None, None),
) -> Oracle:
    """The oracle of an estimator; ``source`` is a digest of what made it."""
    if not hasattr(fitted, "predict_proba"):
        raise InputError(f"{name} makes {type(fitted).__name__}, which has no predict_proba")
    try:
        check_is_fitted(fitted)
    except (NotFittedError, TypeError) as error:
        raise InputError(f"{name} makes {type(fitted).__name__}, which is not fitted") from error
    inputs = int(fitted.n_features_in_)

    def scores(images: Tensor) -> Tensor:
        rows = images.flatten(1).cpu().numpy()
        if rows.shape[1] != inputs:
            said = "x".join(map(str, images.shape[1:]))
            raise InputError(f"oracle {name} takes {inputs} numbers, not images of {said}")
        return torch.from_numpy(fitted.predict_proba(rows)).float().to(images.device)

    probes = fitted.predict_proba(np.random.default_rng(0).random((PROBES, inputs)))
    known = digest([source, library.__version__, probes.round(DECIMALS).tolist()])
    return Classifier(name, scores, known, "probabilities", batch, classes or _names(fitted), shape)


def _names(fitted: Any) -> tuple[str, ...]:
    """Of an estimator's classes; none where they are but counted from 0, whatever they stand for."""
    names = tuple(map(str, fitted.classes_))
    return () if names == tuple(map(str, range(len(names)))) else names
