"""What of nevergrad is refused, and why."""

import threading

import nevergrad as ng
import pytest
from spaces import space

from sparseattack import InputError, Space, Strategy, load


def named(optimizer: str, popsize: int = 20) -> Strategy:
    strategy: Strategy = load("strategies", "nevergrad", {"optimizer": optimizer, "popsize": popsize})
    return strategy


def refused(optimizer: str, popsize: int = 20, here: Space | None = None) -> str:
    with pytest.raises(InputError) as refusal:
        next(named(optimizer, popsize)(here or space()))
    return str(refusal.value)


@pytest.mark.parametrize(
    "optimizer",
    ["MetaModel", "NeuralMetaModel", "SVMMetaModelLogNormal", "RFMetaModel", "CMAILL", "NGOpt", "NGOpt39",
     "HSDE", "BO", "BOSplit", "CMandAS2"],
)  # fmt: skip
def test_refuses_what_fits_a_model(optimizer: str) -> None:
    """Whatever it is called: NGOpt, say, chooses a metamodel for five genes and 1000 queries."""
    assert "fits a model to all values" in refused(optimizer)


@pytest.mark.parametrize(
    "optimizer", ["Cobyla", "Powell", "SQP", "BFGS", "ParaPortfolio", "ChainCMAPowell", "RSQP", "Carola2"]
)
@pytest.mark.parametrize("popsize", [1, 20])
def test_refuses_what_runs_in_a_thread(optimizer: str, popsize: int) -> None:
    before = threading.active_count()
    assert "runs in a thread" in refused(optimizer, popsize)
    assert threading.active_count() == before


def test_a_competence_map_is_refused_by_what_it_chooses() -> None:
    assert "runs in a thread" in refused("NGO", 1, space(budget=100))
    next(named("NGO")(space(budget=1000)))


def test_all_that_nevergrad_calls_by_such_a_name_are_refused() -> None:
    words = (
        "MetaModel",
        "BO",
        "Powell",
        "NLOPT",
        "Pymoo",
    )  # but MultiSQP and its like hold no SQP: a bug there
    suspects = [name for name in ng.optimizers.registry if any(word in name for word in words)]
    assert len(suspects) > 80
    for name in suspects:
        assert "cannot be used here" in refused(name)


def test_refuses_what_takes_one_at_a_time_by_the_dozen() -> None:
    assert refused("SPSA").endswith("SPSA takes one candidate at a time: popsize=1")
    next(named("SPSA", 1)(space()))


@pytest.mark.parametrize("optimizer", ["PolyLN", "NGOptF2", "NGOptF3", "NGOptF5"])
def test_refuses_what_cannot_be_repeated(optimizer: str) -> None:
    assert "is another one in every process" in refused(optimizer)


def test_unknown_names_are_refused_with_near_ones() -> None:
    assert refused("TwoPointDE").startswith(
        "nevergrad has no optimizer 'TwoPointDE'; did you mean TwoPointsDE"
    )
    assert "only 5" in refused("???")


def test_a_missing_package_is_named() -> None:
    with pytest.raises(ImportError, match="ax"):
        next(named("AXP")(space()))
