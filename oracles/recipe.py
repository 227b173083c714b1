"""How a network of the zoo is trained."""

from dataclasses import asdict, dataclass

from sparseattack import InputError
from sparseattack.cifar import CLASSES
from sparseattack.images import Images

from .networks import check_name

SHAPE = (3, 32, 32)
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)  # of the CIFAR-10 training set


@dataclass(frozen=True)
class Recipe:
    """Stochastic gradient descent with Nesterov momentum under a one-cycle rate (Smith, 2018)."""

    network: str = "allconv-small"
    epochs: int = 40
    batch: int = 256
    rate: float = 0.2  # highest learning rate
    decay: float = 5e-4
    smoothing: float = 0.05
    shift: int = 3  # pixels an image is moved at most, each way
    hole: int = 8  # side of the square that is blanked out (DeVries and Taylor, 2017)
    held_out: float = 0.05  # share of the images, the last ones, that only measure
    seed: int = 0
    bf16: bool = True  # mixed precision
    device: str = "cpu"

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        check_name(self.network)
        if min(self.epochs, self.batch) < 1:
            raise InputError("epochs and batch are at least 1")

    def parts(self, images: Images) -> tuple[Images, Images]:
        """Images to train with, and those held out."""
        labels, shape = images.labels, tuple(images.pixels.shape[1:])
        if shape != SHAPE or int(labels.min()) < 0 or int(labels.max()) >= len(CLASSES):
            said = f"{shape} with labels {int(labels.min())} to {int(labels.max())}"
            raise InputError(f"training needs images {SHAPE} with labels 0 to {len(CLASSES) - 1}, not {said}")
        kept = len(images) - max(1, round(len(images) * self.held_out))
        if kept < 1:
            raise InputError(f"{len(images)} image is too little to train with")
        return images[:kept], images[kept:]

    def difference(self, other: dict[str, object]) -> str:
        """What ``other``, a recipe as a dict, has otherwise, in words; empty if nothing."""
        mine = asdict(self)
        return ", ".join(f"{key} {other.get(key)}" for key in mine if mine[key] != other.get(key))
