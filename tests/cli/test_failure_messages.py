"""Messages for a picture whose attack has no success, or none that is verified."""

from typing import Any

import pytest
import torch
from records import record

from sparseattack.cli.attack import in_a_line, in_full
from sparseattack.experiment.prepare import Setup
from sparseattack.experiment.settings import Experiment
from sparseattack.study.pictures import Attempt, prepare_pictures


@pytest.fixture(scope="module")
def setup() -> Setup:
    experiment = Experiment(strategies=("random",), oracle="linear(classes=10,inputs=64)", images="digits[0]")
    return prepare_pictures(experiment, label=None)


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({}, "no success in 1,000 queries; a larger --budget or more --pixels may help"),
        (
            {"error": "ValueError: it diverged", "queries": 12},
            "the search ended with an error after 12 queries: ValueError: it diverged",
        ),
        (
            {"first_fooled": 1234, "verified": False},
            "no success: that of query 1,234 was not verified when evaluated as a single image",
        ),
    ],
)
def test_why_there_is_no_success(others: dict[str, Any], words: str, setup: Setup) -> None:
    attempt = Attempt(0, torch.zeros(1, 8, 8), None, record(**others))
    full, line = in_full(setup, attempt, ()), in_a_line(setup, attempt, ())
    assert words in line and f"{words}; nothing was written" in full
    assert line.startswith("digits-test-0: ") and "\n" not in line
