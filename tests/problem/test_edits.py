"""Edits are painted, counted and saved as the 8-bit colours they are."""

from io import BytesIO

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from problems import attack, edit, random_images, uniform
from torch import Tensor

from sparseattack import Edits, Problem, corners, l0, levels, load, rgb
from sparseattack.data.images import _levels_on, eight_bit
from sparseattack.problem.edits import distortion, touch
from sparseattack.problem.fitness import Queries

SHAPES = [(1, 8, 8), (3, 8, 8), (5, 8, 8), (3, 3, 17), (3, 1, 1), (2, 16, 1), (3, 512, 512)]


def reread(image: Tensor) -> Tensor:
    """An image ``(C, H, W)`` after it was saved as PNG and read back."""
    file = BytesIO()
    rows = eight_bit(image).permute(1, 2, 0).numpy()
    Image.fromarray(rows[..., 0] if len(image) == 1 else rows).save(file, "PNG")
    read = np.array(Image.open(file)).reshape(rows.shape)
    return levels(torch.from_numpy(read)).permute(2, 0, 1)


def test_the_table_of_levels_is_put_on_a_device_once() -> None:
    assert levels(torch.zeros(2, dtype=torch.uint8, device="meta")).device.type == "meta"
    known = _levels_on.cache_info()
    levels(torch.zeros(3, dtype=torch.uint8, device="meta"))
    assert _levels_on.cache_info().misses == known.misses


def test_eight_bits_are_the_nearest_levels() -> None:
    colours = torch.arange(256, dtype=torch.uint8).view(16, 16)
    for nudge in (-0.4 / 255, 0, 0.4 / 255):
        back = eight_bit((levels(colours) + nudge).clamp(0, 1))
        assert back.dtype == torch.uint8 and torch.equal(back, colours)


def test_levels_are_the_floats_of_a_division() -> None:
    every = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(levels(every), every / 255)


def test_paint_changes_the_pixels_and_no_other() -> None:
    images = random_images(1, (3, 2, 3))
    painted = edit((4, (255, 0, 7))).paint(images)[0]
    assert painted[:, 1, 1].mul(255).tolist() == pytest.approx([255, 0, 7])
    painted[:, 1, 1] = images[0, :, 1, 1]
    assert torch.equal(painted, images[0])


def test_paint_copies_its_images_and_selects_rows() -> None:
    images = random_images(4)
    before, edits = images.clone(), Edits(torch.tensor([[3], [9]]), torch.full((2, 1, 3), 77).byte())
    rows = torch.tensor([2, 0])
    assert torch.equal(edits.paint(images, rows), edits.paint(images[rows]))
    assert torch.equal(images, before)


def test_paint_takes_images_in_any_memory_layout() -> None:
    images = random_images(2).contiguous(memory_format=torch.channels_last)
    edits, rows = edit((5, (1, 2, 3)), (6, (4, 5, 6))), torch.tensor([1])
    expected = edits.paint(images[rows].contiguous())
    assert torch.equal(edits.paint(images[rows]), expected)
    assert torch.equal(edits.paint(images, rows), expected)


def test_of_two_slots_on_one_pixel_the_last_stays_and_one_is_counted() -> None:
    images, rows = torch.zeros(1, 3, 2, 2), torch.tensor([0])
    edits = edit((1, (10, 0, 0)), (2, (0, 0, 5)), (1, (20, 30, 0)))
    painted = edits.paint(images)
    assert painted[0, :, 0, 1].mul(255).round().tolist() == [20, 30, 0]
    assert edits.settled()[0, :, 0].tolist() == [20, 0, 20]
    changed = edits.differences(touch(images, rows, edits.positions)).any(2)
    assert changed.tolist() == [[False, True, True]]


def test_a_pixel_painted_over_in_its_own_colour_is_not_changed() -> None:
    images, rows = torch.zeros(1, 3, 2, 2), torch.tensor([0])
    edits = edit((1, (10, 0, 0)), (1, (0, 0, 0)))
    assert not edits.differences(touch(images, rows, edits.positions)).any()


@given(st.data())
def test_pixels_are_counted_in_the_painted_image(data: st.DataObject) -> None:
    shape = data.draw(st.sampled_from([(1, 2, 2), (3, 2, 3), (5, 1, 4)]))
    slots = data.draw(st.integers(1, 4))
    draw = torch.Generator().manual_seed(data.draw(st.integers(0, 2**32)))
    images = levels(torch.randint(3, (2, *shape), generator=draw))
    where = torch.randint(shape[1] * shape[2], (6, slots), generator=draw)
    edits = Edits(where, torch.randint(3, (6, slots, shape[0]), generator=draw, dtype=torch.uint8))
    rows = torch.randint(2, (6,), generator=draw)
    asked = Queries(images, rows, edits, torch.zeros(6, 2), torch.zeros(6, dtype=torch.int64), False)
    seen = (asked.perturbed != asked.clean).any(1).sum((1, 2))
    assert l0(asked).tolist() == seen.tolist()
    assert int(seen.max()) <= slots


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("encoding", [rgb, corners])
def test_a_success_survives_a_file(shape: tuple[int, int, int], encoding: type) -> None:
    """The image of the outcome is the very image that the oracle was shown."""
    images = random_images(2, shape, seed=2)
    oracle = load("oracles", "linear(classes=3)")()
    labels = oracle(images).argmax(1)
    slots = 1 if shape[1:] == (1, 1) else 3
    problem = Problem(oracle, encoding(pixels=slots), images, labels)
    outcomes = attack(problem, uniform, budget=8 if shape[1] == 512 else 200)
    for image, label, outcome in zip(images, labels, outcomes, strict=True):
        painted = outcome.paint(image)
        if shape[0] in (1, 3):
            assert torch.equal(reread(painted), painted)
        assert torch.equal(levels(painted.mul(255).round()), painted)
        assert int((painted != image).any(0).sum()) == outcome.pixels <= slots
        assert (int(oracle(painted[None]).argmax()) != label) == outcome.fooled
    if shape == (3, 1, 1):
        assert all(outcome.fooled for outcome in outcomes)  # so that there was a success to be kept


def test_distortion_is_the_mean_change_of_a_channel_of_the_changed_pixels() -> None:
    """Slots: from (51, 102, 0) by (10, 20, 30); painted over; not changed; from black to white."""
    before = torch.tensor([[51, 102, 0], [51, 102, 0], [9, 9, 9], [0, 0, 0]], dtype=torch.uint8)
    after = torch.tensor([[0, 0, 0], [61, 82, 30], [9, 9, 9], [255, 255, 255]], dtype=torch.uint8)
    edits = Edits(torch.tensor([[4, 4, 7, 2]]), after[None])
    changed = edits.differences(levels(before)[None])
    assert distortion(changed).tolist() == [pytest.approx((10 + 20 + 30 + 3 * 255) / 6)]
    assert distortion(torch.zeros(2, 1, 3)).tolist() == [0, 0]
