"""Few-pixel black-box attacks as a search problem: an oracle, an encoding, a fitness, a budget."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparseattack.alone import apart, per_image
    from sparseattack.classifier import Classifier
    from sparseattack.comparison import compare
    from sparseattack.data import Images, load_images
    from sparseattack.edits import Edits, levels
    from sparseattack.encoding import Encoding, Pixels, corners, rgb
    from sparseattack.errors import InputError, OracleError, SparseattackError, StoreError, StrategyError
    from sparseattack.experiment import Experiment
    from sparseattack.loop import attack, outcomes_of
    from sparseattack.objectives import several
    from sparseattack.oracle import Oracle, SparseOracle
    from sparseattack.outcome import Outcome
    from sparseattack.problem import Problem
    from sparseattack.protocols import PROTOCOLS
    from sparseattack.queries import Fitness, Queries, cross_entropy, fooled, l0, l2, margin, probability
    from sparseattack.registry import load, register
    from sparseattack.solo import ImageSearch
    from sparseattack.space import Gene, Search, Space, Strategy
    from sparseattack.until import Until, confident, spent

__version__ = "0.1.0"

_HOMES = {
    "alone": ("apart", "per_image"),
    "classifier": ("Classifier",),
    "data": ("Images", "load_images"),
    "loop": ("attack", "outcomes_of"),
    "comparison": ("compare",),
    "edits": ("Edits", "levels"),
    "encoding": ("Encoding", "Pixels", "corners", "rgb"),
    "errors": ("InputError", "OracleError", "SparseattackError", "StoreError", "StrategyError"),
    "experiment": ("Experiment",),
    "objectives": ("several",),
    "oracle": ("Oracle", "SparseOracle"),
    "outcome": ("Outcome",),
    "problem": ("Problem",),
    "protocols": ("PROTOCOLS",),
    "queries": ("Fitness", "Queries", "cross_entropy", "fooled", "l0", "l2", "margin", "probability"),
    "registry": ("load", "register"),
    "solo": ("ImageSearch",),
    "space": ("Gene", "Search", "Space", "Strategy"),
    "until": ("Until", "confident", "spent"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "PROTOCOLS", "Classifier", "Edits", "Encoding", "Experiment", "Fitness", "Gene", "ImageSearch", "Images",
    "InputError", "Oracle", "OracleError", "Outcome", "Pixels", "Problem", "Queries", "Search", "Space",
    "SparseOracle", "SparseattackError", "StoreError", "Strategy", "StrategyError", "Until", "apart",
    "attack", "compare", "confident", "corners", "cross_entropy", "fooled", "l0", "l2", "levels", "load",
    "load_images", "margin", "outcomes_of", "per_image", "probability", "register", "rgb", "several",
    "spent",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: the command line's help needs no torch."""
    if name not in _HOME:
        raise AttributeError(f"module 'sparseattack' has no attribute {name!r}")
    value = getattr(import_module(f"sparseattack.{_HOME[name]}"), name)
    globals()[name] = value  # wins over a submodule of the same name
    return value
