"""Images as values: sizes, floats, digests, names of classes."""

import pytest
import torch

from sparseattack import Images, InputError, levels


def some(labels: tuple[int, ...] = (0, 1, 2), classes: tuple[str, ...] = ("cat", "dog", "eel")) -> Images:
    pixels = torch.arange(3 * 2 * 4 * 5).remainder(256).to(torch.uint8).view(3, 2, 4, 5)
    return Images(pixels, torch.tensor(labels), ("a", "b", "c"), classes)


def test_floats_are_exact_multiples_of_one_level() -> None:
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    floats = Images(every, torch.tensor([0]), ("all",)).floats()
    assert floats.dtype == torch.float32
    assert torch.equal(floats.flatten(), torch.arange(256) / 255)


def test_levels_of_what_holds_no_8_bit_colours_are_refused() -> None:
    whole = torch.tensor([0, 7, 255])
    for same in (whole, whole.byte(), whole.float()):
        assert torch.equal(levels(same), whole / 255)
    colours = r"no floats up to 1 \(of values in \[0, 1\], and of these alone: levels\("
    for given, said in (
        (torch.rand(3), colours),
        (torch.tensor([True]), colours),
        (torch.tensor([0, 256]), colours),
        (torch.tensor([-1]), colours),
        (torch.tensor([0.0, torch.nan]), colours),
        (torch.tensor([0.0, 1.0]), colours),
        ([0, 1], "takes a tensor of 8-bit colours, not list"),
    ):
        with pytest.raises(InputError, match=said):
            levels(given)  # type: ignore[arg-type]


def test_a_slice_keeps_what_belongs_together() -> None:
    part = some()[1:]
    assert (len(part), part.ids, part.labels.tolist(), part.classes) == (
        2,
        ("b", "c"),
        [1, 2],
        some().classes,
    )
    assert torch.equal(part.pixels, some().pixels[1:])


def test_the_digest_depends_on_colours_labels_and_shape_and_on_nothing_else() -> None:
    one = some()
    brighter = one.pixels.clone()
    brighter[0, 0, 0, 0] += 1
    others = [
        some((0, 1, 1)),
        Images(brighter, one.labels, one.ids),
        Images(one.pixels.view(3, 2, 5, 4), one.labels, one.ids),
        one[:2],
    ]
    assert len({each.digest for each in [one, *others]}) == 5
    assert Images(one.pixels, one.labels, ("x", "y", "z")).digest == one.digest
    backwards = one.pixels.transpose(2, 3).contiguous().transpose(2, 3)  # the same, otherwise in memory
    assert Images(backwards, one.labels, one.ids).digest == one.digest


def test_labels_follow_the_names_of_an_oracles_classes() -> None:
    named = some((0, 2, -1)).with_classes(("eel", "ant", "cat"))
    assert named.labels.tolist() == [2, 0, -1]
    assert named.classes == ("eel", "ant", "cat")
    assert some().with_classes(()) is not None
    assert some().with_classes(()).labels.tolist() == [0, 1, 2]
    assert some(classes=()).with_classes(("x", "y", "z")).labels.tolist() == [0, 1, 2]
    with pytest.raises(InputError, match="no class dog, only cat, eel"):
        some().with_classes(("cat", "eel"))


def test_labels_without_names_match_classes_that_are_numbers() -> None:
    bare = some((1, 10, -1), classes=())
    known = tuple(map(str, range(1, 11)))
    assert bare.with_classes(known).labels.tolist() == [0, 9, -1]
    assert bare.with_classes(known).classes == known
    assert bare.with_classes((*known, "other")).labels.tolist() == [1, 10, -1]  # no numbers: places
    with pytest.raises(InputError, match="no class 0, only 1, 2"):
        some((0, 1, 2), classes=()).with_classes(("1", "2"))


def test_what_does_not_fit_together_is_refused() -> None:
    pixels, labels = torch.zeros(2, 1, 3, 3, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64)
    with pytest.raises(InputError, match="shapes"):
        Images(pixels, labels, ("one",))
    with pytest.raises(InputError, match="shapes"):
        Images(pixels[0], labels, ("one", "two"))
    with pytest.raises(InputError, match="shapes"):
        Images(pixels, labels[:1], ("one", "two"))
    with pytest.raises(InputError, match=r"torch\.float32"):
        Images(pixels.float(), labels, ("one", "two"))
