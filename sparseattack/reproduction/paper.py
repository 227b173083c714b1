"""Figures that the one-pixel paper prints (Su, Vargas and Sakurai, 2019; arXiv 1710.08864, version 7).

Numbers of images are exact on the original test set: the rates are shares of them, and the heat-maps of its
figures 12 and 13 have as many successes. On the Kaggle images the paper says 500 and, for ImageNet, 105, but
of no network of its Tables IV and V are both rates shares of that: the numbers here are those near it of
which all printed rates are, and the heat-maps agree with them.
"""

from collections.abc import Mapping

from . import rows
from .measure import Kind, Measure

NETWORKS = ("allconv", "nin", "vgg16", "alexnet")
KAGGLE, MORE_PIXELS = (505, 501, 499), (505, 527)  # images: Table IV; Table V
ORIGINAL, ORIGINAL_TARGETED, IMAGENET = (500,) * 3, (300,) * 3, (0, 0, 0, 106)
PIXELS = {"allconv": 3, "nin": 5}  # Table V: another number for each network

Printed = Mapping[str, Mapping[str, Measure]]
"""By row, then by network."""


def _printed(kind: Kind, values: tuple[float | None, ...], counts: tuple[int, ...]) -> dict[str, Measure]:
    """Values of the networks in order; of rates and shares in percent, None where there is none."""
    scale = 1 if kind == "number" else 100
    known = zip(NETWORKS, values, (*counts, *(0,) * len(values)), strict=False)
    return {name: Measure(value / scale, count, kind) for name, value, count in known if value is not None}


def _rates(*percent: float | None, of: tuple[int, ...] = ()) -> dict[str, Measure]:
    return _printed("rate", percent, of)


def _shares(*percent: float | None) -> dict[str, Measure]:
    return _printed("share", percent, ())


def _numbers(*values: float | None) -> dict[str, Measure]:
    return _printed("number", values, ())


TABLES: Mapping[str, Printed] = {
    "4": {
        rows.ACCURACY: _rates(85.6, 87.2, 83.3),
        rows.TARGETED: _rates(19.82, 23.15, 16.48, of=KAGGLE),
        rows.DERIVED: _rates(68.71, 71.66, 63.53, of=KAGGLE),
        rows.CONFIDENCE: _shares(79.40, 75.02, 67.67),
        rows.CLASSES: _numbers(1.8, 2.1, 1.5),
    },
    "5": {
        rows.TARGETED: _rates(40.57, 44.00, of=MORE_PIXELS),
        rows.DERIVED: _rates(86.53, 86.34, of=MORE_PIXELS),
        rows.CONFIDENCE: _shares(79.17, 77.09),
    },
    "6": {rows.EVALUATIONS: _numbers(16_000, 12_400, 20_000), rows.DISTORTION: _numbers(123, 133, 145)},
    "7": {
        rows.DERIVED: _rates(68.71, 71.66, 63.53, of=KAGGLE),
        rows.CONFIDENCE: _shares(79.40, 75.02, 67.67),
        rows.RANDOM: _rates(49.70, 41.72, 15.57),
        rows.RANDOM_CONFIDENCE: _shares(87.73, 75.83, 59.90),
    },
    "8": {
        rows.TARGETED: _rates(3.41, 4.78, 5.63, of=ORIGINAL_TARGETED),
        rows.DERIVED: _rates(22.67, 32.00, 30.33, of=ORIGINAL_TARGETED),
        rows.CONFIDENCE: _shares(54.58, 55.18, 51.19),
        rows.UNTARGETED: _rates(22.60, 35.20, 31.40, of=ORIGINAL),
        rows.UNTARGETED_CONFIDENCE: _shares(56.57, 60.08, 53.58),
    },
    "imagenet": {
        rows.ACCURACY: _rates(None, None, None, 57.3),
        rows.UNTARGETED: _rates(None, None, None, 16.04, of=IMAGENET),
        rows.UNTARGETED_CONFIDENCE: _shares(None, None, None, 22.91),
        rows.EVALUATIONS: _numbers(None, None, None, 25_600),
        rows.DISTORTION: _numbers(None, None, None, 158),
    },
}

REACHED = {"allconv": (0.31, 0.19, 0.19, 0.13, 0.09, 0.04, 0.03, 0.004, 0.0, 0.0)}
"""Figure 5, Kaggle images: share of them moved to 0, 1, ... 9 classes, measured from its bars."""
