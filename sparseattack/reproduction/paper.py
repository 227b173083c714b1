"""The numbers that the one-pixel paper prints (Su, Vargas and Sakurai, 2019; arXiv 1710.08864, version 7).

On the original test set the numbers of images are exact: the rates are shares of them, and the heat-maps of
figures 12 and 13 sum to them. On the Kaggle images the paper states 500 and, for ImageNet, 105, but for no
network of Tables IV and V are both rates shares of 500. The numbers here are the nearest ones of which all
printed rates are shares, and the heat-maps agree with them.

The heat-maps of class pairs were read from pictures: of 740 successes on the Kaggle VGG16 738 are found, so
one or two of its cells are misread. Those of untargeted attacks cannot be read cell by cell.
"""

from collections.abc import Mapping

from .metrics import Measure, MeasureKind

# rows of the tables
ACCURACY = "accuracy on clean images"
TARGETED = "targeted success"
DERIVED = "untargeted success, derived from nine targets"
CONFIDENCE = "confidence of the target"
CLASSES = "classes reached per image"
EVALUATIONS = "evaluations per success"
DISTORTION = "distortion of a channel (0 to 255)"
RANDOM = "untargeted success, derived, of random search"
RANDOM_CONFIDENCE = "confidence of the target, of random search"
UNTARGETED = "untargeted success"
UNTARGETED_CONFIDENCE = "confidence of the class after an untargeted attack"
MEDIAN = "queries to first success, median"
MEAN = "queries to first success, mean"
FOUND = "of the images that a corner colour fools, DE fools"
CORNERS = "of the images that DE fools, a corner colour fools"

NETWORKS = ("allconv", "nin", "vgg16", "alexnet")
KAGGLE, MORE_PIXELS = (505, 501, 499), (505, 527)  # images of Table IV, and of Table V
ORIGINAL, ORIGINAL_TARGETED, IMAGENET = (500,) * 3, (300,) * 3, (0, 0, 0, 106)
PIXELS = {"allconv": 3, "nin": 5}  # Table V: another number for each network

PrintedTable = Mapping[str, Mapping[str, Measure]]
"""The printed numbers of a table, by row, then by network."""


def _printed(
    kind: MeasureKind, values: tuple[float | None, ...], counts: tuple[int, ...]
) -> dict[str, Measure]:
    """The values by network, in the order of NETWORKS; rates and shares are in percent, None is a gap."""
    scale = 1 if kind == "number" else 100
    known = zip(NETWORKS, values, (*counts, *(0,) * len(values)), strict=False)
    return {name: Measure(value / scale, count, kind) for name, value, count in known if value is not None}


def _rates(*percent: float | None, of: tuple[int, ...] = ()) -> dict[str, Measure]:
    return _printed("rate", percent, of)


def _shares(*percent: float | None) -> dict[str, Measure]:
    return _printed("share", percent, ())


def _numbers(*values: float | None) -> dict[str, Measure]:
    return _printed("number", values, ())


TABLES: Mapping[str, PrintedTable] = {
    "4": {
        ACCURACY: _rates(85.6, 87.2, 83.3),
        TARGETED: _rates(19.82, 23.15, 16.48, of=KAGGLE),
        DERIVED: _rates(68.71, 71.66, 63.53, of=KAGGLE),
        CONFIDENCE: _shares(79.40, 75.02, 67.67),
        CLASSES: _numbers(1.8, 2.1, 1.5),
    },
    "5": {
        TARGETED: _rates(40.57, 44.00, of=MORE_PIXELS),
        DERIVED: _rates(86.53, 86.34, of=MORE_PIXELS),
        CONFIDENCE: _shares(79.17, 77.09),
    },
    "6": {EVALUATIONS: _numbers(16_000, 12_400, 20_000), DISTORTION: _numbers(123, 133, 145)},
    "7": {
        DERIVED: _rates(68.71, 71.66, 63.53, of=KAGGLE),
        CONFIDENCE: _shares(79.40, 75.02, 67.67),
        RANDOM: _rates(49.70, 41.72, 15.57),
        RANDOM_CONFIDENCE: _shares(87.73, 75.83, 59.90),
    },
    "8": {
        TARGETED: _rates(3.41, 4.78, 5.63, of=ORIGINAL_TARGETED),
        DERIVED: _rates(22.67, 32.00, 30.33, of=ORIGINAL_TARGETED),
        CONFIDENCE: _shares(54.58, 55.18, 51.19),
        UNTARGETED: _rates(22.60, 35.20, 31.40, of=ORIGINAL),
        UNTARGETED_CONFIDENCE: _shares(56.57, 60.08, 53.58),
    },
    "imagenet": {
        ACCURACY: _rates(None, None, None, 57.3),
        UNTARGETED: _rates(None, None, None, 16.04, of=IMAGENET),
        UNTARGETED_CONFIDENCE: _shares(None, None, None, 22.91),
        EVALUATIONS: _numbers(None, None, None, 25_600),
        DISTORTION: _numbers(None, None, None, 158),
    },
}

REACHED = {"allconv": (0.31, 0.19, 0.19, 0.13, 0.09, 0.04, 0.03, 0.004, 0.0, 0.0)}
"""Figure 5: share of the Kaggle images that reach 0, 1, ... 9 targets, measured from its bars."""

ClassPairs = list[list[int]]
"""Successes from each class (row) to each class (column)."""


def _read(text: str) -> dict[str, ClassPairs]:
    """Matrices that stand side by side, by network."""
    lines = [[part.split() for part in line.split("|")] for line in text.strip().splitlines()]
    matrices = zip(*lines, strict=True)
    return {
        name: [[int(cell) for cell in row] for row in matrix]
        for name, matrix in zip(NETWORKS, matrices, strict=False)
    }


KAGGLE_PAIRS = _read("""
 0  2  7 12  4  6  3  2  9  8 |  0  3 13 11  9 11  6  8  9  3 |  0 13 17 10  7  8  5  0 13 10
 6  0  0  3  1  3  6  0  5 11 |  5  0  3  3  3  2  7  3  6 12 |  8  0  5  8  2  5  2  0 13 16
13  3  0 19  9 21  9  6  9  6 |  8 11  0 22 18 20 19 12  5  4 | 14  4  0 16  9 10 10  4  5  3
12  7 13  0 16 37 13 14  8 13 | 13  9 31  0 22 36 17 18 13 14 | 21 13 29  0 17 48 18 12 12 17
15  2 22 20  0 23 12 13  8 11 |  9  6 23 22  0 27 19 22 11 15 |  8  2 13 17  0 12  4 11  5  4
 4  1 14 37 15  0 18 15  6  7 |  2  1 19 34 11  0 17 19  4  6 |  0  1  6 29  5  0 12 10  0  3
 8  4 19 24 14 18  0  7 12 12 |  4  4 21 21 20 26  0 12  4  4 |  3  4  7 13  5  4  0  1  0  7
 2  3  2  9  4 15  2  0  1  5 |  2  1  7  8 15 16  6  0  4  6 |  1  0  3  5  5  9  1  0  0  4
32 17 11 12  4  5 11  0  0 22 | 24 18 14 10  8  6 10  2  0 19 | 19 14  7  8  5  1  3  1  0  8
 9  8  2  8  5 12  4  7 12  0 |  6 10  9  8  7  5  8 11 12  0 |  9 15  4  6  5  5  1  3  6  0
""")

ORIGINAL_PAIRS = _read("""
0 0 2 1 0 0 1 0 2 0 |  0 3 5 0 1 0 2 0 2 2 | 0 1 0 0 0 0 0 1 1 1
2 0 0 0 0 0 0 0 2 3 |  5 0 0 1 0 1 0 0 1 1 | 2 0 0 1 0 1 0 0 1 1
0 0 0 4 3 2 0 0 0 0 |  1 0 0 4 6 4 4 3 2 0 | 5 1 0 3 3 3 5 2 0 0
1 1 0 0 0 5 2 2 0 2 |  0 1 2 0 1 6 1 1 1 0 | 2 2 1 0 4 12 5 2 0 1
1 0 3 1 0 0 2 3 0 1 |  0 0 9 2 0 4 1 3 0 0 | 1 0 3 1 0 2 6 0 0 0
0 0 0 10 0 0 1 2 0 0 | 0 0 2 6 0 0 1 0 0 1 | 2 0 3 7 3 0 4 1 0 0
0 0 1 3 1 2 0 0 0 0 |  0 0 1 1 3 0 0 0 0 1 | 2 1 4 5 2 3 0 1 0 0
0 0 1 0 1 3 0 0 0 0 |  0 0 2 1 5 3 0 0 0 0 | 1 0 1 2 4 6 0 0 0 0
7 1 0 0 1 0 0 0 0 3 | 11 1 0 2 1 0 0 0 0 2 | 9 3 3 0 2 1 1 0 0 1
3 1 1 0 0 0 1 1 2 0 |  2 2 0 0 1 0 0 0 0 0 | 3 2 0 0 0 0 0 0 1 0
""")
