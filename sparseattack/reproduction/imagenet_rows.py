"""Rows of the ImageNet columns of Tables IV and VI of the one-pixel paper."""

from . import metrics, rows
from .kaggle_rows import price, queries
from .part import Part
from .table import Row, on_runs


def photographs(network: str) -> tuple[Row, ...]:
    """Accuracy, untargeted success, confidence, cost, distortion."""
    part = Part("imagenet", False, 1, "", network)
    return (
        Row(rows.ACCURACY, lambda finding: finding.accuracy, (part,)),
        Row(rows.UNTARGETED, on_runs(metrics.success_rate), (part,)),
        Row(rows.UNTARGETED_CONFIDENCE, on_runs(metrics.confidence), (part,)),
        *price(part),
        *queries(part),
    )
