"""Rows of Tables IV to VII of the one-pixel paper, its Kaggle images replaced by the original test set."""

from sparseattack.plugins.shortcuts import oracle_spec

from . import costs, metrics, paper, rows
from .part import Part
from .table import Row, on_runs

PIXELS = 3  # where the paper has no number for a network


def one_pixel(network: str) -> tuple[Row, ...]:
    """Table IV: success, confidence, classes reached."""
    part = _part(network)
    return (
        Row(rows.ACCURACY, lambda finding: finding.accuracy, (part,)),
        *_success(part),
        Row(rows.CLASSES, on_runs(metrics.mean_classes), (part,)),
    )


def more_pixels(network: str) -> tuple[Row, ...]:
    """Table V: three pixels, or five on NiN."""
    return _success(_part(network, paper.PIXELS.get(oracle_spec(network).name, PIXELS)))


def cost(network: str) -> tuple[Row, ...]:
    """Table VI: what a success costs and changes; beside it queries to first success."""
    return *price(_part(network)), *queries(_part(network))


def beside_random(network: str) -> tuple[Row, ...]:
    """Table VII: differential evolution, and random search under the same budget."""
    derived, confidence = on_runs(metrics.derived_success_rate), on_runs(metrics.confidence)
    evolved, random = (_part(network),), (_part(network, strategy="random"),)
    return (
        Row(rows.DERIVED, derived, evolved),
        Row(rows.CONFIDENCE, confidence, evolved),
        Row(rows.RANDOM, derived, random),
        Row(rows.RANDOM_CONFIDENCE, confidence, random),
    )


def price(part: Part) -> tuple[Row, ...]:
    """Evaluations and distortion."""
    return (
        Row(rows.EVALUATIONS, on_runs(costs.evaluations), (part,)),
        Row(rows.DISTORTION, on_runs(costs.distortion), (part,)),
    )


def queries(part: Part, name: str = "") -> tuple[Row, ...]:
    """Queries to first success, those of failures among them; ``name`` ends what the rows are called."""
    return (
        Row(f"{rows.MEDIAN}{name}", on_runs(costs.median_queries), (part,)),
        Row(f"{rows.MEAN}{name}", on_runs(costs.mean_queries), (part,)),
    )


def _part(network: str, pixels: int = 1, strategy: str = "") -> Part:
    """Nine targeted runs of every image."""
    return Part("kaggle-like", True, pixels, strategy, network)


def _success(part: Part) -> tuple[Row, ...]:
    return (
        Row(rows.TARGETED, on_runs(metrics.success_rate), (part,)),
        Row(rows.DERIVED, on_runs(metrics.derived_success_rate), (part,)),
        Row(rows.CONFIDENCE, on_runs(metrics.confidence), (part,)),
    )
