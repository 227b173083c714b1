"""A study is printed in one output format at a time."""

from pathlib import Path

import numpy as np
import pytest
from command_line import Run

from sparseattack import load_images
from sparseattack.study.progress import ConditionProgress


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("compare", "--json", "--csv"), "--json and --csv are different output formats: choose one"),
        (
            ("report", "none.study", "--csv", "--runs"),
            "--csv and --runs are different output formats: choose one",
        ),
    ],
)
def test_two_formats_at_once_are_refused(arguments: tuple[str, ...], words: str, run: Run) -> None:
    assert run(*arguments) == (2, "", f"sparseattack: {words}\n")


def test_a_csv_has_its_header_where_no_image_was_attacked(run: Run, tmp_path: Path) -> None:
    digits = load_images("digits[0:20]")
    headers, errors = [], []
    for name, labels in (("wrong", (digits.labels + 5) % 10), ("right", digits.labels)):
        images, study = tmp_path / f"{name}.npz", str(tmp_path / f"{name}.study")
        np.savez(images, images=digits.pixels.permute(0, 2, 3, 1).numpy(), labels=labels)
        common = ("--oracle", "digits-forest", "-s", "random(popsize=5)", "--budget", "10", "--study", study)
        table = run("compare", *common, "--images", str(images), "--csv")
        runs = run("report", study, "--runs")
        headers.append([each.out.splitlines()[0] for each in (table, runs)])
        errors.append([each.err for each in (table, runs)])
        assert (len(table.out.splitlines()) > 1) == (len(runs.out.splitlines()) > 1) == (name == "right")
    assert headers[0] == headers[1]
    for said in errors[0]:
        assert "sparseattack: 0 of 20 images attacked; the oracle misclassifies 20 clean images\n" in said
        assert "sparseattack: without an attack the oracle gives only 0 of 20 images their own label" in said
    assert errors[1][1] == ""


def test_one_success_of_one_query_is_no_plural() -> None:
    assert ConditionProgress("de", 1, 1).note == "0 successes, 0 queries"
    assert ConditionProgress("de", 1, 1, successes=1, queries=1).note == "1 success, 1 query"
