"""Few-pixel attacks of the Adversarial Robustness Toolbox: ``FewPixelEvasion(classifier).generate(x, y)``."""

from typing import Any, ClassVar

import numpy as np
import torch
from art.attacks.attack import EvasionAttack
from art.estimators import BaseEstimator
from art.estimators.classification.classifier import ClassifierMixin
from art.utils import check_and_transform_label_format
from numpy.typing import NDArray
from torch import Tensor

from sparseattack.adapters.colour_range import ColourRange
from sparseattack.adapters.few_pixels import Attacked, Failed, FewPixels
from sparseattack.adapters.layout import back, channels_last, first
from sparseattack.errors import InputError
from sparseattack.problem.scale import ScaleSetting
from sparseattack.problem.space import Strategy

Array = NDArray[Any]


class FewPixelEvasion(EvasionAttack):  # type: ignore[misc]  # ART has no types
    """An evasion attack of ART that changes at most ``pixels`` pixels of an image, at ``budget`` queries.

    It takes every classifier of ART that predicts, ``BlackBoxClassifier`` too, if it has ``clip_values``.
    ``channels_first`` is needed where the classifier has none and the images' sides leave it open. As ART
    does, an image whose attack failed is returned as it came, unless ``failed="attempt"``. ``last`` has the
    outcomes of the last call. Preprocessing and defences of the classifier are part of what is attacked.
    """

    attack_params: ClassVar[list[str]] = [
        *EvasionAttack.attack_params,
        *[
            "pixels",
            "budget",
            "strategy",
            "encoding",
            "seed",
            "scale",
            "failed",
            "targeted",
            "channels_first",
        ],
    ]
    _estimator_requirements = (BaseEstimator, ClassifierMixin)
    last: Attacked

    def __init__(
        self,
        classifier: Any,
        pixels: int = 1,
        budget: int = 1000,
        *,
        strategy: str | Strategy = "de",
        encoding: str = "rgb",
        seed: int = 0,
        scale: ScaleSetting = "auto",
        failed: Failed = "original",
        targeted: bool = False,
        channels_first: bool | None = None,
    ) -> None:
        super().__init__(estimator=classifier)
        self.pixels, self.budget, self.strategy, self.encoding = pixels, budget, strategy, encoding
        self.seed, self.scale, self.failed = seed, scale, failed
        self.targeted = targeted
        self.channels_first = channels_first
        self._check_params()

    def generate(self, x: Array, y: Array | None = None) -> Array:
        """Adversarial images of the shape and type of ``x (N, C, H, W)``, or ``(N, H, W, C)``.

        ``y`` are classes, or targets, as indices ``(N,)`` or one-hot ``(N, K)``. Without it, untargeted, they
        are what the classifier predicts, which evaluates every image once more; that is not counted.
        """
        x = np.asarray(x)
        known = getattr(self.estimator, "channels_first", None)
        chosen = known if self.channels_first is None else self.channels_first
        last = channels_last(None if chosen is None else not chosen, x.shape)
        settings = FewPixels(
            self.pixels, self.budget, self.strategy, self.encoding, self.seed, self.scale, self.failed
        )

        def scores(images: Tensor) -> Tensor:
            return torch.from_numpy(self._predict(back(images, last).numpy()))

        scores.name = type(self.estimator).__name__  # type: ignore[attr-defined]
        images, labels = first(torch.from_numpy(np.array(x)), last), torch.from_numpy(self._labels(x, y))
        self.last = settings(scores, images, labels, targeted=self.targeted, colours=self._colours())
        return back(self.last.images, last).numpy()

    def _predict(self, x: Array) -> Array:
        """The classifier's scores ``(n, K)``, all in one call."""
        return np.array(self.estimator.predict(x, batch_size=len(x)), dtype=np.float32)

    def _labels(self, x: Array, y: Array | None) -> NDArray[np.int64]:
        """Classes ``(N,)``: ``y`` as indices, or what the classifier predicts."""
        if y is None and self.targeted:
            raise InputError("a targeted attack needs the targets: generate(x, y)")
        if y is None:
            return np.asarray(self._predict(x.astype(np.float32)).argmax(1))
        classes = self.estimator.nb_classes
        indices = check_and_transform_label_format(np.asarray(y), classes, return_one_hot=False)
        return np.asarray(indices).reshape(-1)

    def _colours(self) -> ColourRange:
        """The range of the classifier's colours, from its ``clip_values``."""
        held = self.estimator.clip_values
        if held is None:
            raise InputError(
                f"{type(self.estimator).__name__} has no clip_values: make it with those of black and white,"
                " clip_values=(0, 1) or (0, 255)"
            )
        low, high = np.unique(held[0]), np.unique(held[1])
        if len(low) != 1 or len(high) != 1:
            raise InputError(
                f"the clip_values of {type(self.estimator).__name__} differ between features: one pair of"
                " numbers is needed"
            )
        return ColourRange.between(float(low[0]), float(high[0]))

    def _check_params(self) -> None:
        super()._check_params()
        if self.pixels < 1 or self.budget < 1:
            raise InputError(
                f"pixels and budget are whole numbers from 1, not {self.pixels} and {self.budget}"
            )
