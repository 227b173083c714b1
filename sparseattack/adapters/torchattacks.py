"""Few-pixel attacks in the style of torchattacks: ``FewPixel(model, pixels=3)(images, labels)``."""

from contextlib import redirect_stdout
from io import StringIO

from torch import Tensor, nn
from torchattacks.attack import Attack

from sparseattack.adapters.colour_range import UNIT, ColourRange
from sparseattack.adapters.few_pixels import Attacked, Converted, Failed, FewPixels
from sparseattack.errors import InputError
from sparseattack.problem.oracle import Oracle
from sparseattack.problem.scale import ScaleSetting
from sparseattack.problem.space import Strategy


class FewPixel(Attack):  # type: ignore[misc]  # torchattacks has no types
    """An attack of torchattacks that changes at most ``pixels`` pixels of an image, at ``budget`` queries.

    Images are ``(N, C, H, W)`` in [0, 1], or normalised after ``set_normalization_used(mean, std)``; the
    modes are set as usual, ``set_mode_targeted_by_label(quiet=True)``. The model may be any callable.
    As torchattacks does, an image whose attack failed is returned as its best attempt, unless
    ``failed="original"``. ``last`` has the outcomes of the last call. Random and least likely targets
    evaluate the images once more, which is not counted.
    """

    last: Attacked

    def __init__(
        self,
        model: Oracle,
        pixels: int = 1,
        budget: int = 1000,
        *,
        strategy: str | Strategy = "de",
        encoding: str = "rgb",
        seed: int = 0,
        scale: ScaleSetting = "auto",
        failed: Failed = "attempt",
    ) -> None:
        with redirect_stdout(StringIO()):  # it prints that a callable has no device
            super().__init__("FewPixel", model)
        self.supported_mode = ["default", "targeted"]
        settings = FewPixels(pixels, budget, strategy, encoding, seed, scale, failed)
        object.__setattr__(self, "settings", settings)  # the class would search it for attacks

    def __call__(self, inputs: Tensor, labels: Tensor | None = None) -> Tensor:
        """Adversarial images ``(N, C, H, W)`` on the model's device; unchanged pixels are as they came.

        ``labels (N,)`` are the true classes, or the targets in the mode ``targeted(label)``.
        """
        device = self.device or inputs.device
        inputs = inputs.detach().to(device)
        colours, model = UNIT, self.model
        if self.normalization_used is not None:
            mean, std = (self.normalization_used[name].flatten().tolist() for name in ("mean", "std"))
            normalised = ColourRange.normalised(mean, std)
            if self._normalization_applied:
                colours = normalised
            else:  # an attack of several, which takes the normalisation off before it calls this one
                model = _before(normalised, self.model)
        classes = self._classes(inputs, labels).to(device)
        found: Attacked = self.settings(model, inputs, classes, targeted=self.targeted, colours=colours)
        object.__setattr__(self, "last", found)
        return found.images

    def _classes(self, inputs: Tensor, labels: Tensor | None) -> Tensor:
        """The classes to be left, or the targets of the current mode."""
        if labels is None:
            raise InputError("this attack needs labels: attack(images, labels)")
        if not self.targeted:
            return labels
        applied = self._normalization_applied
        if applied:  # functions of targets get images in [0, 1], as from the other attacks
            inputs = self.inverse_normalize(inputs)
            self._set_normalization_applied(False)
        try:
            targets: Tensor = self.get_target_label(inputs, labels.to(inputs.device))
        finally:
            self._set_normalization_applied(applied)
        return targets


def _before(colours: ColourRange, model: Oracle) -> Oracle:
    """A model that normalises its images itself."""
    if isinstance(model, nn.Module):
        return Converted(model, colours.of_unit)
    return lambda images: model(colours.of_unit(images))
