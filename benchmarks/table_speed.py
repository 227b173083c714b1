"""``python -m benchmarks.table_speed``: answers of the oracle ``table`` in a second of processor time."""

from collections.abc import Callable
from statistics import median
from time import process_time

import torch

from sparseattack import Classifier, Edits, load, load_images

BATCH, CALLS, REPEATS = 256, 100, 5


def per_second(call: Callable[[], object]) -> float:
    """Images in a second of processor time, the median of a few runs."""

    def once() -> float:
        start = process_time()
        for _ in range(CALLS):
            call()
        return BATCH * CALLS / (process_time() - start)

    return median(once() for _ in range(REPEATS))


def main() -> None:
    """Print a table in Markdown."""
    torch.set_num_threads(1)
    table, images = Classifier.of(load("oracles", "table")()), load_images("one-pixel").floats()
    random = torch.Generator().manual_seed(0)
    rows = torch.randint(len(images), (BATCH,), generator=random)
    positions = torch.randint(images[0, 0].numel(), (BATCH, 1), generator=random)
    colours = torch.randint(2, (BATCH, 1, 3), generator=random).mul(255).to(torch.uint8)
    edits = Edits(positions, colours)
    painted = edits.paint(images, rows)
    edited = table.answer_edits
    assert edited
    print("| the oracle `table` is given | answers per s |\n|---|---|")
    print(f"| edits of clean images | {per_second(lambda: edited(images, rows, edits)):,.0f} |")
    print(f"| painted images | {per_second(lambda: table(painted)):,.0f} |")


if __name__ == "__main__":
    main()
