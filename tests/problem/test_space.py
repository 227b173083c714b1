"""The search space that a strategy is given, and the random streams of its images."""

import numpy as np
import pytest
import torch
from problems import random_images, scripted_problem

from sparseattack import Space, corners, rgb
from sparseattack.problem.space import Journal, stream


def space(count: int = 3) -> Space:
    return scripted_problem(count=count, encoding=rgb(pixels=2)).space(slice(0, count), 50, seed=1, key="it")


def test_a_space_describes_the_unit_cube_and_nothing_else() -> None:
    here = scripted_problem(encoding=corners(pixels=2), targeted=True).space(
        slice(1, 3), 70, seed=1, key="it"
    )
    assert (here.batch, here.dims, here.slots) == (2, 10, 2)
    assert here.objectives == ("margin",) and here.targeted and here.success_below == 0
    assert [gene.values for gene in here.genes] == [6, 5, 2, 2, 2] * 2


def test_masks_select_genes_by_kind() -> None:
    masks = [space().mask(kind) for kind in ("row", "column", "colour")]
    assert masks[0].tolist() == [True, False, False, False, False] * 2
    assert torch.stack(masks).sum(0).tolist() == [1] * 10


def test_draws_have_their_shapes_and_ranges() -> None:
    here = space()
    uniform, normal, whole = here.uniform(400), here.normal(400, 3), here.integers(4, 400, 2)
    assert uniform.shape == (3, 400, 10) and uniform.dtype == torch.float32
    assert 0 <= uniform.min() < 0.01 and 0.99 < uniform.max() < 1
    assert normal.shape == (3, 400, 3) and abs(normal.mean()) < 0.1 and abs(normal.std() - 1) < 0.1
    assert whole.shape == (3, 400, 2) and whole.dtype == torch.int64
    assert whole.flatten().bincount(minlength=4).gt(500).all()
    assert here.uniform(2, 1).shape == (3, 2, 1) and here.normal(2).shape == (3, 2, 10)


def test_each_image_draws_from_its_own_stream() -> None:
    drawn = space().uniform(5)
    assert len({tuple(row.flatten().tolist()) for row in drawn}) == 3
    assert torch.equal(space(2).uniform(5), drawn[:2])


@pytest.mark.parametrize("place", range(4))
def test_a_stream_depends_on_seed_key_image_and_label(place: int) -> None:
    images = random_images(2)
    asked = [0, "it", images[0], 1]
    other = [1, "that", images[1], 2]
    changed = [other[at] if at == place else each for at, each in enumerate(asked)]

    def drawn(which: list[object]) -> list[float]:
        return list(stream(*which).random(4))  # type: ignore[arg-type]

    assert drawn(asked) == drawn(list(asked))
    assert drawn(asked) != drawn(changed)


def test_images_of_the_same_bytes_and_other_shapes_have_other_streams() -> None:
    image = random_images(1, (1, 4, 6))[0]
    first, second = (stream(0, "", one, 0).random() for one in (image, image.reshape(1, 6, 4)))
    assert first != second


def test_streams_are_uniform_over_images() -> None:
    first = [stream(0, "", image, 0).random() for image in random_images(500)]
    assert np.histogram(first, 5, (0, 1))[0].min() > 70


def test_a_journal_counts_restarts() -> None:
    journal, single = Journal(), Journal()
    journal.restarted(2)
    journal.restarted(2)
    single.restarted()
    single.errors[0] = "tired"
    journal.copy_from(single, 1)
    assert journal.restarts == {2: 2, 1: 1} and journal.errors == {1: "tired"}


def test_a_part_of_a_space_draws_from_its_own_streams_only() -> None:
    here, again = space(), space()
    drawn = here.at([1]).uniform(4)
    assert torch.equal(drawn, again.uniform(4)[1:2])
    other = space()
    other.at([1]).uniform(1)
    assert torch.equal(other.uniform(1)[[0, 2]], space().uniform(1)[[0, 2]])
    assert here.at([1]).journal is not here.journal
