"""What can be compared, and what cannot."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from sparseattack.errors import InputError
from sparseattack.experiment.prepare import prepare
from sparseattack.experiment.settings import Condition, Configuration, Experiment


def test_conditions_are_the_product_of_all_axes() -> None:
    experiment = Experiment(("de", "random"), ("rgb", "corners"), (1, 3), (0, 7))
    conditions = list(experiment.conditions())
    assert len(conditions) == len(set(conditions)) == 16
    assert conditions[0] == Condition("de", "rgb", 1, 0, "margin", 1000)
    assert conditions[-1] == Condition("random", "corners", 3, 7, "margin", 1000)


def test_a_configuration_has_choices_of_its_own() -> None:
    """As `exhaustive` with one pixel only, beside another strategy with one and three."""
    chosen = Experiment(
        strategies=("de", Configuration("exhaustive", "every pixel", pixels=(1,), budget=50, seeds=(7,))),
        encodings=("rgb", "corners"),
        pixels=(1, 3),
    )
    assert [(one.strategy, one.pixels, one.budget) for one in chosen.conditions() if one.seed == 0] == [
        ("de", 1, 1000), ("de", 1, 1000), ("de", 3, 1000), ("de", 3, 1000)
    ]  # fmt: skip
    own = [one for one in chosen.conditions() if one.seed == 7]
    assert [(one.encoding, one.label) for one in own] == [("rgb", "every pixel"), ("corners", "every pixel")]
    assert {(one.strategy, one.pixels, one.budget) for one in own} == {("exhaustive", 1, 50)}
    assert Experiment.from_json(json.loads(json.dumps(chosen.to_json()))) == chosen


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"strategy": "de", "budget": "30"}, "budget is int, not '30'"),
        (
            {"strategy": "de", "budgets": 30},
            "strategy of an experiment has no 'budgets', only strategy",
        ),
        ({"label": "a"}, "lacks its name"),
        ({"strategy": "de", "pixels": [0]}, "at least 1, not 0"),
        ({"strategy": "cmaes"}, "strategies holds cmaes twice"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(entry: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Experiment.from_json(Experiment().to_json() | {"strategies": ["cmaes", entry]})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"strategies": "mine"}, r"strategies is tuple\[str \| Configuration, \.\.\.\], not 'mine'"),
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
        ({"stop": "never"}, "only success, budget, fewest or confidence"),
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
    assert labelled.specs == plain.strategies and labelled.labels == ("fast one",)
    assert plain.labels == ()
    assert [one._replace(label="") for one in labelled.conditions()] == list(plain.conditions())
    assert Experiment(strategies=("de=de",)).specs == ("de",)
    assert Experiment(strategies=("./a=b.py:search",)).labels == ()  # part of a path


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
