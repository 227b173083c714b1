"""Rows of Table VIII of the one-pixel paper, the original CIFAR-10 test set, and of our own beside them."""

from collections.abc import Sequence

from . import costs, metrics, rows
from .kaggle_rows import price, queries
from .part import Part
from .table import Row, on_runs

NAMES = {"exhaustive": ", every pixel in every corner colour"}  # of strategies, in a row


def original(network: str, pixels: Sequence[int], strategies: Sequence[str]) -> tuple[Row, ...]:
    """The paper's rows; then our own: more pixels, and other ``strategies`` with one."""
    targeted, untargeted = Part("original-cifar10", True, 1, "", network), _part(network)
    return (
        Row(rows.TARGETED, on_runs(metrics.success_rate), (targeted,)),
        Row(rows.DERIVED, on_runs(metrics.derived_success_rate), (targeted,)),
        Row(rows.CONFIDENCE, on_runs(metrics.confidence), (targeted,)),
        Row(rows.UNTARGETED, on_runs(metrics.success_rate), (untargeted,)),
        Row(rows.UNTARGETED_CONFIDENCE, on_runs(metrics.confidence), (untargeted,)),
        Row(rows.ACCURACY, lambda finding: finding.accuracy, (untargeted,)),
        Row(rows.CLASSES, on_runs(metrics.mean_classes), (targeted,)),
        *price(untargeted),
        *queries(untargeted),
        *(row for k in pixels if k > 1 for row in _more(network, k)),
        *(row for strategy in strategies for row in _beside(network, strategy)),
    )


def _part(network: str, pixels: int = 1, strategy: str = "") -> Part:
    return Part("original-cifar10", False, pixels, strategy, network)


def _more(network: str, pixels: int) -> tuple[Row, ...]:
    part, name = _part(network, pixels), f", {pixels} pixels"
    return (
        Row(f"{rows.UNTARGETED}{name}", on_runs(metrics.success_rate), (part,)),
        Row(f"{rows.UNTARGETED_CONFIDENCE}{name}", on_runs(metrics.confidence), (part,)),
        *queries(part, name),
    )


def _beside(network: str, strategy: str) -> tuple[Row, ...]:
    evolved, other = _part(network), _part(network, strategy=strategy)
    name = NAMES.get(strategy, f", {strategy}")
    success = Row(f"{rows.UNTARGETED}{name}", on_runs(metrics.success_rate), (other,))
    if not other.exhaustive:
        return success, *queries(other, name)
    return (
        success,
        *queries(other, name),
        Row(rows.FOUND, on_runs(costs.share_found), (evolved, other)),
        Row(rows.CORNERS, on_runs(costs.share_found), (other, evolved)),
    )
