"""The cache of clean images' feature maps: computed once, least recently used out first."""

from collections.abc import Sequence

import pytest
import torch
from problems import random_images
from sparse_inference_checks import assert_close, evaluation, local, random_edits
from torch import Tensor, nn

from sparseattack.oracles.sparse_inference.evaluation import SparseEvaluation

SHAPE = 3, 8, 6
BYTES = 4 * (3 + 5) * 8 * 6  # of the two maps that are stored of an image
IMAGES = random_images(100, SHAPE)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 5, 3, padding=1), nn.Conv2d(5, 2, 3), nn.Flatten(), nn.Linear(48, 4)
        ).eval()


class Counted:
    """Evaluates one edit of each of some images, and counts the clean images computed for that."""

    def __init__(self, network: nn.Module, memory: int) -> None:
        self.network, self.computed = network, 0
        self.evaluation: SparseEvaluation = evaluation(local(network, SHAPE), k=1, cut=1, memory=memory)
        self.evaluation.clean.maps.register_forward_hook(self.count)

    def count(self, *_: object) -> None:
        self.computed += 1

    @torch.inference_mode()
    def __call__(self, rows: Sequence[int]) -> Tensor:
        edits, places = random_edits(len(rows), 1, SHAPE), torch.tensor(rows)
        scores: Tensor = self.evaluation(IMAGES, places, edits)
        assert_close(scores, self.network(edits.paint(IMAGES, places)))
        return scores


@pytest.mark.parametrize(("memory", "room"), [(0, 32), (33 * BYTES, 33), (80 * BYTES - 1, 79)])
def test_the_cache_holds_what_memory_allows_and_at_least_one_call(
    network: nn.Module, memory: int, room: int
) -> None:
    counted = Counted(network, memory)
    for rows in (range(100), range(100), range(99, -1, -1)):
        counted(rows)
        assert len(counted.evaluation.clean.slot_of) == room
    bounds = [len(table.rows) for table in counted.evaluation.clean.tables.values()]
    assert bounds == [room * (48 + 2) + 32 * 48 + 32] * 2


def test_an_image_is_computed_once(network: nn.Module) -> None:
    counted = Counted(network, 100 * BYTES)
    for rows in ([3, 3, 5, 3], [5], range(100), range(100)):
        counted(rows)
    assert counted.computed == 100


def test_the_least_recently_used_image_makes_room(network: nn.Module) -> None:
    counted = Counted(network, 0)
    calls = [range(32), [0], [40, 41], [0, 40, 3], [1], [2]]
    counts = []
    for rows in calls:
        before = counted.computed
        counted(rows)
        counts.append(counted.computed - before)
    assert counts == [32, 0, 2, 0, 1, 1]  # 1 and 2 gave way to 40 and 41


def test_maps_computed_again_give_the_same_scores(network: nn.Module) -> None:
    scarce, ample = Counted(network, 0), Counted(network, 100 * BYTES)
    for rows in (range(100), range(50), range(100)):
        assert torch.equal(scarce(rows), ample(rows))
    assert scarce.computed > 200 and ample.computed == 100


def test_maps_of_images_that_were_written_to_are_made_again(network: nn.Module) -> None:
    images, rows = IMAGES[:40].clone(), torch.arange(32)
    whole = evaluation(local(network, SHAPE), k=1, cut=1, memory=0)
    edits = random_edits(32, 1, SHAPE)
    for _ in range(2):
        with torch.inference_mode():
            assert_close(whole(images, rows, edits), network(edits.paint(images, rows)))
        images[2:] = IMAGES[60:98]
