"""Evaluate edits by sparse inference wherever that is possible, correct and less work."""

from collections.abc import Callable
from contextlib import suppress
from warnings import warn

import torch
from torch import Tensor, nn

from sparseattack import Edits, InputError
from sparseattack.errors import SparseattackWarning, brief
from sparseattack.problem.inference import PAD

from ..dense_inference.forward import Forward
from ..dense_inference.fusion import Stamp, stamp
from .evaluation import SparseEvaluation
from .operations import LocalPart, local_part
from .plan import plan

EvaluateEdits = Callable[[Tensor, Tensor, Edits], Tensor]
"""Clean images ``(N, C, H, W)``, numbers of images ``(n,)``, n edits -> scores ``(n, K)``."""

Kind = tuple[torch.Size, int]
"""Shape of the images, and the number of pixels of an edit."""

GAIN = 1.1  # least gain of a plan that is used
MOST = 64  # candidates at a time, the number that measured fastest
MEMORY = 2**30  # bytes for maps of clean images, and at most as many for what candidates change
SAMPLE = 64  # edits that are evaluated both ways before sparse inference is used
COVER = 32  # further ones, which together change every pixel
PIXELS = 1024  # at most of each of those
ROUNDING = 1e-4  # of the greatest value of a score, by which the two ways may differ in that score


def sparse_edits(forward: Forward, batch: int) -> "SparseEdits | None":
    """Sparse inference for the network of ``forward``, for an oracle of ``batch`` images per call.

    None on an accelerator, for a network that is no module, and for a batch below PAD.
    """
    if forward.device.type != "cpu" or batch < PAD or not isinstance(forward.network, nn.Module):
        return None
    return SparseEdits(forward, nn.Sequential(forward.prepare, forward.network))


class SparseEdits:
    """Scores ``(n, K)`` of edits: those that ``forward`` gives of the painted images, but for rounding."""

    def __init__(self, forward: Forward, network: nn.Module) -> None:
        self.forward, self.network = forward, network
        self.stamp: Stamp | None = None  # of the weights of all that follows
        self.constant: bool | None = None  # whether the network leaves its own weights as they are
        self.local: dict[torch.Size, LocalPart | InputError] = {}
        self.usable: dict[Kind, bool] = {}
        self.evaluations: dict[Kind, SparseEvaluation] = {}  # only the last one, which holds memory

    @torch.inference_mode()
    def __call__(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor | None:
        """Scores of edits of the clean ``images (N, C, H, W)`` numbered ``rows (n,)``; None if not usable.

        Whether it is usable depends on the shape of the images and the number of pixels only. If it is not, a
        SparseattackWarning says why, once. Weights that were changed since are followed, as by Fusion.
        """
        evaluation = self._evaluation(images, edits.positions.shape[1])
        return evaluation(images, rows, edits) if evaluation else None

    def dense(self, images: Tensor, rows: Tensor, edits: Edits) -> Tensor:
        """The same scores by dense inference, on whole images."""
        return self.forward(edits.paint(images, rows))

    def _evaluation(self, images: Tensor, k: int) -> SparseEvaluation | None:
        kind = images.shape[1:], k
        if self.constant and stamp(self.network) != self.stamp:
            self.local, self.usable, self.evaluations = {}, {}, {}
        if self.usable.get(kind, images.is_cpu) and kind not in self.evaluations:
            self.evaluations = {}
            try:
                made = self._plan(*kind)
                if kind not in self.usable:
                    check_scores(made, self.dense, images, k)
                made.take_smaller_blocks(images, *sample_edits(images, k))
                self.evaluations = {kind: made}
            except Exception as error:  # whatever a traced graph raises: whole images can still be evaluated
                why = str(error) if isinstance(error, InputError) else f"it failed: {brief(error)}"
                warn(f"sparse inference is not used: {why}", SparseattackWarning, stacklevel=2)
            self.usable[kind] = kind in self.evaluations
            self._note_weights(images)
        return self.evaluations.get(kind)

    def _note_weights(self, images: Tensor) -> None:
        """Note of which weights it is."""
        if self.constant is None:  # the first call may bring them into another memory format
            before, after = (self._stamp_after_a_call(images) for _ in range(2))
            self.constant = before == after
        self.stamp = stamp(self.network)

    def _stamp_after_a_call(self, images: Tensor) -> Stamp | None:
        with suppress(Exception):  # what a network raises is said where its scores are asked for
            self.forward(images[:1])
        return stamp(self.network)

    def _plan(self, shape: torch.Size, k: int) -> SparseEvaluation:
        """Sparse inference of edits of ``k`` pixels; an InputError says why there is none."""
        local = self._local(shape)
        chosen = plan(local, k)
        if chosen.gain < GAIN:
            end = f": feature maps are computed whole from {local.end} on" if local.end else ""
            raise InputError(f"with {_pixels(k)} changed it saves too little work{end}")
        if (needed := PAD * chosen.bytes) > MEMORY:
            needed_mib, most_mib = needed // 2**20, MEMORY // 2**20
            raise InputError(f"feature maps of {PAD} images take {needed_mib} MiB, more than {most_mib}")
        return SparseEvaluation(chosen, MOST if MOST * chosen.bytes <= MEMORY else PAD, MEMORY)

    def _local(self, shape: torch.Size) -> LocalPart:
        if shape not in self.local:
            try:
                self.local[shape] = local_part(self.network, shape)
            except InputError as error:
                self.local[shape] = error
        found = self.local[shape]
        if isinstance(found, InputError):
            raise found
        return found


def check_scores(sparse: EvaluateEdits, dense: EvaluateEdits, images: Tensor, k: int) -> None:
    """Refuse sparse inference whose scores of sample edits are not those of whole images, but for rounding.

    Each score is compared with the greatest value that the same class has in the sample. InputError.
    """
    samples = sample_edits(images, k), covering_edits(images)
    expected = torch.cat([dense(images, *sample) for sample in samples])
    tried = f"tried on {SAMPLE} edits of {_pixels(k)} and {COVER} that change every pixel"
    try:
        found = torch.cat([sparse(images, *sample) for sample in samples])
        difference, greatest = (found - expected).abs(), expected.abs().amax(0)
    except Exception as error:  # whatever a traced graph raises
        raise InputError(f"{tried}, it failed: {brief(error)}") from error
    if not (difference <= ROUNDING * greatest).all():
        most = float((difference / greatest).nan_to_num().max())
        raise InputError(f"{tried}, its scores were off by {most:.1g} of the greatest of their class")


def _pixels(k: int) -> str:
    return f"{k} pixel{'s' * (k > 1)}"


def sample_edits(images: Tensor, k: int) -> tuple[Tensor, Edits]:
    """SAMPLE edits of two of the images, and the images' numbers ``(SAMPLE,)``; always the same.

    They lie in the corners, along the borders and anywhere; some have one pixel twice.
    """
    height, width = images.shape[2:]
    random = torch.Generator().manual_seed(0)
    down = torch.randint(height, (SAMPLE, k), generator=random)
    right = torch.randint(width, (SAMPLE, k), generator=random)
    down[:12], right[8:20] = down[:12] % 2 * (height - 1), right[8:20] % 2 * (width - 1)
    down[20:28, -1], right[20:28, -1] = down[20:28, 0], right[20:28, 0]
    colours = torch.randint(256, (SAMPLE, k, images.shape[1]), generator=random).to(torch.uint8)
    rows = torch.arange(SAMPLE) % 2 * (len(images) - 1)
    return rows, Edits(down * width + right, colours)


def covering_edits(images: Tensor) -> tuple[Tensor, Edits]:
    """COVER edits of two of the images, and the images' numbers ``(COVER,)``; always the same.

    Together they change every pixel, or in large images PIXELS times as many as there are edits: an error at
    one place, such as a pixel that the network replaces, is found wherever it is.
    """
    channels, cells = images.shape[1], images.shape[2:].numel()
    random = torch.Generator().manual_seed(1)
    each = min(PIXELS, -(-cells // COVER))
    order = torch.randperm(cells, generator=random).repeat(-(-COVER * each // cells))
    colours = torch.randint(256, (COVER, each, channels), generator=random).to(torch.uint8)
    rows = torch.arange(COVER) % 2 * (len(images) - 1)
    return rows, Edits(order[: COVER * each].view(COVER, each), colours)
