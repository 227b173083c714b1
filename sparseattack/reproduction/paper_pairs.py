"""Heat-maps of class pairs that the one-pixel paper prints (Su, Vargas and Sakurai, 2019; version 7).

Successful targeted attacks with one pixel, from the original class (row) to the target (column). They were
read from pictures: of 740 successes on the Kaggle VGG16 738 are found, so one or two cells are misread. The
paper's heat-maps of untargeted attacks cannot be read cell by cell.
"""

from .paper import NETWORKS

Pairs = list[list[int]]


def _read(text: str) -> dict[str, Pairs]:
    """Three matrices, side by side."""
    lines = [[part.split() for part in line.split("|")] for line in text.strip().splitlines()]
    matrices = zip(*lines, strict=True)
    return {
        name: [[int(cell) for cell in row] for row in matrix]
        for name, matrix in zip(NETWORKS, matrices, strict=False)
    }


KAGGLE = _read("""
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

ORIGINAL = _read("""
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
