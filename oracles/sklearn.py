"""Classifiers of scikit-learn, without gradients: any fitted estimator, and a random forest on digits."""

import sys
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import numpy as np
import sklearn as library
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
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
ROUNDING = 1e-3  # of sums of probabilities, and of the greatest colour
RANGES = (1.0, 16.0, 255.0)  # greatest colours of common data
Layout = Literal["nchw", "nhwc"]
GREYS = 16  # highest of the 17 grey levels of scikit-learn's digits


class Rows(NamedTuple):
    """How images become rows of numbers for an estimator."""

    range: float = 1  # greatest colour
    layout: Layout = "nchw"

    def of(self, images: Tensor) -> NDArray[np.float32]:
        """Rows ``(n, C * H * W)`` of images ``(n, C, H, W)`` in [0, 1]."""
        if self.range != 1:  # whole numbers stay whole
            images = images.mul(255).round().mul(self.range / 255)
        ordered = images.permute(0, 2, 3, 1) if self.layout == "nhwc" else images
        return ordered.flatten(1).cpu().numpy()


UNIT_ROWS = Rows()


def sklearn(
    *,
    estimator: str,
    range: float = 1,
    layout: Layout = "nchw",
    classes: tuple[str, ...] = (),
    scale: Literal["probabilities", "labels"] = "probabilities",
    batch: int = 4096,
) -> Oracle:
    """A fitted scikit-learn classifier, returned by a function of yours.

    It gets a row of numbers for each image and must have ``predict_proba``, or with scale=labels ``predict``.
    Pickles are not read: they could run any code.

    estimator: package.module:function or file.py:function, or in its place the estimator itself
    range: greatest colour in the rows that it was fitted on: 1, 255, or 16 for scikit-learn's digits
    layout: order of the numbers in a row; nchw is all rows of one channel after another, nhwc pixel by pixel
    classes: names of the classes; by default the estimator's own
    scale: what it answers, probabilities or labels only
    batch: images per call at most
    """
    if range <= 0:
        raise InputError(f"sklearn's range is the greatest colour, such as 1 or 255, not {range:g}")
    make, fitted = call_at(estimator)
    rows = Rows(range, layout)
    source = digest_source(make)
    if scale == "labels":
        return _label_oracle(fitted, estimator, source, rows=rows, classes=classes, batch=batch)
    return _oracle(fitted, estimator, source, rows=rows, classes=classes, batch=batch)


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
    rows: Rows = UNIT_ROWS,
    classes: tuple[str, ...] = (),
    batch: int = 4096,
    shape: Shape = (None, None, None),
) -> Oracle:
    """The oracle of a fitted estimator; ``source`` is the digest of the code that made it."""
    if not hasattr(estimator, "predict_proba"):
        raise InputError(
            f"{name} makes {type(estimator).__name__}, which has no predict_proba: of a classifier without,"
            " CalibratedClassifierCV(classifier).fit(X, y) makes one that has it; scale=labels takes its"
            " predictions alone"
        )
    inputs = _inputs(estimator, name, rows)

    def scores(images: Tensor) -> Tensor:
        found = estimator.predict_proba(rows.of(_fitting(images, inputs, name)))
        return torch.from_numpy(found).float().to(images.device)

    probes = estimator.predict_proba(_probes(inputs, rows))
    _check_outputs(probes, name)
    changed = [] if rows == UNIT_ROWS else [rows.range, rows.layout]
    other = [*_foreign(estimator), *changed, *_digests(estimator)]
    known = digest([source, library.__version__, probes.round(DECIMALS).tolist(), *other])
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


def _foreign(estimator: Any) -> list[object]:
    """Name and version of the library of an estimator, or of a pipeline's last step, if it is another one."""
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    home = type(last).__module__.partition(".")[0]
    version = getattr(sys.modules.get(home), "__version__", "")
    return [home, version] if version and home != library.__name__ else []


def _digests(estimator: Any) -> list[str]:
    """Digests of the numbers that were fitted: noise is too far from all training rows to tell some apart.

    They are rounded as probabilities are: an estimator that is fitted again may differ in its last bits.
    """
    found = []
    for array in map(np.nan_to_num, _arrays(estimator)):
        shares = np.round(array / (np.abs(array).max(initial=0) or 1), DECIMALS) + 0.0  # of no negative zero
        found.append(blake2b(f"{array.shape} ".encode() + shares.tobytes(), digest_size=16).hexdigest())
    return found


def _arrays(value: object) -> Iterator[NDArray[np.float64]]:
    """The arrays of numbers in a fitted estimator and in estimators within it; trees hold none."""
    if isinstance(value, BaseEstimator):
        for name, each in sorted(vars(value).items()):
            yield from () if name == "classes_" else _arrays(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _arrays(each)
    elif isinstance(value, np.ndarray) and value.dtype.kind == "O":
        yield from _arrays(value.ravel().tolist())
    elif isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        yield value.astype(np.float64)


def _label_oracle(
    estimator: Any, name: str, source: str, *, rows: Rows, classes: tuple[str, ...], batch: int
) -> Oracle:
    """The oracle of what a fitted estimator predicts, without probabilities."""
    inputs = _inputs(estimator, name, rows)
    if not isinstance(found := getattr(estimator, "classes_", None), np.ndarray) or found.ndim != 1:
        raise InputError(f"{name} makes {type(estimator).__name__}, no classifier of one label a row")
    place = {label: number for number, label in enumerate(found.tolist())}

    def labels(images: Tensor) -> Tensor:
        predicted = estimator.predict(rows.of(_fitting(images, inputs, name)))
        numbers = torch.tensor([place[label] for label in predicted.tolist()])
        return torch.nn.functional.one_hot(numbers, len(place)).float().to(images.device)

    probes = estimator.predict(_probes(inputs, rows)).tolist()
    other = [*_foreign(estimator), rows.range, rows.layout, "labels", *_digests(estimator)]
    known = digest([source, library.__version__, probes, *other])
    names = classes or _class_names(estimator)
    return Classifier(name, labels, known, "labels", batch, names, block=PAD)


def _inputs(estimator: Any, name: str, rows: Rows) -> int:
    """How many numbers a row has; refused where the estimator is not fitted, or on another range."""
    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError) as error:
        raise InputError(f"{name} makes {type(estimator).__name__}, which is not fitted") from error
    _check_range(estimator, name, rows.range)
    return int(estimator.n_features_in_)


def _fitting(images: Tensor, inputs: int, name: str) -> Tensor:
    """The images, refused if they are of another size."""
    if images.shape[1:].numel() != inputs:
        size = "x".join(map(str, images.shape[1:]))
        raise InputError(f"oracle {name} takes {inputs} numbers, not images of {size}")
    return images


def _probes(inputs: int, rows: Rows) -> NDArray[np.float64]:
    """Rows of noise, whose answers are part of the digest."""
    return np.random.default_rng(0).random((PROBES, inputs)) * rows.range


def _check_range(estimator: Any, name: str, range: float) -> None:
    """Refuse an estimator that was visibly fitted on greater numbers than ``range``."""
    first = estimator.steps[0][1] if hasattr(estimator, "steps") else estimator  # of a pipeline
    if (seen := _largest_seen(first)) > range * (1 + ROUNDING):
        likely = [most for most in RANGES if most >= seen] or [seen]
        raise InputError(
            f"{name} makes {type(estimator).__name__}, which was fitted on numbers up to {seen:.4g}, not"
            f" {range:g}: set {' or '.join(f'range={most:.4g}' for most in likely)}, its greatest colour"
        )


def _largest_seen(estimator: Any) -> float:
    """The greatest number of the training rows that is seen in a fitted estimator; 0 where none is."""
    trees = estimator.estimators_ if hasattr(estimator, "estimators_") else [estimator]
    seen = [tree.tree_.threshold for tree in np.ravel(trees) if hasattr(tree, "tree_")]
    seen += [getattr(estimator, name, ()) for name in ("support_vectors_", "_fit_X", "data_max_", "mean_")]
    numbers = [each.max() for each in seen if isinstance(each, np.ndarray) and each.size]
    return float(max(numbers, default=0))


def _check_outputs(probabilities: object, name: str) -> None:
    """Refuse an estimator of several outputs, whose ``probabilities`` are a list or do not sum to 1."""
    if not isinstance(probabilities, np.ndarray) or probabilities.ndim != len(("rows", "classes")):
        found = "a list of outputs"
    elif not np.allclose(probabilities.sum(1), 1, atol=ROUNDING):
        found = "probabilities that do not sum to 1"
    else:
        return
    raise InputError(
        f"{name} makes an estimator whose predict_proba returns {found}: it was fitted on one-hot or several"
        " labels a row. Fit it on one class number a row, as in fit(X, y.argmax(1)) for one-hot y"
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
