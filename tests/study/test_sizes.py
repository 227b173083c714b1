"""Pictures of several sizes attacked as they are, where the oracle takes any size."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from sparseattack import Experiment, InputError, Search, Space, compare, levels, register, uses
from sparseattack.experiment.prepare import prepare
from sparseattack.study.facts import request
from sparseattack.study.pictures import PictureFiles, attempts, prepare_pictures
from sparseattack.study.record import Record
from sparseattack.study.run import plan
from sparseattack.study.store import Study

SIZES = {"a": (6, 5), "b": (9, 4), "c": (6, 5), "d": (3, 3), "e": (9, 4)}  # height, width


def brightest(images: Tensor) -> Tensor:
    """Which colour has the brightest pixel, whatever the size."""
    return images.amax((2, 3)) * 20


def nine(images: Tensor) -> Tensor:
    """For images of three by three pixels only."""
    return images.amax(1).flatten(1) @ torch.eye(9)


@pytest.fixture(autouse=True)
def oracles() -> None:
    """Both by name, for one test."""
    register("oracles", "brightest", lambda: brightest)
    register("oracles", "nine", lambda: nine)


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    """Five reddish pictures of three sizes."""
    for place, (name, size) in enumerate(SIZES.items()):
        rows = np.random.default_rng(place).integers(60, size=(*size, 3), dtype=np.uint8)
        rows[..., 0] += 100
        Image.fromarray(rows).save(tmp_path / f"{name}.png")
    return Experiment(
        strategies=("random(popsize=5)", "sparse-rs"),
        oracle="brightest",
        images=str(tmp_path),
        true_class="prediction",
        budget=40,
    )


def known(record: Record) -> dict[str, object]:
    """A record without its place among others and without times."""
    others = ("key", "image", "oracle_seconds", "strategy_seconds")
    return {name: value for name, value in record.to_dict().items() if name not in others}


def records(experiment: Experiment) -> list[Record]:
    with Study.create(Path(":memory:")) as study:
        return [record for _, step in plan(prepare(experiment), study).run() for record in step.records]


def test_a_strategy_knows_the_scores_of_its_own_clean_pictures(experiment: Experiment) -> None:
    """They come from the study's clean evaluation, in which all sizes are one after another."""
    seen: list[tuple[int, ...]] = []

    @uses("image", "scores")
    def knows(space: Space) -> Search:
        seen.append(tuple(space.images.shape[2:]))
        assert torch.equal(space.clean_scores, brightest(space.images))
        assert torch.equal(space.labels, space.clean_scores.argmax(1))
        expected = space.clean_scores.topk(2).values
        assert torch.allclose(space.clean_values[:, 0], expected[:, 0] - expected[:, 1])
        while True:
            yield space.uniform(5)

    register("strategies", "knows", knows)
    assert len(records(replace(experiment, strategies=("knows",)))) == len(SIZES)
    assert set(seen) == set(SIZES.values())


def test_each_picture_has_the_outcome_of_an_attack_on_it_only(experiment: Experiment) -> None:
    together = records(experiment)
    assert len(together) == 2 * len(SIZES) and any(record.success for record in together)
    for name in SIZES:
        alone = records(replace(experiment, images=f"{experiment.images}/{name}.png"))
        same = [known(record) for record in together if record.image_id == f"{name}.png"]
        assert same == [known(record) for record in alone]


def test_a_study_stores_the_sizes_and_continues(experiment: Experiment, tmp_path: Path) -> None:
    setup = prepare(experiment)
    assert setup.images.ids == ("a.png", "c.png", "b.png", "e.png", "d.png")
    assert request(setup, "now").shapes == ((2, 3, 6, 5), (2, 3, 9, 4), (1, 3, 3, 3))
    assert setup.notes == (
        "the images have 3 sizes (rows x columns), and are attacked so: 2 of 6x5, 2 of 9x4, 1 of 3x3",
    )
    path = tmp_path / "some.study"
    with Study.create(path) as study:
        steps = plan(setup, study).run()
        next(step for _, step in steps if step.records)
    first = compare(experiment, path)
    assert first.notes == list(setup.notes) and len(first.records) == 2 * len(SIZES)
    assert list(map(known, first.records)) == list(map(known, compare(experiment).records))


def test_what_is_written_has_the_pictures_own_size(experiment: Experiment, tmp_path: Path) -> None:
    setup = prepare_pictures(replace(experiment, strategies=("sparse-rs",), budget=200), label=None)
    files = PictureFiles(setup, setup.environment(next(setup.experiment.conditions())))
    written = 0
    for attempt in attempts(setup):
        name = setup.images.ids[attempt.place].removesuffix(".png")
        for file in files.write(attempt, tmp_path / "made" / name)[:1]:
            before, after = (np.array(Image.open(one)) for one in (tmp_path / f"{name}.png", file))
            assert before.shape == after.shape == (*SIZES[name], 3)
            assert (before != after).any(2).sum() == 1
            seen = brightest(levels(torch.from_numpy(after).permute(2, 0, 1))[None])
            assert attempt.record and int(seen.argmax()) == attempt.record.after_class
            written += 1
    assert written == len(SIZES)


def test_a_sample_is_taken_of_all_sizes_and_targets_do_not_depend_on_the_sizes(
    experiment: Experiment,
) -> None:
    sampled = records(replace(experiment, num_images=3, strategies=("random(popsize=5)",)))
    assert len({record.image for record in sampled}) == 3
    aimed = records(replace(experiment, target="random", strategies=("random(popsize=5)",)))
    (alone,) = records(
        replace(
            experiment,
            target="random",
            strategies=("random(popsize=5)",),
            images=f"{experiment.images}/d.png",
        )
    )
    assert known(alone) in list(map(known, aimed))


def test_an_oracle_of_one_size_is_named_with_what_to_do(experiment: Experiment) -> None:
    with pytest.raises(
        InputError, match=r"several sizes, 6x5 and 9x4 among them, .* oracle nine: give a size, as in"
    ):
        prepare(replace(experiment, oracle="nine"))


def test_more_pixels_than_the_smallest_picture_has_are_refused(experiment: Experiment) -> None:
    with pytest.raises(InputError, match="images of 3 x 3 pixels and 3 channels have no 10 pixels to change"):
        prepare(replace(experiment, pixels=(10,)))
