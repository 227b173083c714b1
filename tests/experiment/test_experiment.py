"""What can be compared, and what cannot."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from sparseattack.errors import InputError
from sparseattack.experiment.prepare import prepare
from sparseattack.experiment.settings import Experiment


def test_conditions_are_the_product_of_all_axes() -> None:
    experiment = Experiment(("de", "random"), ("rgb", "corners"), (1, 3), (0, 7))
    conditions = list(experiment.conditions())
    assert len(conditions) == len(set(conditions)) == 16
    assert conditions[0] == ("de", "rgb", 1, 0) and conditions[-1] == ("random", "corners", 3, 7)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"strategies": "mine"}, r"strategies is tuple\[str, \.\.\.\], not 'mine'"),
        ({"pixels": 1}, r"pixels is tuple\[int, \.\.\.\], not 1"),
        ({"seeds": ("0",)}, "seeds is tuple"),
        ({"budget": "30"}, "budget is int, not '30'"),
        ({"oracle": len}, "oracle is str, not <built-in"),
        ({"strategies": ()}, "strategies is empty: name at least one, as in de,cmaes"),
        ({"budget": 0}, "budget, in queries per image, is at least 1, not 0"),
        ({"pixels": (3, 0)}, "pixels, those that may change, are at least 1, not 0"),
        ({"strategies": ("de", "de")}, "de twice"),
        ({"budget": 0}, "at least 1"),
        ({"pixels": (0,)}, "at least 1"),
        ({"seeds": (-1,)}, "seed is at least 0"),
        ({"true_class": "oracle"}, "true_class is label or prediction, not 'oracle'"),
        ({"correct_only": "yes"}, "correct_only is bool, not 'yes'"),
        ({"num_images": -1}, "num_images is a number of images, or 0 for all, not -1"),
        ({"sample_seed": -2}, "seed is at least 0, not -2"),
        ({"seeds": (0, 10**18)}, "at most 9007199254740992, not 1000000000000000000"),
        ({"budget": 2**53 + 1}, "at most 9007199254740992, not 9007199254740993"),
        ({"stop": "never"}, "only success, budget or confidence"),
        ({"stop": "confidence:2"}, "0 < LEVEL < 1"),
    ],
)
def test_what_cannot_be_run_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(Experiment(), **change)


def test_an_experiment_comes_back_from_json() -> None:
    experiment = Experiment(("de(popsize=50)",), ("corners",), (1, 3), target="all", sparse_inference=False)
    assert Experiment.from_json(json.loads(json.dumps(experiment.to_json()))) == experiment


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"until": "fooled"}, "an experiment has no field until, only strategies, encodings"),
        ({"budget": "30"}, "budget is int, not '30'"),
        ({"pixels": 3}, "pixels is tuple"),
        ({"stop": None}, "stop is str, not None"),
    ],
)
def test_what_is_no_experiment_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Experiment.from_json(Experiment().to_json() | change)


def test_what_lacks_a_field_is_refused() -> None:
    written = Experiment().to_json()
    del written["budget"]
    with pytest.raises(InputError, match="lacks its field budget"):
        Experiment.from_json(written)
    with pytest.raises(InputError, match="as fields and their values"):
        Experiment.from_json([1])


def test_a_label_is_no_part_of_what_results_depend_on() -> None:
    labelled = Experiment(strategies=("fast one=de(popsize=20)", "cmaes"))
    plain = Experiment(strategies=("de(popsize=20)", "cmaes"))
    assert labelled.specs == plain.strategies and labelled.labels == {"de(popsize=20)": "fast one"}
    assert labelled.without_labels() == plain and plain.labels == {}
    assert list(labelled.conditions()) == list(plain.conditions())
    assert Experiment(strategies=("de=de",)).specs == ("de",)
    assert Experiment(strategies=("./a=b.py:search",)).labels == {}  # part of a path


@pytest.mark.parametrize(
    ("strategies", "words"),
    [
        (("a=de", "a=cmaes"), "two strategies have the label a: give each its own"),
        (("a=de", "b=de"), "strategies holds de twice, under different labels"),
        (("cmaes=de", "cmaes"), "the label cmaes is the name of another strategy here"),
        (("=de",), "'' in '=de' is no label"),
        (("a!=de",), "'a!' in 'a!=de' is no label: a label has letters, digits, - _ . and single spaces"),
        (("a\x1b=de",), "is no label"),
        (("a" * 31 + "=de",), "at most 30 characters"),
        (("a=",), "'a=' has a label and no strategy: write a=NAME"),
    ],
)
def test_labels_that_would_mislead_are_refused(strategies: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        Experiment(strategies=strategies)


@pytest.mark.parametrize("label", ["cmaes", "de"])
def test_a_label_that_is_the_name_of_any_strategy_is_refused(label: str) -> None:
    """Two readings: a table would show one strategy's result under the name of another."""
    with pytest.raises(InputError, match=f"the label {label} is the name of a strategy, too"):
        prepare(Experiment(strategies=(f"{label}=de(popsize=20)",)))
