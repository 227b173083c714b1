"""Maps of clean images are computed once, and kept as long as there is room."""

from collections.abc import Sequence

import pytest
import torch
from problems import random_images
from sparse_inference_checks import answers, assert_close, local, random_edits
from torch import Tensor, nn

from sparseattack.oracles.sparse_inference.evaluation import Answers

SHAPE = 3, 8, 6
BYTES = 4 * (3 + 5) * 8 * 6  # of the two maps that are kept of an image
IMAGES = random_images(100, SHAPE)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 5, 3, padding=1), nn.Conv2d(5, 2, 3), nn.Flatten(), nn.Linear(48, 4)
        ).eval()


class Watched:
    """Answers one edit of each of some images, and counts the clean images that are computed for it."""

    def __init__(self, network: nn.Module, memory: int) -> None:
        self.network, self.computed = network, 0
        self.answers: Answers = answers(local(network, SHAPE), k=1, cut=1, memory=memory)
        self.answers.clean.maps.register_forward_hook(self.count)

    def count(self, *_: object) -> None:
        self.computed += 1

    @torch.inference_mode()
    def __call__(self, rows: Sequence[int]) -> Tensor:
        edits, places = random_edits(len(rows), 1, SHAPE), torch.tensor(rows)
        scores: Tensor = self.answers(IMAGES, places, edits)
        assert_close(scores, self.network(edits.paint(IMAGES, places)))
        return scores


@pytest.mark.parametrize(("memory", "room"), [(0, 32), (33 * BYTES, 33), (80 * BYTES - 1, 79)])
def test_there_is_room_for_what_memory_holds_and_for_one_call(
    network: nn.Module, memory: int, room: int
) -> None:
    watched = Watched(network, memory)
    for rows in (range(100), range(100), range(99, -1, -1)):
        watched(rows)
        assert len(watched.answers.clean.held) == room
    bounds = [len(table.rows) for table in watched.answers.clean.tables.values()]
    assert bounds == [room * (48 + 2) + 32 * 48 + 256] * 2


def test_an_image_is_computed_once(network: nn.Module) -> None:
    watched = Watched(network, 100 * BYTES)
    for rows in ([3, 3, 5, 3], [5], range(100), range(100)):
        watched(rows)
    assert watched.computed == 100


def test_the_image_that_was_not_used_for_longest_makes_room(network: nn.Module) -> None:
    watched = Watched(network, 0)
    asked = [range(32), [0], [40, 41], [0, 40, 3], [1], [2]]
    counts = []
    for rows in asked:
        before = watched.computed
        watched(rows)
        counts.append(watched.computed - before)
    assert counts == [32, 0, 2, 0, 1, 1]  # 1 and 2 gave way to 40 and 41


def test_what_was_computed_again_is_the_same(network: nn.Module) -> None:
    scarce, ample = Watched(network, 0), Watched(network, 100 * BYTES)
    for rows in (range(100), range(50), range(100)):
        assert torch.equal(scarce(rows), ample(rows))
    assert scarce.computed > 200 and ample.computed == 100
