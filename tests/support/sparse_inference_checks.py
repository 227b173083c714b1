"""Networks evaluated on images with few changed pixels: sparse inference against whole images."""

import torch
from problems import random_images
from torch import Tensor, nn

from sparseattack import Edits
from sparseattack.oracles.sparse_inference.evaluation import Answers
from sparseattack.oracles.sparse_inference.plan import Plan, extents
from sparseattack.oracles.sparse_inference.reading import Local, read
from sparseattack.oracles.sparse_inference.sparse_edits import sample

Shape = tuple[int, int, int]


def local(network: nn.Module, shape: Shape) -> Local:
    """The local part of a network, which there must be."""
    found = read(network.eval(), torch.Size(shape))
    assert found
    return found


def answers(found: Local, k: int, cut: int | None = None, memory: int = 0) -> Answers:
    """Sparse inference of a network, which computes whole maps after ``cut`` steps, or after all."""
    plan = Plan(found, found.steps[:cut], extents(found.image, found.steps), k)
    return Answers(plan, most=32, memory=memory)


@torch.inference_mode()
def assert_alike(network: nn.Module, shape: Shape, k: int, cut: int | None = None) -> None:
    """Scores of edits of ``k`` pixels are the same in both ways."""
    images = random_images(3, shape)
    rows, edits = sample(images, k)
    found = answers(local(network, shape), k, cut)(images, rows, edits)
    assert_close(found, network(edits.paint(images, rows)))


def assert_close(found: Tensor, expected: Tensor) -> None:
    """Equal but for the rounding of float32."""
    assert torch.allclose(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def random_edits(count: int, k: int, shape: Shape) -> Edits:
    random = torch.Generator().manual_seed(1)
    positions = torch.randint(shape[1] * shape[2], (count, k), generator=random)
    return Edits(positions, torch.randint(256, (count, k, shape[0]), generator=random).to(torch.uint8))
