"""Networks evaluated on images with few changed pixels: sparse inference against whole images."""

import torch
from problems import random_images
from torch import Tensor, nn

from sparseattack import Edits
from sparseattack.oracles.sparse_inference.evaluation import SparseEvaluation
from sparseattack.oracles.sparse_inference.operations import LocalPart, local_part
from sparseattack.oracles.sparse_inference.plan import InferencePlan, extents
from sparseattack.oracles.sparse_inference.sparse_edits import sample_edits

Shape = tuple[int, int, int]


def local(network: nn.Module, shape: Shape) -> LocalPart:
    """The local part of a network, which there must be."""
    found = local_part(network.eval(), torch.Size(shape))
    assert found
    return found


def evaluation(found: LocalPart, k: int, cut: int | None = None, memory: int = 0) -> SparseEvaluation:
    """Sparse inference of a network, which computes whole maps after ``cut`` operations, or after all."""
    plan = InferencePlan(found, found.operations[:cut], extents(found.image, found.operations), k)
    return SparseEvaluation(plan, most=32, memory=memory)


@torch.inference_mode()
def assert_alike(network: nn.Module, shape: Shape, k: int, cut: int | None = None) -> None:
    """Scores of edits of ``k`` pixels are the same in both ways."""
    images = random_images(3, shape)
    rows, edits = sample_edits(images, k)
    found = evaluation(local(network, shape), k, cut)(images, rows, edits)
    assert_close(found, network(edits.paint(images, rows)))


def assert_close(found: Tensor, expected: Tensor) -> None:
    """Equal but for the rounding of float32."""
    assert torch.allclose(found, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def random_edits(count: int, k: int, shape: Shape) -> Edits:
    random = torch.Generator().manual_seed(1)
    positions = torch.randint(shape[1] * shape[2], (count, k), generator=random)
    return Edits(positions, torch.randint(256, (count, k, shape[0]), generator=random).to(torch.uint8))
