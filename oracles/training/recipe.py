"""Recipe: all settings that determine how a network of the zoo is trained."""

from dataclasses import asdict, dataclass

from sparseattack import InputError
from sparseattack.data.cifar10 import CLASSES
from sparseattack.data.images import Images

from ..networks import check_name

SHAPE = (3, 32, 32)
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)  # of the CIFAR-10 training set

GROWING = 0.75  # share of the epochs in which images grow to full size
SIDE_STEP = 4  # pixels by which they grow
MOST = 100_000  # epochs, and images per step
MOST_SEED = 2**32 - 1
EPOCH_SEEDS = 100_003  # seeds that belong to one training, more than any number of epochs


@dataclass(frozen=True)
class Recipe:
    """Stochastic gradient descent with Nesterov momentum and a one-cycle learning rate (Smith, 2018).

    Refused: the name of no network, and numbers out of range.
    """

    network: str = "allconv-small"
    epochs: int = 40
    batch: int = 256  # images per step
    rate: float = 0.2  # highest learning rate
    decay: float = 5e-4  # weight decay
    smoothing: float = 0.05  # of labels
    shift: int = 3  # pixels by which an image is moved at most, each way
    hole: int = 8  # side of the square that is blanked out (cutout; DeVries and Taylor, 2017)
    smallest: int = 32  # side of the images in the first epoch; they grow in the first three quarters
    held_out: float = 0.05  # share of the images, the last ones, that are not trained with
    seed: int = 0
    bf16: bool = True  # mixed precision, bfloat16
    device: str = "cpu"

    def __post_init__(self) -> None:
        check_name(self.network)
        for name in ("epochs", "batch"):
            if not 1 <= (number := getattr(self, name)) <= MOST:
                raise InputError(f"{name} is 1 to {MOST}, not {number}")
        if not 0 <= self.seed <= MOST_SEED:
            raise InputError(f"a seed is 0 to {MOST_SEED}, not {self.seed}")
        if not SHAPE[-1] // 2 <= self.smallest <= SHAPE[-1]:
            raise InputError(f"smallest is {SHAPE[-1] // 2} to {SHAPE[-1]}, not {self.smallest}")

    def epoch_seed(self, number: int) -> int:
        """Seed of all random numbers of epoch ``number``."""
        return self.seed * EPOCH_SEEDS + number

    def side(self, number: int) -> int:
        """Side of the images in epoch ``number``, counted from 0: a multiple of 4 (progressive resizing)."""
        whole = SHAPE[-1]
        grown = self.smallest + (whole - self.smallest) * number / (GROWING * self.epochs)
        return min(whole, SIDE_STEP * round(grown / SIDE_STEP))

    def parts(self, images: Images) -> tuple[Images, Images]:
        """The images to train with, and those held out to measure the accuracy."""
        check_images(images)
        count = len(images) - max(1, round(len(images) * self.held_out))
        if count < 1:
            raise InputError(f"training needs at least 2 images, not {len(images)}")
        return images[:count], images[count:]

    def difference(self, other: dict[str, object]) -> str:
        """The settings in which ``other``, a recipe as a dict, differs, as text; empty if there is none."""
        mine = asdict(self)
        return ", ".join(f"{key} {other.get(key)}" for key in mine if mine[key] != other.get(key))


def check_images(images: Images) -> None:
    """Refuse images that are not 3x32x32 or have labels other than 0 to 9."""
    labels, shape = images.labels, tuple(images.pixels.shape[1:])
    if shape != SHAPE or int(labels.min()) < 0 or int(labels.max()) >= len(CLASSES):
        found = f"{shape} with labels {int(labels.min())} to {int(labels.max())}"
        raise InputError(f"training needs images {SHAPE} with labels 0 to {len(CLASSES) - 1}, not {found}")


def recipe_of(network: str) -> Recipe:
    """The recipe with which the weights of ``network`` in the package were trained.

    The networks of Su, Vargas and Sakurai (2019) are trained with plain cross-entropy on whole images: label
    smoothing and cutout would make them harder to attack than the paper's.
    """
    check_name(network)
    if network == "allconv-small":
        return Recipe()
    rate = 0.05 if network == "vgg16" else 0.2  # its dense layers have no batch-norm
    return Recipe(network, epochs=16, rate=rate, smoothing=0.0, hole=0, smallest=20)
