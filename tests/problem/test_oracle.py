"""Any callable becomes a classifier with typed fields; a classifier refuses images of another shape."""

import re
from collections.abc import Callable
from threading import Barrier, Thread

import pytest
import torch
from problems import random_images
from torch import Tensor, nn

from sparseattack import Classifier, InputError, OracleError
from sparseattack.problem.oracle import evaluation_mode
from sparseattack.problem.verification import classify


def zeros(images: Tensor) -> Tensor:
    return torch.zeros(len(images), 4)


class Shares:
    """An oracle with optional attributes."""

    scale = "probabilities"

    def __call__(self, images: Tensor) -> Tensor:
        return torch.full((len(images), 4), 0.25)


def test_a_function_without_attributes_has_the_defaults() -> None:
    found = Classifier.of(zeros)
    assert found == Classifier("zeros", zeros, "") and str(found) == "oracle zeros"
    assert found.answer_edits is None and found.exact is None


def test_optional_attributes_become_fields() -> None:
    oracle = Shares()
    facts = {"name": "mine", "batch": 7, "classes": ["cat", "dog", "", ""], "digest": "ab", "exact": zeros}
    for name, value in facts.items():
        setattr(oracle, name, value)
    found = Classifier.of(oracle, "another")
    assert (found.name, found.scale, found.batch, found.digest) == ("mine", "probabilities", 7, "ab")
    assert found.classes == ("cat", "dog", "", "") and found.exact == Classifier.of(zeros)


def test_a_classifier_stays_as_it_is() -> None:
    classifier = Classifier("mine", zeros, "ab")
    assert Classifier.of(classifier, "another") is classifier


def test_an_oracle_without_a_name_is_named_by_the_caller_or_its_class() -> None:
    assert str(Classifier.of(Shares(), "mine")) == "oracle mine"
    assert str(Classifier.of(Shares())) == "oracle Shares"


def test_an_unknown_scale_is_refused() -> None:
    odd = Shares()
    odd.scale = "percent"
    with pytest.raises(
        OracleError,
        match="oracle Shares has scale 'percent', not one of auto, logits, probabilities, labels, bin",
    ):
        Classifier.of(odd)


@pytest.mark.parametrize(
    ("takes", "has", "said"),
    [
        (
            (3, 8, 8),
            (1, 8, 8),
            "takes images of 3x8x8, not 1x8x8: convert them to RGB .they are grey; .*'RGB'.*repeat.*",
        ),
        (
            (3, None, None),
            (4, 8, 8),
            "3xanyxany, not 4x8x8: convert them to RGB .they have transparency; of a picture PIL.*",
        ),
        ((1, 8, 8), (3, 9, 8), "not 3x9x8: convert them to grey and resize them to 8x8, as IMAGES@8 does"),
        ((3, 8, 9), (3, 480, 640), "not 3x480x640: resize them to 8x9"),
        ((7, None, 8), (3, 8, 9), "takes images of 7xanyx8, not 3x8x9"),
    ],
)
def test_images_of_another_shape_are_refused_with_a_remedy(
    takes: tuple[int | None, int | None, int | None], has: tuple[int, ...], said: str
) -> None:
    oracle = Classifier("mine", lambda images: images.flatten(1), "", shape=takes)
    with pytest.raises(InputError, match=f"{said}$"):
        oracle(torch.zeros(2, *has))


def training_network(shape: tuple[int, int, int] = (3, 6, 5)) -> nn.Sequential:
    """A network in training mode, whose scores then depend on chance and on the batch."""
    torch.manual_seed(0)
    numbers = torch.Size(shape).numel()
    return nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(), nn.Dropout(0.5), nn.Linear(numbers, 10))


@pytest.mark.parametrize("call", [lambda network: network, lambda network: network.forward])
def test_a_network_in_training_mode_is_evaluated_in_evaluation_mode(
    call: Callable[[nn.Module], Callable[[Tensor], Tensor]],
) -> None:
    network, images = training_network(), random_images(9)
    network[0].eval()  # a part that is not trained
    before = {name: value.clone() for name, value in network.state_dict().items()}
    scores = classify(call(network), images).scores
    assert [part.training for part in network] == [False, True, True, True] and network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    with torch.inference_mode():
        assert torch.equal(scores, network.eval()(images))


def test_a_mode_is_restored_after_an_error() -> None:
    network = training_network()
    with pytest.raises(OracleError, match="oracle Sequential failed on"):
        classify(network, random_images(2, (3, 7, 7)))
    assert all(part.training for part in network.modules())


def test_a_mode_is_restored_after_the_last_of_several_threads() -> None:
    network, modes, meeting = training_network(), list[bool](), Barrier(2)

    def evaluate() -> None:
        with evaluation_mode(Classifier.of(network)):
            meeting.wait()
            modes.append(network.training)
            meeting.wait()

    threads = [Thread(target=evaluate) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert modes == [False, False] and network.training


def test_layers_with_the_names_of_facts_are_no_facts() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = self.exact = self.classes = nn.Flatten()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, images: Tensor) -> Tensor:
            return self.scale * images.flatten(1)

    found = Classifier.of(Named())
    assert (found.block, found.exact, found.classes, found.scale) == (1, None, (), "auto")


def test_plain_attributes_of_a_network_are_facts_only_where_they_have_their_type() -> None:
    network = nn.Flatten()
    for name, value in {
        "classes": 10,
        "scale": 0.125,
        "batch": 1e3,
        "block": True,
        "exact": 1,
        "rounding": "up",
    }.items():
        setattr(network, name, value)
    assert Classifier.of(network) == Classifier("Flatten", network, "")
    network.classes, network.batch, network.scale = ["cat", "dog"], 7, "logits"  # type: ignore[assignment]
    found = Classifier.of(network)
    assert (found.classes, found.batch, found.scale) == (("cat", "dog"), 7, "logits")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("block", 0),
        ("block", "all"),
        ("rounding", 2),
        ("rounding", -1),
        ("rounding", "much"),
        ("batch", 1e3),
        ("batch", 0),
        ("batch", True),
        ("classes", 10),
        ("classes", "cat"),
        ("classes", (1, 2)),
        ("digest", 7),
        ("name", 7),
        ("scale", 0.125),
        ("answer_edits", "yes"),
    ],
)
def test_numbers_that_are_none_are_refused(name: str, value: object) -> None:
    odd = Shares()
    setattr(odd, name, value)
    who = "7" if name == "name" else "Shares"
    with pytest.raises(OracleError, match=re.escape(f"oracle {who} has {name} {value!r}, not")):
        Classifier.of(odd)
