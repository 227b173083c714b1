"""Few-pixel adversarial attacks on image classifiers as a search problem.

A classifier (the oracle) may be evaluated a limited number of times per image (the query budget). A strategy
searches for the few pixels whose change makes it predict a wrong class. ``attack`` runs one strategy,
``compare`` several on the same images. The packages, from the lowest: ``plugins``, ``data``, ``problem``,
``search``, ``study``, ``conformance``, ``report``, ``reproduction``; above them ``strategies``, ``oracles``,
``adapters`` and ``cli``.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparseattack.comparison import compare
    from sparseattack.data.images import Images, levels
    from sparseattack.data.load import load_images
    from sparseattack.errors import (
        InputError,
        OracleError,
        SparseattackError,
        SparseattackWarning,
        StoreError,
        StrategyError,
    )
    from sparseattack.experiment.file import read_experiment
    from sparseattack.experiment.protocols import PROTOCOLS
    from sparseattack.experiment.settings import Configuration, Experiment
    from sparseattack.plugins.registry import load, register
    from sparseattack.plugins.spec import several, uses, uses_of
    from sparseattack.problem.criteria import Until, confident, fewest, spent
    from sparseattack.problem.edits import Edits
    from sparseattack.problem.encodings.encoding import Encoding, ImageEncoding
    from sparseattack.problem.encodings.pixels import Pixels, corners, rgb
    from sparseattack.problem.fitness import (
        Fitness,
        Queries,
        cross_entropy,
        fooled,
        fooling_l0,
        l0,
        l2,
        margin,
        probability,
    )
    from sparseattack.problem.oracle import Classifier, Oracle, SparseOracle
    from sparseattack.problem.problem import Problem
    from sparseattack.problem.space import Gene, Search, Space, Strategy
    from sparseattack.report.statistics.comparisons import Comparison, comparisons
    from sparseattack.search.ask_tell import AskTell, ask_tell
    from sparseattack.search.loop import attack, outcomes_of
    from sparseattack.search.outcome import LeftOut, Outcome
    from sparseattack.search.per_image import ImageSearch, per_image
    from sparseattack.search.pixel_grid import PixelGrid

    __version__: str

_HOMES = {
    "comparison": ("compare",),
    "data.images": ("Images", "levels"),
    "data.load": ("load_images",),
    "errors": (
        "InputError",
        "OracleError",
        "SparseattackError",
        "SparseattackWarning",
        "StoreError",
        "StrategyError",
    ),
    "plugins.registry": ("load", "register"),
    "plugins.spec": ("several", "uses", "uses_of"),
    "problem.criteria": ("Until", "confident", "fewest", "spent"),
    "problem.edits": ("Edits",),
    "problem.encodings.encoding": ("Encoding", "ImageEncoding"),
    "problem.encodings.pixels": ("Pixels", "corners", "rgb"),
    "problem.fitness": (
        "Fitness",
        "Queries",
        "cross_entropy",
        "fooled",
        "fooling_l0",
        "l0",
        "l2",
        "margin",
        "probability",
    ),
    "problem.oracle": ("Classifier", "Oracle", "SparseOracle"),
    "problem.problem": ("Problem",),
    "problem.space": ("Gene", "Search", "Space", "Strategy"),
    "report.statistics.comparisons": ("Comparison", "comparisons"),
    "search.ask_tell": ("AskTell", "ask_tell"),
    "search.loop": ("attack", "outcomes_of"),
    "search.outcome": ("LeftOut", "Outcome"),
    "search.per_image": ("ImageSearch", "per_image"),
    "search.pixel_grid": ("PixelGrid",),
    "experiment.settings": ("Configuration", "Experiment"),
    "experiment.file": ("read_experiment",),
    "experiment.protocols": ("PROTOCOLS",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "PROTOCOLS",
    "AskTell",
    "Classifier",
    "Comparison",
    "Configuration",
    "Edits",
    "Encoding",
    "Experiment",
    "Fitness",
    "Gene",
    "ImageEncoding",
    "ImageSearch",
    "Images",
    "InputError",
    "LeftOut",
    "Oracle",
    "OracleError",
    "Outcome",
    "PixelGrid",
    "Pixels",
    "Problem",
    "Queries",
    "Search",
    "Space",
    "SparseOracle",
    "SparseattackError",
    "SparseattackWarning",
    "StoreError",
    "Strategy",
    "StrategyError",
    "Until",
    "ask_tell",
    "attack",
    "compare",
    "comparisons",
    "confident",
    "corners",
    "cross_entropy",
    "fewest",
    "fooled",
    "fooling_l0",
    "l0",
    "l2",
    "levels",
    "load",
    "load_images",
    "margin",
    "outcomes_of",
    "per_image",
    "probability",
    "read_experiment",
    "register",
    "rgb",
    "several",
    "spent",
    "uses",
    "uses_of",
]  # fmt: skip


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: the command line's help needs no torch."""
    if name == "__version__":
        from importlib.metadata import version

        return version("sparseattack")
    if name not in _HOME:
        raise AttributeError(f"module 'sparseattack' has no attribute {name!r}")
    value = getattr(import_module(f"sparseattack.{_HOME[name]}"), name)
    globals()[name] = value  # wins over a submodule of the same name
    return value
