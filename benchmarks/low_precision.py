"""Whether candidates could be filtered in 8 or 16 bits: ``python -m benchmarks.low_precision``.

The shared ResNet-20 in float32, bfloat16 and int8 by ONNX Runtime and OpenVINO, calibrated with training
images: how fast whole images are, how wrong the margin is at most, and how much a bound of that size would
leave open. What is open has to be computed again in float32, so that no result changes.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time

import torch
from torch import Tensor

from benchmarks.networks import resnet20_oracle, training_images
from benchmarks.timing import Spread, in_turn
from sparseattack import Classifier, corners, load
from sparseattack.problem.fitness import margin_of

CALIBRATION, IMAGES, EACH = 256, 100, 40  # training images of either kind; candidates of one
BATCH, CALLS, TURNS = 64, 4, 9
FULL = "ONNX Runtime, float32", "OpenVINO, float32"


@dataclass(frozen=True)
class LeftOpen:
    """What a bound of the error of the margin does not decide."""

    error: float  # the bound: the greatest error seen
    order: float  # share of pairs of candidates of one image of which the better one is not certain
    sign: float  # share of candidates that may be a success or not

    def speedup(self, ratio: float) -> tuple[float, float]:
        """Of a search that compares candidates, and of one that looks for a success only, with a filter.

        ratio: how many times as fast the filter is; what is open takes the time of the full precision, too
        """
        return 1 / (1 / ratio + self.order), 1 / (1 / ratio + self.sign)


def left_open(exact: Tensor, filtered: Tensor) -> LeftOpen:
    """What is open of margins ``exact (N, M)`` of M candidates an image, M even, given ``filtered`` ones."""
    error = float((filtered - exact).abs().max())
    apart = (filtered[:, ::2] - filtered[:, 1::2]).abs()
    order, sign = (apart <= 2 * error).float().mean(), (filtered.abs() <= error).float().mean()
    return LeftOpen(error, float(order), float(sign))


def quantised(path: str, folder: Path, images: Tensor) -> str:
    """An ONNX file in 8 bits; activations are calibrated on ``images (N, C, H, W)`` in [0, 1]."""
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Calibration(quantization.CalibrationDataReader):  # type: ignore[misc]
        batches = iter(torch.split(images, BATCH))

        def get_next(self) -> dict[str, object] | None:
            batch = next(self.batches, None)
            return None if batch is None else {"images": batch.numpy()}

    prepared, made = str(folder / "prepared.onnx"), str(folder / "int8.onnx")
    quant_pre_process(path, prepared)
    eight = quantization.QuantType.QUInt8
    quantization.quantize_static(prepared, made, Calibration(), per_channel=True, activation_type=eight)
    return made


def oracles(folder: Path) -> dict[str, Classifier]:
    """The network in every precision."""
    whole = resnet20_oracle()
    eight = quantised(whole, folder, training_images(f"[0:{CALIBRATION}]").floats())
    specs = {
        FULL[0]: f"onnx(path={whole},threads=1)",
        "ONNX Runtime, int8": f"onnx(path={eight},threads=1)",
        FULL[1]: f"openvino(path={whole},range=1,threads=1)",
        "OpenVINO, bfloat16": f"openvino(path={whole},range=1,threads=1,precision=bf16)",
        "OpenVINO, int8": f"openvino(path={eight},range=1,threads=1)",
    }
    return {way: Classifier.of(load("oracles", spec)()) for way, spec in specs.items()}


def candidates(images: Tensor, pixels: int) -> Tensor:
    """EACH random edits of every image in corner colours, painted: ``(N * EACH, C, H, W)``."""
    encoding, random = corners(pixels=pixels), torch.Generator().manual_seed(0)
    rows = torch.arange(len(images)).repeat_interleave(EACH)
    genes = torch.rand(len(rows), len(encoding.genes(images.shape[1:])), generator=random)
    return encoding.decode(genes, images.shape[1:]).paint(images, rows)


def seconds(oracle: Classifier, batch: Tensor) -> float:
    """Processor time of a few calls."""
    start = process_time()
    for _ in range(CALLS):
        oracle(batch)
    return process_time() - start


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table in Markdown."""
    made = argparse.ArgumentParser("python -m benchmarks.low_precision", description=__doc__)
    made.add_argument("--pixels", type=int, default=1)
    pixels = made.parse_args(arguments).pixels
    torch.set_num_threads(1)
    shown = training_images(f"[{CALIBRATION}:{CALIBRATION + IMAGES}]")
    painted = candidates(shown.floats(), pixels)
    labels = torch.as_tensor(shown.labels).repeat_interleave(EACH)
    with TemporaryDirectory() as folder:
        ways = oracles(Path(folder))
        margins = {
            way: margin_of(torch.cat([oracle(each) for each in torch.split(painted, BATCH)]), labels, False)
            for way, oracle in ways.items()
        }
        taken = in_turn(
            {way: partial(seconds, oracle, painted[:BATCH]) for way, oracle in ways.items()}, TURNS
        )
    full = min(FULL, key=lambda way: median(taken[way]))
    print(f"k = {pixels}, {len(painted)} candidates; {full} is 1\n")
    heads = "", "as fast", "greatest error", "order open", "sign open", "filter: compare", "filter: find"
    print(f"| {' | '.join(heads)} |\n|---|{'---:|' * (len(heads) - 1)}")
    for way, times in taken.items():
        fast = Spread.of(own / time for own, time in zip(taken[full], times, strict=True))
        found = left_open(*(margins[each].view(-1, EACH) for each in (full, way)))
        gains = (f"{gain:.2f}" for gain in found.speedup(fast.median))
        cells = way, str(fast), f"{found.error:.2g}", f"{found.order:.1%}", f"{found.sign:.1%}", *gains
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
