"""Small calls: an image has the same bits in every block that is used, whatever is beside it."""

from pathlib import Path

import pytest
import torch
from small_networks import VisionTransformer, cnn, mlp
from torch import Tensor, nn

from sparseattack import Classifier, Edits, load, load_images
from sparseattack.oracles.dense_inference.blocks import BlockScores, divided, in_blocks, probes, safe_blocks
from sparseattack.oracles.dense_inference.forward import Forward
from sparseattack.oracles.dense_inference.fusion import ROWS
from sparseattack.problem.inference import PAD, score_images

ALL = (1, 2, 4, 8, 16, 32)


@pytest.mark.parametrize(
    ("count", "blocks", "expected"),
    [
        (1, ALL, [1]), (3, ALL, [4]), (5, ALL, [4, 1]), (9, ALL, [8, 1]), (20, ALL, [16, 4]),
        (24, ALL, [32]), (33, ALL, [32, 1]), (100, ALL, [32, 32, 32, 4]), (1, (32,), [32]),
        (33, (32,), [32, 32]), (5, (4, 32), [4, 4]), (64, (32, 64), [64]), (70, (1, 64), [64, *[1] * 6]),
    ],
)  # fmt: skip
def test_a_number_of_images_is_divided_into_blocks(
    count: int, blocks: tuple[int, ...], expected: list[int]
) -> None:
    assert list(divided(count, blocks)) == expected


class Uneven:
    """Gives other scores in calls of some numbers of images, and records the calls."""

    def __init__(self, *others: int) -> None:
        self.others, self.calls = others, list[int]()

    def __call__(self, images: Tensor) -> Tensor:
        self.calls.append(len(images))
        return images.flatten(1) + 1e-7 * (len(images) in self.others)


@pytest.mark.parametrize(
    ("others", "expected"),
    [((), ALL), ((1, 4), (2, 8, 16, 32)), ((32,), (32,)), ((2, 4, 8), (1, 16, 32))],
)
def test_only_blocks_with_the_same_bits_are_used(others: tuple[int, ...], expected: tuple[int, ...]) -> None:
    network = Uneven(*others)
    scores, images = BlockScores(network), torch.rand(7, 3, 2, 2)
    assert scores.block(images) == expected[0]
    network.calls.clear()
    assert scores.block(images) == expected[0] and not network.calls  # known
    for count in (1, 5, 31, 40):
        found = scores(images[torch.arange(count) % 7])
        assert len(found) == count
        assert set(network.calls) <= {*expected, count if count < expected[0] else 32}
        network.calls.clear()


def test_probes_with_the_same_scores_show_nothing() -> None:
    assert safe_blocks(lambda numbers: torch.zeros(len(numbers), 4)) == (PAD,)


def test_probes_are_8_bit_images_and_always_the_same() -> None:
    images = load_images("sample[0:3]").floats()
    made = probes(images)
    assert made.shape == (PAD, 3, 32, 32) and torch.equal(made, probes(images))
    assert torch.equal((made * 255).round() / 255, made) and len(torch.unique(made, dim=0)) == PAD


def test_scores_of_padding_are_dropped() -> None:
    images = torch.rand(5, 3, 2, 2)
    assert torch.equal(in_blocks(Uneven(), images, (4, 8)), images.flatten(1))


def small(make: type[nn.Module]) -> tuple[Classifier, Tensor]:
    torch.manual_seed(0)
    oracle = load("oracles", "torch", {"module": f"small_networks:{make.__name__}"})()
    return Classifier.of(oracle), probes(torch.zeros(1, 3, 16, 16))


def assert_bits_are_its_own(oracle: Classifier, images: Tensor, smallest: int) -> None:
    """Of every image, in calls of all sizes and in any place."""
    assert oracle.block_of(images) <= smallest
    numbers = torch.arange(len(images))
    whole = score_images(oracle, images, numbers)
    for count in (1, 2, 3, 5, 8, 13, 24):
        some = torch.randperm(len(images), generator=torch.Generator().manual_seed(count))[:count]
        assert torch.equal(score_images(oracle, images[some], some), whole[some]), count


@pytest.mark.parametrize("make", [mlp, cnn, VisionTransformer], ids=["mlp", "cnn", "vit"])
def test_a_torch_network_has_the_same_bits_in_small_calls(make: type[nn.Module]) -> None:
    rows = max(rows_of_many(layer) for layer in make().modules() if isinstance(layer, nn.Linear))
    assert_bits_are_its_own(*small(make), smallest=1 if rows <= ROWS else rows)


def rows_of_many(layer: nn.Linear) -> int:
    """The fewest rows of which a product has the bits of 32 rows here: some processors need more."""
    rows = torch.rand(32, layer.in_features, generator=torch.Generator().manual_seed(0))
    whole = layer(rows)
    return next(count for count in (4, 8, 16, 32) if torch.equal(layer(rows[:count]), whole[:count]))


@pytest.mark.parametrize("name", ["allconv-small", "nin"])
def test_a_network_of_the_package_too(name: str) -> None:
    assert_bits_are_its_own(load("oracles", name)(), load_images("sample[0:24]").floats(), smallest=1)


@pytest.mark.parametrize("name", ["allconv-small", "allconv"])
def test_and_its_sparse_inference(name: str) -> None:
    oracle, images = load("oracles", name)(), load_images("sample[0:3]").floats()
    random = torch.Generator().manual_seed(0)
    rows, where = torch.arange(24) % 3, torch.randint(1024, (24, 1), generator=random)
    edits = Edits(where, torch.randint(256, (24, 1, 3), generator=random).to(torch.uint8))
    whole = oracle.answer_edits(images, rows, edits)
    for part in (slice(0, 1), slice(23, 24), slice(5, 8), slice(3, 20)):
        few = oracle.answer_edits(images, rows[part], Edits(*(column[part] for column in edits)))
        assert torch.equal(few, whole[part])


@pytest.mark.shared
def test_a_resnet_in_onnx_too(shared: Path) -> None:
    oracle = load("oracles", "onnx", {"path": str(shared / "resnet20_cifar10.onnx")})()
    assert_bits_are_its_own(oracle, load_images("sample[0:24]").floats(), smallest=4)


def test_a_function_and_bfloat16_are_given_blocks_of_32() -> None:
    function = Forward(nn.Identity(), lambda images: images.flatten(1), "cpu")
    assert function.block(256) == PAD
    assert load("oracles", "bfloat16(oracle=allconv-small)")().block == PAD
