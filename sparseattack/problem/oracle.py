"""The seam to every classifier: asked in whole blocks of images, its answers checked.

How many images an oracle is shown in one call.

What an oracle answered: whether a classifier can answer it, and which class it puts first by how much.

A classifier, and what is known about it: what an oracle plugin returns.

Where tensors live.

An oracle is shown edits as images, as many at once as it takes.

Oracles whose scores are rounded: whatever they say of clean images and of successes is asked exactly.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from sparseattack.errors import InputError, OracleError, brief
from sparseattack.problem.edits import Edits

BATCH = 256  # images in one call of an oracle that sets no limit
ROUND = 256  # questions answered together, in a few calls where fewer images are shown in one
BYTES = 2**28  # of images in one call
PAD = 32  # a network's floats depend on how many images it is shown; in whole blocks of these they rarely do


class Sizes(NamedTuple):
    """Numbers of images, each a multiple of the one before."""

    block: int  # calls are padded to whole blocks
    chunk: int  # most in one call
    round: int  # most questions that are answered together


def sizes(oracle: object, images: Tensor, pad: int = 0) -> Sizes:
    """Those for ``images (n, C, H, W)`` of this size, in blocks of ``pad`` if one fits.

    Unless told, a block is PAD images on the CPU, and as many as are shown at once on an accelerator.
    """
    room = BYTES // (4 * images.shape[1:].numel())
    most = max(1, min(getattr(oracle, "batch", BATCH), room))
    block = min(pad or (PAD if images.is_cpu else most), most)
    chunk = most - most % block
    return Sizes(block, chunk, chunk * max(1, min(ROUND, room) // chunk if chunk >= PAD else 1))


def chunk(oracle: object, images: Tensor, pad: int = 0) -> int:
    """Most ``images (n, C, H, W)`` of this size to show at once."""
    return sizes(oracle, images, pad).chunk


Scale = Literal["logits", "probabilities"]
Numbers = Sequence[int] | Tensor
ROUNDING = 1e-3  # by which a probability in few bits may leave [0, 1]


@dataclass
class Classes:
    """How many classes an oracle has: always as many, and enough for the labels."""

    who: str
    label: int  # highest
    image: int  # that has it
    count: int = 0  # 0 until it is known

    def check(self, count: int, numbers: Numbers) -> None:
        """Refuse an answer with scores of ``count`` classes that does not fit."""
        if self.label >= count:
            raise OracleError(
                f"{self.who} has {count} classes, but image {self.image} has label {self.label}"
            )
        if self.count not in (0, count):
            raise OracleError(f"{self.who} answered {count} classes after {self.count}, to {called(numbers)}")
        self.count = count


def checked(scores: Tensor, shown: int, numbers: Numbers, who: str, scale: Scale) -> Tensor:
    """``scores (n, K)``, at least float32, of the images called ``numbers``, the first of those shown."""
    if wrong := _misshapen(scores, shown):
        raise OracleError(f"{who} answered {wrong}, to {called(numbers)}")
    scores = scores[: len(numbers)]
    fit = _fit(scores, scale)
    if not fit.all():
        bad = int((~fit).nonzero()[0, 0])
        raise OracleError(f"{who} answered {_described(scores[bad])} to {called(numbers[bad : bad + 1])}")
    return scores.float() if scores.element_size() < 4 else scores  # noqa: PLR2004


def called(numbers: Numbers) -> str:
    """What to call the images in a sentence."""
    each = np.unique(torch.as_tensor(numbers).cpu()).tolist()
    return f"image {each[0]}" if len(each) == 1 else f"{len(each)} images from {each[0]} to {each[-1]}"


def _misshapen(scores: Tensor, shown: int) -> str:
    """What is wrong with the kind or shape of ``scores``, if anything."""
    if not isinstance(scores, Tensor) or not scores.is_floating_point():
        kind = scores.dtype if isinstance(scores, Tensor) else type(scores).__name__
        return f"{kind}, not a tensor of floats"
    if scores.ndim != 2 or len(scores) != shown or scores.shape[1] < 2:  # noqa: PLR2004
        wanted = f"({shown}, classes) with at least 2 classes"
        return f"scores of shape {tuple(scores.shape)} for {shown} images, not {wanted}"
    return ""


def _fit(scores: Tensor, scale: Scale) -> Tensor:
    """Mask ``(n,)`` of the rows that hold numbers, and where they should, probabilities."""
    if scale == "probabilities":
        return ((scores >= -ROUNDING) & (scores <= 1 + ROUNDING)).all(1)
    return scores.isfinite().all(1)


def _described(scores: Tensor) -> str:
    if scores.isnan().any():
        return "NaN"
    if scores.isinf().any():
        return "an infinite score"
    return f"probabilities from {float(scores.min()):.4g} to {float(scores.max()):.4g}"


Shape = tuple[int | None, int | None, int | None]
"""C, H, W of an image; None is any."""

MODES = {1: "grey", 3: "RGB", 4: "RGBA"}  # what pictures of so many channels are called


@dataclass(frozen=True)
class Classifier:
    """Answers images ``(n, C, H, W)`` float32 in [0, 1] with scores ``(n, K)`` on their device."""

    name: str
    scores: Callable[[Tensor], Tensor]
    digest: str  # of everything that determines its answers, hexadecimal
    scale: Scale = "logits"
    batch: int = 256  # most images at once
    classes: tuple[str, ...] = ()  # K names, or none
    shape: Shape = (None, None, None)  # of the images it takes
    answer_edits: Callable[[Tensor, Tensor, Edits], Tensor | None] | None = None  # as SparseOracle's
    exact: "Classifier | None" = None  # judges clean images and successes, where these scores are rounded

    def __call__(self, images: Tensor) -> Tensor:
        """Ask; images of another shape are refused."""
        if any(takes not in (None, has) for takes, has in zip(self.shape, images.shape[1:], strict=True)):
            found = f"{_size_of(images.shape[1:])}{_advice(self.shape, images.shape[1:])}"
            raise InputError(f"oracle {self.name} takes images of {_size_of(self.shape)}, not {found}")
        return self.scores(images)


def _size_of(shape: Iterable[int | None]) -> str:
    """Channels, height, width, as in 3x32x32."""
    return "x".join("any" if side is None else str(side) for side in shape)


def _advice(takes: Shape, has: Sequence[int]) -> str:
    """How a user makes images fit, where that is known."""
    (channels, *size), steps = takes, []
    if channels in MODES and channels != has[0]:
        steps.append(f"convert them to {MODES[channels]}")
    if None not in size and size != list(has[1:]):
        known = f", as IMAGES@{size[0]} does" if size[0] == size[1] else ""
        steps.append(f"resize them to {_size_of(size)}{known}")
    return f": {' and '.join(steps)}" if steps else ""


def device_of(name: str) -> torch.device:
    """The device called ``name``: cpu, cuda, cuda:1, mps; refused where it is not."""
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except Exception as error:  # torch says it in a different way for every device
        raise InputError(f"there is no device {name!r} here: {brief(error)}") from error
    return device


Answer = TypeVar("Answer")


class Oracle(Protocol):
    """Any classifier that answers images ``(n, C, H, W)`` float32 in [0, 1] with scores ``(n, K)``.

    It may also have: ``scale``, "probabilities" where its scores are no logits; ``batch``, the most images
    it takes at once; ``name``; ``answer_edits``; ``exact``, an oracle of the same classes that judges clean
    images and successes, where its own scores are rounded.
    """

    def __call__(self, images: Tensor, /) -> Tensor: ...


@runtime_checkable
class SparseOracle(Protocol):
    """An oracle that can use that a candidate differs from a clean image in few pixels."""

    def answer_edits(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor | None:
        """Scores ``(n, K)`` of edits of the clean ``images (N, C, H, W)`` numbered ``rows (n,)``.

        They are at most ``batch``, or 256 where that is more.
        None, for all edits of as many pixels in images of this size, where it had rather see them painted.
        """


def scale(oracle: object) -> Scale:
    """What the oracle says its scores are; logits unless it says so."""
    said: Scale = getattr(oracle, "scale", "logits")
    if said not in ("logits", "probabilities"):
        raise OracleError(f"{title(oracle)} says its scores are {said!r}, not logits or probabilities")
    return said


def title(oracle: object) -> str:
    """What to call the oracle in a sentence."""
    name = getattr(oracle, "name", None) or getattr(oracle, "__name__", type(oracle).__name__)
    return f"oracle {name}"


def ask(oracle: Oracle, images: Tensor, numbers: Numbers, pad: int = 0) -> Tensor:
    """Checked scores ``(n, K)`` of ``images (n, C, H, W)``, padded to whole blocks of ``pad``.

    Unless told, a block is PAD images on the CPU, and as many as are shown at once on an accelerator, whose
    kernels depend on their number. ``numbers (n,)`` are what errors call the images.
    """
    short = -len(images) % sizes(oracle, images, pad).block
    shown = torch.cat([images, images[-1:].expand(short, -1, -1, -1)]) if short else images
    scores = _answer(oracle, partial(oracle, shown), numbers)
    return checked(scores, len(shown), numbers, title(oracle), scale(oracle))


def ask_edits(oracle: SparseOracle, images: Tensor, rows: Tensor, edits: Edits) -> Tensor | None:
    """Checked scores ``(n, K)``, as ``answer_edits`` gives them; none where it gives none."""
    scores = _answer(oracle, partial(oracle.answer_edits, images, rows, edits), rows)
    return None if scores is None else checked(scores, len(rows), rows, title(oracle), scale(oracle))


def _answer(oracle: object, call: Callable[[], Answer], numbers: Numbers) -> Answer:
    try:
        return call()
    except InputError:
        raise
    except Exception as error:  # whatever a classifier raises
        raise OracleError(f"{title(oracle)} failed on {called(numbers)}: {brief(error)}") from error


def ask_painted(oracle: Oracle, images: Tensor, rows: Tensor, edits: Edits, pad: int) -> Tensor:
    """Checked scores ``(n, K)`` of edits of the clean ``images (N, C, H, W)`` numbered ``rows (n,)``."""
    most = chunk(oracle, images, pad)
    parts = zip(torch.split(rows, most), edits.split(most), strict=True)
    shown = ((numbers, part.paint(images, numbers)) for numbers, part in parts)
    return torch.cat([ask(oracle, painted, numbers, pad) for numbers, painted in shown])


def exact(oracle: Oracle) -> Oracle:
    """What clean images and successes are shown to: what the oracle has for that, or else itself."""
    found: Oracle = getattr(oracle, "exact", oracle) or oracle
    return found


def named(oracle: Oracle, name: str) -> Oracle:
    """The oracle, called ``name`` unless it has a name of its own."""
    if getattr(oracle, "name", "") or isinstance(oracle, SparseOracle):
        return oracle
    told = {key: getattr(oracle, key) for key in ("scale", "batch", "classes") if hasattr(oracle, key)}
    return Classifier(name, oracle, getattr(oracle, "digest", ""), **told)
