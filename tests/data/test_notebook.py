"""What a notebook shows of images and outcomes: small, escaped, with the pictures inside."""

import re
from base64 import b64decode
from dataclasses import replace
from io import BytesIO

import numpy as np
import torch
from PIL import Image

from sparseattack import Images, LeftOut, Outcome, Problem, attack, corners, load, load_images
from sparseattack.data.notebook import SHOWN

HOSTILE = "<script>alert(1)</script>"


def pictures(html: str) -> list[Image.Image]:
    """The PNG files inside."""
    return [
        Image.open(BytesIO(b64decode(held)))
        for held in re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    ]


def test_images_are_shown_with_class_and_id() -> None:
    images = load_images("sample")
    html = images._repr_html_()
    first, *others = pictures(html)
    assert np.array_equal(np.array(first), images.pixels[0].permute(1, 2, 0).numpy())
    assert len(others) == SHOWN - 1 and len(html) < 60_000
    assert "100 images of 3 x 32 x 32, of 10 classes; the first 12:" in html
    assert "cat<br>cifar10-test-0" in html
    assert repr(images) == "<Images: 100 images of 3 x 32 x 32, of 10 classes>"


def test_names_are_escaped_and_what_no_png_holds_is_only_named() -> None:
    pixels = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    one = Images(pixels, torch.tensor([0]), (HOSTILE,), (HOSTILE,))
    assert HOSTILE not in one._repr_html_() and "&lt;script&gt;" in one._repr_html_()
    assert "1 image of 1 x 8 x 8, of 1 class:" in one._repr_html_()
    two = Images(pixels.expand(1, 2, 8, 8), torch.tensor([-1]), ("a",))
    assert two._repr_html_() == "<p>1 image of 2 x 8 x 8, of unknown classes:</p>"


def test_a_photograph_is_shown_small() -> None:
    noise = torch.randint(256, (1, 3, 400, 200), generator=torch.Generator().manual_seed(0))
    (shown,) = pictures(Images(noise.to(torch.uint8), torch.tensor([3]), ("a",))._repr_html_())
    assert shown.size == (96, 192)


def outcomes() -> list[Outcome]:
    images = load_images("digits[0:6]")
    problem = Problem(load("oracles", "digits-forest")(), corners(pixels=2), images.floats(), images.labels)
    found = attack(problem, load("strategies", "random"), budget=200)
    return [each for each in found if not isinstance(each, LeftOut)]


def test_an_outcome_is_shown_before_and_after() -> None:
    found = outcomes()
    one = next(each for each in found if each.fooled)
    html = one._repr_html_()
    assert f"Image {one.image}: fooled by query {one.first_fooled:,} of {one.queries:,} quer" in html
    assert len(pictures(html)) == 1 and html.count("<li>row ") == one.pixels
    assert one.clean is not None and torch.equal(one.clean, load_images("digits").floats()[one.image])
    failed = replace(one, first_fooled=0, error=HOSTILE)
    assert "not fooled in" in failed._repr_html_() and HOSTILE not in failed._repr_html_()
    assert "is none as a single image" in replace(one, unverified=True)._repr_html_()
    assert pictures(replace(one, clean=None)._repr_html_()) == []
