"""A score table holds every one-pixel answer of an oracle; rounding never changes which class wins."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from sparseattack import (
    Classifier,
    Edits,
    Experiment,
    InputError,
    Outcome,
    attack,
    corners,
    load,
    load_images,
    register,
)
from sparseattack.data import load as load_module
from sparseattack.experiment.clean import evaluate_clean
from sparseattack.experiment.score_table import ScoreTable, corner_colours, half_precision
from sparseattack.experiment.tabulation import Tabulation, appended
from sparseattack.problem.fitness import margin_of
from sparseattack.problem.problem import Problem

HEIGHT, WIDTH, CLASSES = 5, 4, 4
NEAR = st.floats(1.0, 1.0078125, width=32)  # of which many are one number in half precision


def near_ties() -> Classifier:
    """Logits around 10 that differ by less than half precision can say: 1/128 there."""
    weights = torch.randn(3 * HEIGHT * WIDTH, CLASSES, generator=torch.Generator().manual_seed(3)).double()

    def scores(images: Tensor) -> Tensor:
        return 10 + 0.002 * (images.double().flatten(1) @ weights)

    return Classifier("near ties", scores, "1f", "logits", rounding=0)


def experiment(folder: Path, count: int = 3) -> Experiment:
    """Noise with the labels that the oracle gives it."""
    drawn = np.random.default_rng(0).integers(0, 256, (count, HEIGHT, WIDTH, 3), np.uint8)
    drawn[0, 0, 0] = (0, 255, 255)  # a pixel that is a corner already
    shown = torch.from_numpy(drawn).permute(0, 3, 1, 2) / 255
    np.savez(folder / "noise.npz", images=drawn, labels=near_ties()(shown).argmax(1).numpy())
    register("oracles", "near-ties", near_ties)
    return Experiment(oracle="near-ties", images=str(folder / "noise.npz"))


def tabulated(chosen: Experiment) -> ScoreTable:
    tabulation = Tabulation(evaluate_clean(chosen))
    found = list(tabulation.ask(tabulation.places(), lambda count: None))
    return appended(tabulation.empty(), tabulation, found)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    tabulated(experiment(tmp_path)).write(path := tmp_path / "answers.npz")
    return path


def every_edit(count: int) -> tuple[Tensor, Edits]:
    """All candidates of all images, in the order of the table."""
    colours = torch.from_numpy(corner_colours(3))
    rows = torch.arange(count).repeat_interleave(HEIGHT * WIDTH * 8)
    positions = torch.arange(HEIGHT * WIDTH).repeat_interleave(8).repeat(count)
    return rows, Edits(positions[:, None], colours.repeat(count * HEIGHT * WIDTH, 1)[:, None])


def answering(file: Path) -> Classifier:
    """The oracle that answers from a table."""
    return Classifier.of(load("oracles", "table", {"path": str(file)})())


def edited(table: Classifier, images: Tensor, rows: Tensor, edits: Edits) -> Tensor | None:
    assert table.answer_edits
    return table.answer_edits(images, rows, edits)


def same(one: Tensor | None, other: Tensor) -> bool:
    return one is not None and torch.equal(one, other)


def images_of(file: Path) -> Tensor:
    return torch.from_numpy(np.load(file)["images"]).permute(0, 3, 1, 2) / 255


@given(arrays(np.float32, (5, 3), elements=NEAR))
def test_the_same_classes_have_the_highest_score(scores: np.ndarray) -> None:
    rounded = half_precision(scores)
    assert ((rounded == rounded.max(1, keepdims=True)) == (scores == scores.max(1, keepdims=True))).all()
    assert np.abs(rounded - scores).max() <= 1.5 / 1024  # half a unit in the last place, and one


def test_plain_rounding_would_change_them() -> None:
    scores = np.array([[1.0001, 1.0]], np.float32)
    assert len(set(scores.astype(np.float16)[0])) == 1 and half_precision(scores)[0].argmax() == 0
    assert half_precision(scores[:, ::-1])[0].argmax() == 1


def test_scores_beyond_half_precision_are_refused() -> None:
    with pytest.raises(InputError, match="7e\\+04 do not fit half precision"):
        half_precision(np.array([70_000.0, 1.0]))


@pytest.mark.parametrize("targeted", [False, True])
def test_every_success_is_one_of_the_network_and_no_other(file: Path, targeted: bool) -> None:
    images, table = images_of(file), answering(file)
    rows, edits = every_edit(len(images))
    painted = edits.paint(images, rows)
    answers, truth = table(painted), near_ties()(painted)
    flipped = 0
    for label in range(CLASSES):
        labels = torch.full_like(rows, label)
        wanted = margin_of(truth, labels, targeted) < 0
        assert torch.equal(margin_of(answers, labels, targeted) < 0, wanted)
        flipped += int(((margin_of(truth.half().float(), labels, targeted) < 0) != wanted).sum())
    assert flipped  # without the repair some would be others
    assert float((answers - truth).abs().max()) <= 1.5 / 128
    assert same(edited(table, images, rows, edits), answers)


def test_a_pixel_that_has_the_colour_already_gives_the_clean_answer(file: Path) -> None:
    images, table = images_of(file), answering(file)
    clean = table(images)
    unchanged = (images[:, :, 1, 2] * 255).round().to(torch.uint8)[:, None]
    rows = torch.arange(len(images))
    at = torch.full((len(images), 1), WIDTH + 2)
    assert same(edited(table, images, rows, Edits(at, unchanged)), clean)  # it is no corner
    corner = Edits(torch.zeros(1, 1).long(), torch.tensor([[[0, 255, 255]]], dtype=torch.uint8))
    assert same(edited(table, images, rows[:1], corner), clean[:1])


@pytest.mark.parametrize("strategy", ["exhaustive", "random"])
def test_searches_without_feedback_are_those_on_the_network(file: Path, strategy: str) -> None:
    images, table = images_of(file), answering(file)
    labels = torch.from_numpy(np.load(file)["labels"])
    searched = [
        attack(
            Problem(oracle, corners(pixels=1), images, labels, sparse=sparse),
            load("strategies", strategy),
            200,
        )
        for oracle, sparse in ((near_ties(), False), (table, False), (table, True))
    ]
    facts = [
        [
            (one.first_fooled, one.queries, one.positions.tolist() if one.fooled else 0)
            for one in outcomes
            if isinstance(one, Outcome)
        ]
        for outcomes in searched
    ]
    assert facts[0] == facts[1] == facts[2]
    assert any(one[0] for one in facts[0])


def test_what_is_not_in_the_table_is_refused(file: Path) -> None:
    images, table = images_of(file), answering(file)
    other = images.flip(3)
    grey = Edits(torch.zeros(1, 1).long(), torch.full((1, 1, 3), 7, dtype=torch.uint8))
    white = Edits(torch.zeros(1, 1).long(), torch.full((1, 1, 3), 255, dtype=torch.uint8))
    two = Edits(torch.tensor([[0, 19]]), torch.full((1, 2, 3), 255, dtype=torch.uint8))
    first = torch.zeros(1).long()
    asks: tuple[Callable[[], object], ...] = (
        lambda: table(other),
        lambda: table(grey.paint(images[:1])),
        lambda: table(two.paint(images[:1])),
        lambda: edited(table, images, first, grey),
        lambda: edited(table, other, first, white),
    )
    for ask in asks:
        with pytest.raises(
            InputError, match=r"knows the answers to its 3 images .*--pixels 1 and the encoding"
        ):
            ask()
    assert edited(table, images, first, two) is None  # so that it is painted, and refused
    with pytest.raises(InputError, match="takes images of 3x5x4, not 3x4x5"):
        table(images.transpose(2, 3))


def test_the_table_in_the_package_is_that_of_the_network_in_it() -> None:
    images, chosen = load_images("one-pixel"), torch.Generator().manual_seed(0)
    table, network = (Classifier.of(load("oracles", name)()) for name in ("table", "allconv-small"))
    rows = torch.arange(len(images)).repeat(8)
    positions = torch.randint(32 * 32, (len(rows), 1), generator=chosen)
    colours = torch.randint(2, (len(rows), 1, 3), generator=chosen).mul(255).to(torch.uint8)
    clean, edits = images.floats(), Edits(positions, colours)
    answers, truth = edited(table, clean, rows, edits), network(edits.paint(clean, rows))
    assert answers is not None and torch.equal(answers.argmax(1), truth.argmax(1))
    assert torch.allclose(answers, truth, atol=1e-2, rtol=1e-3)  # processors round differently, too
    held = ScoreTable.read(Path(load_module.__file__).parent / "sample" / "one-pixel.npz")
    fooled = (held.scores.argmax(4) != held.labels[:, None, None, None]).sum((1, 2, 3))
    assert sorted(fooled[fooled > 0].tolist()) == [62, 84, 118, 1155]
    assert images.ids == held.ids and images.labels.tolist() == held.labels.tolist()


def test_the_clean_images_may_be_few(tmp_path: Path) -> None:
    tabulated(experiment(tmp_path, 1)).write(path := tmp_path / "one.npz")
    chosen = Experiment(oracle=str(path), images=str(path), encodings=("corners",))
    assert evaluate_clean(chosen).correct == 1


def test_it_is_read_by_numpy_alone_and_written_in_the_same_bytes(file: Path, tmp_path: Path) -> None:
    with np.load(file, allow_pickle=False) as held:
        kinds = {name: (held[name].dtype.kind, held[name].shape) for name in held.files}
    assert kinds == {
        "images": ("u", (3, 5, 4, 3)),
        "labels": ("i", (3,)),
        "ids": ("U", (3,)),
        "clean_scores": ("f", (3, 4)),
        "scores": ("f", (3, 5, 4, 8, 4)),
        "about": ("U", ()),
    }
    table = ScoreTable.read(file)
    table.write(again := tmp_path / "again.npz")
    assert again.read_bytes() == file.read_bytes()
    assert table.digest == ScoreTable.read(again).digest != table.at([0, 2]).digest


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"scores": None}, "has the arrays .*, and lacks scores; `sparseattack tabulate` writes one"),
        ({"clean_scores": np.zeros((3, 4), np.float32)}, "its array clean_scores is float32"),
        ({"labels": np.zeros(2, np.int64)}, r"its array labels is \(2,\), not \(3,\)"),
        (
            {"about": np.array('{"format": 9}')},
            "can be used: its about is of format 9, and this version reads",
        ),
        ({"about": np.array("{")}, "can be used: its about is no JSON object"),
        ({"about": np.array("[]")}, "can be used: its about is no JSON object"),
        (
            {"about": np.array('{"format": 1, "scale": "decibels"}')},
            "its about has the scale 'decibels'; scales are logits, probabilities, labels",
        ),
        ({"about": np.array('{"format": 1, "scale": ["logits"]}')}, "has the scale \\['logits'\\]; scales"),
        (
            {"scores": np.full((3, 5, 4, 8, 4), np.nan, np.float16)},
            "its array scores has NaN or infinite scores",
        ),
        (
            {"images": np.zeros((3, 5, 4, 3), np.uint8)},
            "its images 0 and 1 are the same, and have other scores",
        ),
    ],
)
def test_other_files_are_refused(file: Path, change: dict[str, object], reason: str) -> None:
    arrays = dict(np.load(file)) | change
    np.savez(file, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(InputError, match=reason):
        ScoreTable.read(file)


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(InputError, match=r"text\.npz is no table of scores"):
        ScoreTable.read(tmp_path / "text.npz")


def test_a_noisy_oracle_has_no_table(tmp_path: Path) -> None:
    chosen = replace(experiment(tmp_path), noisy_oracle=True)
    with pytest.raises(InputError, match="a noisy oracle has none"):
        Tabulation(evaluate_clean(chosen))


def test_labels_have_no_table() -> None:
    chosen = Experiment(oracle="labels(oracle=allconv-small)", images="sample[0:1]")
    with pytest.raises(InputError, match=r"a table holds scores, and oracle labels of allconv-small answers"):
        tabulated(chosen)


def test_an_image_is_itself_though_another_differs_in_one_pixel(tmp_path: Path) -> None:
    """An image and its adversarial version, whose pixel may have any colour."""
    shown = np.random.default_rng(0).integers(1, 255, (2, HEIGHT, WIDTH, 3), dtype=np.uint8)
    shown[1] = shown[0]
    shown[1, HEIGHT - 1, 2] = 10, 20, 30
    file = tmp_path / "two.npz"
    np.savez(file, images=shown, labels=np.array([0, 1]))
    table = tabulated(replace(experiment(tmp_path), images=str(file), true_class="prediction"))
    table.write(tmp_path / "answers.npz")
    answers, images = answering(tmp_path / "answers.npz"), images_of(file)
    expected = torch.from_numpy(table.clean_scores).float()
    assert torch.equal(answers(images), expected) and not torch.equal(expected[0], expected[1])
    rows, edits = every_edit(2)
    painted = answers(edits.paint(images, rows))
    assert same(edited(answers, images, rows, edits), painted)
