"""Classifiers of scikit-learn: fitted estimators of the user's, and the random forest on digits."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from problems import attack
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from torch import Tensor

from sparseattack import Classifier, Images, InputError, Problem, corners, levels, load, load_images
from sparseattack.oracles.sklearn import Rows, _digests

ESTIMATORS = """
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X = np.random.default_rng(0).random((60, 12))
y = X[:, :3].argmax(1)

def logistic():
    return LogisticRegression().fit(X, y)

def neighbours():
    return KNeighborsClassifier(3).fit(X, np.array(["ant", "bee", "cat"])[y])

def from_one():
    return LogisticRegression().fit(X, y + 1)

def unfitted():
    return LogisticRegression()

def margins():
    return LinearSVC().fit(X, y)

def fewer():
    return LogisticRegression().fit(X[:40], y[:40])

def number():
    return 7

COLOURS = np.random.default_rng(1).integers(0, 256, (200, 3, 2, 2))
BRIGHT = COLOURS[:, :, 0, 0].argmax(1)  # the channel that is brightest in the first pixel

def forest(rows, y=BRIGHT):
    return RandomForestClassifier(30, random_state=0, max_features=None).fit(rows, y)

def colours(): return forest(COLOURS.reshape(200, 12))
def pixelwise(): return forest(COLOURS.transpose(0, 2, 3, 1).reshape(200, 12))
def sixteen(): return forest(COLOURS.reshape(200, 12) * 16 / 255)
def nearest(): return KNeighborsClassifier().fit(COLOURS.reshape(200, 12), BRIGHT)
def vectors(): return SVC(probability=True).fit(COLOURS.reshape(200, 12), BRIGHT)
def scaled():
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(COLOURS.reshape(200, 12), BRIGHT)
def linear(): return LogisticRegression(max_iter=2000).fit(COLOURS.reshape(200, 12), BRIGHT)
def standard(): return make_pipeline(StandardScaler(), RandomForestClassifier(5)).fit(X, y)
def onehot(): return forest(X, np.eye(3)[y])
def several(): return KNeighborsClassifier().fit(X, np.stack([y, y % 2], 1))
def sigmoids(): return MLPClassifier(4, max_iter=30).fit(X, np.eye(3, dtype=int)[y])
made = logistic()
"""


NEAREST = """
import numpy as np
from sklearn.neighbors import KNeighborsClassifier

def nearest():
    return KNeighborsClassifier(1).fit(np.load({rows!r}), [0, 1])
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "estimators.py").write_text(ESTIMATORS)
    return tmp_path / "estimators.py"


def noise(count: int) -> Tensor:
    """Random colours ``(count, 3, 2, 2)`` uint8, the same in every call."""
    drawn = torch.randint(256, (count, 3, 2, 2), generator=torch.Generator().manual_seed(0))
    return drawn.to(torch.uint8)


def oracle(spec: str) -> Classifier:
    made = load("oracles", spec)()
    assert isinstance(made, Classifier)
    return made


def test_probabilities_of_flattened_images(file: Path) -> None:
    made = oracle(f"sklearn(estimator={file}:logistic)")
    images = levels(noise(200))
    scores = made(images)
    assert (scores.shape, scores.dtype, made.scale) == ((200, 3), torch.float32, "probabilities")
    torch.testing.assert_close(scores.sum(1), torch.ones(200))
    largest = scores.argmax(1) == images.flatten(1)[:, :3].argmax(
        1
    )  # the class that it was trained to predict
    assert largest.float().mean() > 0.5
    assert torch.equal(made(images.flip(0)), scores.flip(0))


def test_classes_are_the_estimators(file: Path) -> None:
    assert oracle(f"sklearn(estimator={file}:neighbours)").classes == ("ant", "bee", "cat")
    assert oracle(f"sklearn(estimator={file}:logistic,classes=[x,y,z])").classes == ("x", "y", "z")


def test_numbered_classes_match_images_with_named_ones(file: Path) -> None:
    made = oracle(f"sklearn(estimator={file}:logistic)")
    images = Images(noise(3), torch.tensor([2, 0, 1]), ("ant", "bee", "cat"))
    assert images.with_classes(made.classes).labels.tolist() == [2, 0, 1]


def test_numbers_of_classes_need_not_begin_at_0(file: Path) -> None:
    made, zero = (oracle(f"sklearn(estimator={file}:{name})") for name in ("from_one", "logistic"))
    pixels = noise(20)
    predicted = zero(levels(pixels)).argmax(1)
    images = Images(pixels, predicted + 1, tuple(map(str, range(20)))).with_classes(made.classes)
    assert torch.equal(made(images.floats()).argmax(1), images.labels)


def test_the_digest_depends_on_the_fit(file: Path) -> None:
    digests = [
        oracle(f"sklearn(estimator={file}:{name})").digest for name in ("logistic", "fewer", "logistic")
    ]
    assert digests[0] == digests[2] != digests[1]


FAULTS = {
    "unfitted": "LogisticRegression, which is not fitted",
    "margins": "LinearSVC, which has no predict_proba",
    "number": "int, which has no predict_proba",
}


@pytest.mark.parametrize("name", FAULTS)
def test_objects_other_than_fitted_classifiers_are_refused(file: Path, name: str) -> None:
    with pytest.raises(InputError, match=FAULTS[name]):
        oracle(f"sklearn(estimator={file}:{name})")


def share_right(made: Classifier) -> float:
    pixels = noise(300)
    return float((made(levels(pixels)).argmax(1) == pixels[:, :, 0, 0].argmax(1)).float().mean())


@pytest.mark.parametrize(
    "spec", ["colours,range=255", "pixelwise,range=255,layout=nhwc", "sixteen,range=16", "linear,range=255"]
)
def test_rows_are_as_the_estimator_was_fitted(file: Path, spec: str) -> None:
    assert share_right(oracle(f"sklearn(estimator={file}:{spec})")) > 0.75


def test_rows_of_whole_colours_are_whole() -> None:
    pixels = noise(20)
    assert (Rows(255).of(levels(pixels)) == pixels.flatten(1).numpy()).all()
    assert (Rows(255, "nhwc").of(levels(pixels)) == pixels.permute(0, 2, 3, 1).flatten(1).numpy()).all()


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("colours", "range=255"),
        ("sixteen", "range=16 or range=255"),
        ("nearest", "range=255"),
        ("vectors", "range=255"),
        ("scaled", "range=255"),
    ],
)
@pytest.mark.filterwarnings("ignore:The `probability` parameter:FutureWarning")
def test_an_estimator_of_a_greater_range_is_refused(file: Path, name: str, most: str) -> None:
    with pytest.raises(
        InputError, match=rf"fitted on numbers up to [0-9.]+, not 1: set {most}, its greatest"
    ):
        oracle(f"sklearn(estimator={file}:{name})")


def test_what_a_pipeline_scales_is_no_range(file: Path) -> None:
    assert oracle(f"sklearn(estimator={file}:standard)").scale == "probabilities"
    with pytest.raises(InputError, match="range is the greatest colour"):
        oracle(f"sklearn(estimator={file}:standard,range=0)")


def test_the_digest_depends_on_range_and_layout(file: Path) -> None:
    specs = ("", ",layout=nhwc", ",range=255")
    assert len({oracle(f"sklearn(estimator={file}:logistic{spec})").digest for spec in specs}) == 3


@pytest.mark.parametrize(
    ("name", "said"),
    [("onehot", "a list of"), ("several", "a list of"), ("sigmoids", "probabilities that do")],
)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_estimators_of_several_outputs_are_refused(file: Path, name: str, said: str) -> None:
    with pytest.raises(InputError, match=rf"{said}.*one-hot or several labels.*fit\(X, y\.argmax\(1\)\)"):
        oracle(f"sklearn(estimator={file}:{name})")


def test_an_estimator_that_is_made_already(file: Path) -> None:
    made, called = (oracle(f"sklearn(estimator={file}:{name})") for name in ("made", "logistic"))
    assert torch.equal(made(levels(noise(9))), called(levels(noise(9))))


def test_images_of_another_size_are_refused(file: Path) -> None:
    with pytest.raises(InputError, match="takes 12 numbers, not images of 3x4x4"):
        oracle(f"sklearn(estimator={file}:logistic)")(torch.zeros(1, 3, 4, 4))


@pytest.fixture(scope="module")
def forest() -> Classifier:
    return oracle("digits-forest")


def test_the_forest_classifies_digits_it_was_not_trained_on(forest: Classifier) -> None:
    digits = load_images("digits")
    right = forest(digits.floats()).argmax(1) == digits.labels
    assert right.float().mean() > 0.9
    seen = load_digits()
    half = len(seen.target) // 2
    training = torch.from_numpy(seen.images[:half]).mul(255 / 16).round().div(255).float().unsqueeze(1)
    trained = forest(training).argmax(1) == torch.from_numpy(seen.target[:half])
    assert trained.float().mean() > right.float().mean()  # on images it was trained with


def test_the_forest_is_the_same_every_time(forest: Classifier) -> None:
    digits = load_images("digits[0:64]").floats()
    again = oracle("digits-forest")
    assert again.digest == forest.digest
    assert torch.equal(again(digits), forest(digits))
    assert torch.equal(forest(digits)[5:6], forest(digits[5:6]))
    assert oracle("digits-forest(seed=1,trees=10)").digest != forest.digest
    for wrong in ("trees=0", "seed=-1"):
        with pytest.raises(InputError, match="at least 1 tree and a seed of at least 0"):
            oracle(f"digits-forest({wrong})")
    with pytest.raises(InputError, match="takes images of 1x8x8, not 3x8x8"):
        forest(torch.zeros(1, 3, 8, 8))


def test_a_forest_is_attacked_without_gradients(forest: Classifier) -> None:
    digits = load_images("digits[0:20]")
    images = digits.floats()
    right = forest(images).argmax(1) == digits.labels
    problem = Problem(forest, corners(pixels=3), images[right], digits.labels[right])
    outcomes = attack(problem, load("strategies", "random(popsize=50)"), 200)
    fooled = [outcome for outcome in outcomes if outcome.fooled]
    assert fooled
    for outcome in fooled:
        perturbed = outcome.paint(problem.images[outcome.image])
        assert forest(perturbed.unsqueeze(0)).argmax() != problem.labels[outcome.image]


def test_predictions_alone(file: Path) -> None:
    """Of a classifier without probabilities, and of one whose classes have names."""
    namespace = dict[str, Any]()
    exec(ESTIMATORS, namespace)
    images = noise(50)
    margins = oracle(f"sklearn(estimator={file}:margins,scale=labels)")
    predicted = namespace["margins"]().predict(images.flatten(1).numpy())
    assert torch.equal(margins(images), torch.eye(3)[torch.from_numpy(predicted)])
    named = oracle(f"sklearn(estimator={file}:neighbours,scale=labels)")
    assert named.classes == ("ant", "bee", "cat") and margins.digest != named.digest
    names = [named.classes[place] for place in named(images).argmax(1).tolist()]
    assert names == namespace["neighbours"]().predict(images.flatten(1).numpy()).tolist()
    with pytest.raises(InputError, match="no classifier of one label a row"):
        oracle(f"sklearn(estimator={file}:several,scale=labels)")


@pytest.mark.parametrize("scale", ["probabilities", "labels"])
def test_training_rows_that_no_noise_comes_near_are_part_of_the_digest(tmp_path: Path, scale: str) -> None:
    (tmp_path / "nearest.py").write_text(NEAREST.format(rows=str(tmp_path / "rows.npy")))

    def digest_of(colour: float) -> str:
        np.save(tmp_path / "rows.npy", np.array([[0.5] * 12, [colour] * 12]))
        return oracle(f"sklearn(estimator={tmp_path / 'nearest.py'}:nearest,scale={scale})").digest

    same = digest_of(1.0)
    assert digest_of(1.0) == digest_of(1 - 1e-9) == same != digest_of(0.99)


def test_the_digest_of_a_forest_is_that_of_its_answers() -> None:
    assert _digests(RandomForestClassifier(3, random_state=0).fit(np.eye(4), [0, 1, 0, 1])) == []
