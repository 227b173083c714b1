"""Pictures attacked from the command line; what is written is judged here by other means."""

import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import Run, start
from numpy.typing import NDArray
from PIL import Image

from sparseattack import Oracle, levels, load, load_images
from sparseattack.cli.attack import _how_far
from sparseattack.errors import SparseattackWarning
from sparseattack.study.progress import Advance, ComparisonProgress, ConditionProgress

Colours = NDArray[np.uint8]
FOREST = ("--oracle", "digits-forest", "--pixels", "2")


def colours(path: Path) -> Colours:
    """The picture in a file: ``(H, W[, C])``."""
    with Image.open(path) as opened:
        return np.array(opened)


def said(oracle: Oracle, path: Path) -> int:
    """The class that an oracle sees in a file, shown alone."""
    stored = torch.from_numpy(np.atleast_3d(colours(path))).permute(2, 0, 1)
    return int(oracle(levels(stored)[None]).argmax())


@pytest.fixture(scope="module")
def forest() -> Oracle:
    oracle: Oracle = load("oracles", "digits-forest")()
    return oracle


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A folder of four digits, two of the same name."""
    pixels = load_images("digits[0:4]").pixels
    for place, name in enumerate(["8/a.png", "8/again/a.png", "b.bmp", "c.png"]):
        path = tmp_path / "digits" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[place, 0].numpy()).save(path)
    return tmp_path / "digits"


def test_one_picture_of_the_embedded_network(tmp_path: Path, run: Run) -> None:
    clean = load_images("sample[3]").pixels[0].permute(1, 2, 0).numpy()
    Image.fromarray(clean).save(tmp_path / "plane.png")
    code, out, err = run("attack", str(tmp_path / "plane.png"), "--out", str(tmp_path / "made"))
    assert (code, err) == (0, "")
    oracle = load("oracles", "allconv-small")()
    before, after = re.findall(r"^(?:before|after) +(\w+) \d+\.\d %$", out, re.MULTILINE)
    made = tmp_path / "made" / "plane.adversarial.png"
    assert oracle.classes[said(oracle, tmp_path / "plane.png")] == before
    assert oracle.classes[said(oracle, made)] == after != before
    attacked = colours(made)
    ((row, column),) = np.argwhere((attacked != clean).any(2)).tolist()
    was, now = (tuple(map(int, picture[row, column])) for picture in (clean, attacked))
    assert f"row {row}, column {column}: {was} -> {now}" in out
    assert "1 pixel;" in out and "verified" in out and str(made) in out
    assert 1 <= int(re.findall(r"queries +([\d,]+) to success", out)[0]) <= 1000
    assert colours(tmp_path / "made" / "plane.side-by-side.png").shape[1] > 2 * 32 * 12


def test_a_folder_has_a_line_for_each_picture(digits: Path, tmp_path: Path, run: Run, forest: Oracle) -> None:
    code, out, _ = run("attack", str(digits), *FOREST, "--out", str(tmp_path / "made"))
    *lines, last = out.splitlines()
    assert code == 0 and last.startswith("verified success on 4 of 4 attacked pictures; 0 left out")
    assert {line.split(":")[0] for line in lines} == {"8/a.png", "8/again/a.png", "b.bmp", "c.png"}
    for name in ("8/a", "8/again/a", "b", "c"):
        (clean,) = digits.glob(f"{name}.*")
        made = tmp_path / "made" / f"{name}.adversarial.png"
        assert said(forest, made) != said(forest, clean)
        assert 1 <= (colours(made) != colours(clean)).sum() <= 2
        assert made.with_name(f"{made.stem.split('.')[0]}.side-by-side.png").exists()


def test_of_two_same_pictures_one_is_attacked(digits: Path, tmp_path: Path, run: Run) -> None:
    twice = tmp_path / "twice"
    twice.mkdir()
    for name in ("a.bmp", "b.bmp"):
        (twice / name).write_bytes((digits / "b.bmp").read_bytes())
    code, out, err = run("attack", str(twice), *FOREST, "--label", "4", "--out", str(tmp_path / "made"))
    assert code == 0 and "b.bmp: " in out and "the same picture as a.bmp, with its label: see there" in out
    assert "it is taken once" in err and "attacked picture; 1 left out" in out


def test_a_failure_is_reported_and_writes_nothing(tmp_path: Path, run: Run) -> None:
    out = tmp_path / "made"
    code, told, _ = run("attack", "digits[2]", *FOREST, "--budget", "1", "--out", str(out))
    assert code == 0 and "no success in 1 query;" in told and "nothing was written" in told
    code, told, _ = run("attack", "digits[2:4]", *FOREST, "--budget", "1", "--out", str(out))
    assert code == 0 and "verified success on 0 of 2 attacked pictures" in told
    assert not out.exists()


def test_a_target_is_reached(tmp_path: Path, run: Run, forest: Oracle) -> None:
    code, out, _ = run("attack", "digits[1]", *FOREST, "--target", "3", "--out", str(tmp_path))
    assert code == 0 and re.search(r"^target +3$", out, re.MULTILINE)
    (made,) = tmp_path.glob("*.adversarial.png")
    assert said(forest, made) == 3


def test_a_random_target_is_drawn_from_the_seed(tmp_path: Path, run: Run) -> None:
    def target(seed: str) -> str:
        options = ("--target", "random", "--seed", seed, "--budget", "1", "--out", str(tmp_path))
        (found,) = re.findall(r"^target +(\w+)$", run("attack", "digits[1]", *FOREST, *options).out, re.M)
        return str(found)

    drawn = [target(seed) for seed in "012"]
    assert len(set(drawn)) > 1 and target("2") == drawn[2]
    assert "8" not in drawn  # what the forest says of the clean picture


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--label", "3"), "the oracle misclassifies it, its true class is 3"),
        (("--target", "8"), "it is of the target class, or predicted as it"),
    ],
)
def test_there_may_be_nothing_to_attack(
    options: tuple[str, str], words: str, tmp_path: Path, run: Run
) -> None:
    code, out, _ = run("attack", "digits[1]", *FOREST, *options, "--out", str(tmp_path))
    assert code == 0 and f"nothing to attack: {words}" in out and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.png",), "there are no images 'nowhere.png'"),
        (("sample[3]", "--oracle", "digits-forest"), "takes images of 1x8x8, not 3x32x32"),
        (("digits[1]", *FOREST, "--label", "ten"), "there is no class 'ten', only 0 to 9"),
        (("digits[1]", *FOREST, "--target", "all"), "one class: name it, or take random"),
        (("digits[1]", *FOREST, "-s", "de(pop=3)"), "de has no setting pop: only popsize"),
        (("digits[1]", *FOREST, "-s", "annealing"), "no strategy 'annealing', only"),
        (("digits[1]", *FOREST, "-k", "65"), "65"),
        (("digits[1]", *FOREST, "-k", "0"), "at least 1"),
        (("digits[1]", *FOREST, "--budget", "many"), "Invalid value for '--budget'"),
        (("digits[1]", *FOREST, "--stop", "bored"), "no stopping criterion 'bored'"),
        ((), "Missing argument"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], words: str, run: Run) -> None:
    code, out, err = run("attack", *arguments)
    assert code == 2 and out == "" and words in err
    assert err.startswith("sparseattack: ") and err.count("\n") == 1


def test_the_clean_accuracy_of_labelled_pictures_is_printed(tmp_path: Path, run: Run) -> None:
    oracle, images = load("oracles", "linear(classes=10,inputs=64)")(), load_images("digits[0:6]")
    right = int((oracle(images.floats()).argmax(1) == images.labels).sum())
    arguments = ("attack", "digits[0:6]", "--oracle", "linear(classes=10,inputs=64)", "--out", str(tmp_path))
    code, _, err = run(*arguments, "--budget", "20")
    assert code == 0 and f"clean accuracy: {right} of 6 pictures, {right / 6:.1%}\n" in err
    for given in (("--label", "3"), ("--true-class", "prediction")):
        assert "clean accuracy" not in run(*arguments, "--budget", "20", *given).err


def test_the_folder_is_the_true_class_as_it_is_in_a_comparison(
    digits: Path, tmp_path: Path, run: Run
) -> None:
    (digits / "8").rename(digits / "3")
    code, out, _ = run("attack", str(digits), *FOREST, "--out", str(tmp_path / "made"))
    lines = {line.partition(":")[0]: line for line in out.splitlines()}
    assert code == 0 and "verified success on 2 of 2 attacked pictures; 2 left out" in out
    assert "nothing to attack: the oracle misclassifies it, its true class is 3" in lines["3/a.png"]
    assert "->" in lines["b.bmp"]  # no folder: the prediction is the true class
    predicted = run("attack", str(digits), *FOREST, "--true-class", "prediction", "--out", str(tmp_path))
    assert "verified success on 4 of 4 attacked pictures" in predicted.out
    (digits / "3").rename(digits / "eight")
    code, _, err = run("attack", str(digits), *FOREST)
    assert code == 2 and "there is no class eight, only 0, 1" in err and "--true-class prediction" in err


def test_a_resized_picture_is_reported_and_written_as_it_was_attacked(tmp_path: Path, run: Run) -> None:
    large = Image.fromarray(load_images("digits[0]").pixels[0, 0].numpy()).resize(
        (48, 64), Image.Resampling.BICUBIC
    )
    exif = Image.Exif()
    exif[0x0112] = 3
    large.transpose(Image.Transpose.ROTATE_180).save(tmp_path / "eight.png", exif=exif)
    arguments = ("attack", f"{tmp_path / 'eight.png'}@8", *FOREST, "--resize", "bicubic,squash")
    code, out, err = run(*arguments, "--out", str(tmp_path / "made"))
    assert code == 0 and "verified" in out
    assert "turned or mirrored as the EXIF orientation says" in err
    assert (
        "resized to 8x8 (bicubic, height and width scaled apart): this is what is attacked and written" in err
    )
    made = colours(tmp_path / "made" / "eight.adversarial.png")
    clean = np.array(large.resize((8, 8), Image.Resampling.BICUBIC))
    assert made.shape == (8, 8) and 1 <= (made != clean).sum() <= 2
    code, _, err = run("attack", str(tmp_path / "eight.png"), *FOREST, "--resize", "nearest")
    assert code == 2 and "--resize says how images get a size: name one, as in" in err


def test_a_place_that_cannot_be_written_is_refused_before_the_attack(run: Run) -> None:
    code, out, err = run("attack", "digits[1]", *FOREST, "--out", __file__)
    assert (code, out) == (2, "") and "cannot be written" in err and "another folder with --out" in err


def test_what_an_attack_has_written_is_no_picture_to_attack(digits: Path, run: Run) -> None:
    first, again = (run("attack", str(digits), *FOREST, "--out", str(digits)) for _ in range(2))
    assert first.code == again.code == 0 and first.out == again.out
    assert "13 pictures that an attack has written" in again.err and "left out" not in first.err
    for file in digits.rglob("?.*"):
        file.rename(file.with_name(f"{file.stem}.adversarial.png"))
    assert "no picture in" in run("attack", str(digits), *FOREST).err


def test_channels_that_no_png_holds_are_refused(tmp_path: Path, run: Run) -> None:
    np.savez(tmp_path / "five.npz", images_nhwc=np.zeros((1, 4, 4, 5), np.uint8))
    oracle = ("--oracle", "linear(classes=3,inputs=80)")
    code, _, err = run("attack", str(tmp_path / "five.npz"), *oracle, "--out", str(tmp_path / "made"))
    assert code == 2 and "no PNG holds 5 channels" in err


def test_ctrl_c_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "waiting.py").write_text(
        "import time\n"
        "def oracle():\n"
        "    print('asked', flush=True)\n"
        "    def scores(images): time.sleep(60)\n"
        "    return scores\n"
    )
    process = start(tmp_path, "attack", "digits[0]", "--oracle", "waiting:oracle")
    assert process.stdout and process.stdout.readline() == "asked\n"
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "sparseattack: interrupted\n")


ORACLES = """
import torch
from torch.nn.functional import dropout
from sparseattack import load

forest = load("oracles", "digits-forest")()

def fails_on_the_third():
    def scores(images):
        found = forest(images)
        if (images.flatten(1).sub(third.flatten()).ne(0).sum(1) <= 2).any() and calls():
            raise MemoryError("too large")
        return found
    count = [0]
    def calls():
        count[0] += 1
        return count[0] > 6  # not in the check of the oracle and the clean evaluation
    from sparseattack import load_images
    third = load_images("digits[2]").floats()[0]
    scores.rounding, scores.scale = 0, "probabilities"
    return scores

def drops():
    scores = lambda images: forest(dropout(images, 0.3))
    scores.scale = "probabilities"
    return scores

def counts(*, rounding=0.0):
    def scores(images):
        with open("shown.txt", "a") as shown:
            print(len(images), file=shown)
        return forest(images)
    scores.rounding, scores.scale = rounding, "probabilities"
    return scores

def nan_on_the_third(queries):
    from sparseattack import load_images, margin
    third = load_images("digits[2]").floats()[0]
    return margin(queries).where((queries.clean != third).flatten(1).any(1), float("nan"))

def stops():
    calls = iter(range(30))
    def scores(images):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return forest(images)
    scores.rounding, scores.scale = 0, "probabilities"
    return scores
"""


@pytest.fixture
def oracles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of oracles on digits."""
    (tmp_path / "pictures_to_attack.py").write_text(ORACLES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_failure_of_one_picture_ends_no_other(oracles: Path, run: Run) -> None:
    from_file = ("--oracle", "pictures_to_attack.py:fails_on_the_third", "--pixels", "2")
    said = "the 4 pictures that are left are searched again one by one"
    unknown = "fails on clean images now: whether its answers are others is not known"
    with pytest.warns(SparseattackWarning, match=said), pytest.warns(SparseattackWarning, match=unknown):
        code, out, err = run("attack", "digits[0:4]", *from_file, "--out", "made")
    assert code == 1 and "Traceback" not in out + err
    *lines, last = out.splitlines()
    failed = [line for line in lines if "failed: oracle" in line]
    assert len(lines) == 4 and len(failed) == 1 and "MemoryError: too large" in failed[0]
    assert last.startswith(
        "verified success on 3 of 3 attacked pictures; 0 left out, 1 failed; written to made"
    )
    assert len(list((oracles / "made").glob("*.adversarial.png"))) == 3


def test_a_fitness_that_is_nan_on_one_picture_ends_no_other(oracles: Path, run: Run) -> None:
    fitness = ("--fitness", "pictures_to_attack.py:nan_on_the_third", "--out", "made")
    with pytest.warns(SparseattackWarning, match="searched again one by one"):
        code, out, err = run("attack", "digits[0:4]", *FOREST, *fitness)
    assert code == 1 and "Traceback" not in out + err
    assert len(out.splitlines()) == 5 and "nan_on_the_third is NaN for image 2" in out
    assert "3 attacked pictures; 0 left out, 1 failed" in out
    code, out, err = run("attack", "digits[2]", *FOREST, *fitness)
    assert (code, out) == (2, "") and "is NaN for image" in err


@pytest.mark.parametrize("rounding", ["0", "0.3"])  # many images are near a margin of zero, or none
@pytest.mark.parametrize("budget", ["3", "1000"])
def test_every_evaluation_is_stated(oracles: Path, run: Run, budget: str, rounding: str) -> None:
    chosen = ("--oracle", f"pictures_to_attack.py:counts(rounding={rounding})", "--budget", budget)
    code, out, _ = run("attack", "digits[0]", *chosen, "--pixels", "2", "--out", "made")
    numbers = r"(?:^also +|no success in |success, |images and )([\d,]+)"
    stated = [int(number.replace(",", "")) for number in re.findall(numbers, out, re.MULTILINE)]
    shown = sum(map(int, (oracles / "shown.txt").read_text().split()))
    assert code == 0 and len(stated) == 3 and sum(stated) == shown


def test_a_noisy_oracle_is_refused_or_named(oracles: Path, run: Run) -> None:
    noisy = ("attack", "digits[0:6]", "--oracle", "pictures_to_attack.py:drops", "--budget", "60", "-k", "3")
    code, out, err = run(*noisy, "--out", "made")
    assert (
        (code, out) == (2, "") and "is not a function of the image alone" in err and "--noisy-oracle" in err
    )
    code, out, err = run(*noisy, "--noisy-oracle", "--out", "made")
    assert len(out.splitlines()) == 7 and "Traceback" not in err
    code, out, _ = run("compare", *noisy[2:], "--images", "digits[0:6]", "-s", "random", "--noisy-oracle")
    assert code == 0 and "(noisy)" in out and "noisy oracle" in out


def test_an_interruption_lists_the_files_written(oracles: Path, run: Run) -> None:
    stops = ("--oracle", "pictures_to_attack.py:stops", "--pixels", "2", "--budget", "4000", "-s", "random")
    code, _, err = run("attack", "digits[0:4]", *stops, "--out", "made")
    assert code == 130
    assert re.search(
        r"stopped: \d of 4 pictures are done; verified success on \d of \d attacked pictures", err
    )
    made = [path for path in (oracles / "made").rglob("*") if path.is_file()]
    assert made and f"written to made: {len(made)} files, among them made/attack.contact-sheet.png" in err


def test_one_picture_interrupted_has_written_nothing(oracles: Path, run: Run) -> None:
    stops = ("--oracle", "pictures_to_attack.py:stops", "--budget", "100000", "-s", "random(popsize=10)")
    code, out, err = run("attack", "digits[0]", *stops, "--out", "made")
    assert (code, out) == (130, "") and "stopped: 0 of 1 picture is done" in err
    assert "nothing was written" in err and not (oracles / "made").exists()


def test_a_copy_is_enlarged_as_often_as_chosen(tmp_path: Path, run: Run) -> None:
    for scale, size in ((None, 256), ("3", 24), ("0", None)):
        given = () if scale is None else ("--scale", scale)
        out = tmp_path / f"scale-{scale}"
        assert run("attack", "digits[0]", *FOREST, "--out", str(out), *given).code == 0
        assert [colours(path).shape for path in out.glob("*.enlarged.png")] == (
            [(size, size)] if size else []
        )
        (made,) = out.glob("*.adversarial.png")
        assert colours(made).shape == (8, 8)


def test_one_picture_has_no_sheet_and_several_have_one(digits: Path, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "made"
    assert run("attack", "digits[0]", *FOREST, "--out", str(out)).code == 0
    assert not list(out.glob("*.contact-sheet.png"))
    last = run("attack", str(digits), *FOREST, "--out", str(out)).out.splitlines()[-1]
    assert "written to" in last and last.endswith("attack.contact-sheet.png, all successes on one sheet")
    assert colours(out / "attack.contact-sheet.png").shape[1] > 4 * 160


def test_the_line_while_pictures_are_awaited_says_how_far_it_is() -> None:
    condition = ConditionProgress("", 1000, 12)
    progress = ComparisonProgress([condition])
    line = "attacking: 0 of 12 pictures, 0 successes, 0 queries, time left not known yet"
    assert _how_far(progress, condition) == line
    progress.add(Advance(0, 1234, 3, 1, 50))
    assert "attacking: 3 of 12 pictures, 1 success, 1,234 queries, about" in _how_far(progress, condition)
    progress.add(Advance(0, 500, 1, 1, 50))
    assert re.fullmatch(
        r"attacking: 4 of 12 pictures, 2 successes, 1,734 queries, about \d:\d\d:\d\d left",
        _how_far(progress, condition),
    )
    one = ConditionProgress("", 100, 1)
    shown = "attacking: 0 of 1 picture, 0 queries, time left not known yet"
    assert _how_far(ComparisonProgress([one]), one) == shown
