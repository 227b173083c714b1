"""The protocols by name: what they set, and what overrides it."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from sparseattack import InputError, compare
from sparseattack.experiment.protocols import PROTOCOLS, Protocol, named
from sparseattack.experiment.settings import Experiment

PARTS = [(each, part == "targeted") for each in PROTOCOLS.values() for part in each.parts()]
NAMES = [f"{each.name} {'targeted' if targeted else 'untargeted'}" for each, targeted in PARTS]


@pytest.fixture
def images(tmp_path: Path) -> str:
    colours = np.random.default_rng(7).integers(256, size=(6, 8, 8, 3), dtype=np.uint8)
    np.savez(tmp_path / "images.npz", images=colours, labels=np.arange(6) % 3)
    return str(tmp_path / "images.npz")


@pytest.mark.parametrize(("protocol", "targeted"), PARTS, ids=NAMES)
def test_every_part_is_run_with_its_settings(protocol: Protocol, targeted: bool, images: str) -> None:
    chosen = protocol.experiment(
        oracle="linear(classes=3,inputs=192)",
        images=images,
        targeted=targeted,
        pixels=3,
        num_images=1,
        budget=401,
    )
    assert (chosen.target != "none") == targeted and (chosen.pixels, chosen.num_images) == ((3,), 1)
    settings = protocol.settings(targeted)
    assert settings.keys() <= {field.name for field in fields(Experiment)}
    for name in settings.keys() - {"num_images", "budget"}:
        assert getattr(chosen, name) == settings[name]
    seen = compare(chosen)
    assert len({record.image for record in seen.records}) == 1
    assert {record.strategy for record in seen.records} == {"de(restart=no)"}
    assert all(record.queries in (400, 401) for record in seen.records)  # a population, and a cut one
    assert next(one.settings for one in seen.methods if one.strategy == "de(restart=no)")["popsize"] == 400


def test_settings_that_are_not_chosen_are_the_published_ones(images: str) -> None:
    original = PROTOCOLS["original-cifar10"]
    chosen = original.experiment(oracle="linear", images=images)
    assert (chosen.target, chosen.num_images, chosen.budget, chosen.stop) == ("none", 500, 40_400, "success")
    assert original.experiment(oracle="linear", images=images, targeted=True).num_images == 300
    beside = original.experiment(
        oracle="linear", images=images, strategies=("de(restart=no)", "random"), seed=4
    )
    assert beside.strategies == ("de(restart=no)", "random") and beside.seeds == (4,)
    assert beside.num_images == 500


def test_a_part_that_was_not_published_is_refused(images: str) -> None:
    with pytest.raises(InputError, match="protocol imagenet has no targeted part, only untargeted"):
        PROTOCOLS["imagenet"].experiment(oracle="linear", images=images, targeted=True)
    with pytest.raises(InputError, match="protocol kaggle-like has no untargeted part, only targeted"):
        PROTOCOLS["kaggle-like"].settings(targeted=False)
    assert PROTOCOLS["kaggle-like"].settings()["target"] == "all"


def test_chosen_settings_override_those_of_a_protocol() -> None:
    original = PROTOCOLS["original-cifar10"]
    mine = Experiment(budget=1000, target="all", num_images=7)
    assert original.under(mine, {"budget"}) == Experiment(**original.settings() | {"budget": 1000})
    assert original.under(mine, {"target", "num_images"}) == Experiment(
        **original.settings(True) | {"num_images": 7}
    )
    assert original.under(Experiment(images="digits"), ()).images == "digits"
    towards = PROTOCOLS["imagenet"].under(mine, {"target"})  # such a part was not published
    assert (towards.target, towards.stop, towards.num_images) == ("all", "confidence:0.95", 105)


def test_names() -> None:
    assert all(named(name).name == name for name in PROTOCOLS)
    with pytest.raises(
        InputError, match=r"no protocol 'imagnet', only original-cifar10, .*; did you mean imagenet\?"
    ):
        named("imagnet")
