"""What an oracle must be, clause by clause, each tried on clean images: ``sparseattack check ORACLE``."""

from collections.abc import Callable
from functools import cache, partial
from io import BytesIO
from time import perf_counter

import torch
from torch import Tensor

from sparseattack.conformance.clauses import Finding
from sparseattack.conformance.problems import ContractError
from sparseattack.data.images import levels
from sparseattack.data.load import load_images
from sparseattack.data.png import pil_image, read_png
from sparseattack.errors import SparseattackError, brief
from sparseattack.problem.edits import Edits
from sparseattack.problem.inference import score_edits, score_images, score_painted, sizes
from sparseattack.problem.oracle import Classifier, evaluation_mode
from sparseattack.problem.purity import AGAIN, CAUSES, REORDERED, SINGLY, Purity, purity, share_of
from sparseattack.problem.scale import recognise, report_scale

SAMPLE = "sample"  # images that are in the package
MOST, FEW = 64, 8  # images tried in a call, and of noise
BATCHES = (1, 2, 7, 32)
QUALITY = 90  # of a JPEG
SPARSE_ROUNDING = 1e-4  # of the greatest score, by which sparse inference may differ

Clause = Callable[[], str]
"""Raises ContractError or an error of this package; returns a note, perhaps empty."""


def trial_images(oracle: Classifier, name: str) -> Tensor:
    """The images called ``name``; noise in place of the sample where the oracle takes another size."""
    found = load_images(name).floats()[:MOST]
    wanted = [takes or has for takes, has in zip(oracle.shape, found.shape[1:], strict=True)]
    if wanted == list(found.shape[1:]) or name != SAMPLE:
        return found
    drawn = torch.randint(256, (FEW, *wanted), generator=torch.Generator().manual_seed(0))
    return levels(drawn.to(torch.uint8))


def check_oracle(make: Callable[[], Classifier], images: Tensor) -> list[Finding]:
    """Try every clause on the oracle that ``make`` returns, with ``images (N, C, H, W)``."""
    oracle = make().anew
    most = FEW if oracle.remote else MOST  # that may cost money
    few = images[: min(most, sizes(oracle, images).chunk, len(images))]
    found = cache(partial(purity, oracle, few))  # once for three clauses
    pure = {when: partial(_is_pure, found, when) for when in (AGAIN, REORDERED, SINGLY)}
    clauses: dict[str, Clause] = {
        "gives every image finite scores of all classes": partial(_gives_scores, oracle, few),
        **{f"gives an image the same scores {when}": clause for when, clause in pure.items()},
        "gives an image the same scores in batches of any size": partial(_any_batch, oracle, few),
        "gives the same scores when it is loaded again": partial(_loaded_again, oracle, make, few),
        "needs no copies of images and scores, or is given them": partial(_needs_copies, oracle, few),
        "gives edits the scores of the edited images": partial(_answers_edits, oracle, few),
    }
    if oracle.remote:
        clauses["gives an image other scores when one pixel changes"] = partial(_sees_pixels, oracle, few)
    return [_finding(sentence, clause) for sentence, clause in clauses.items()]


def _finding(sentence: str, clause: Clause) -> Finding:
    try:
        return Finding(sentence, True, clause())
    except (ContractError, SparseattackError) as error:
        return Finding(sentence, False, str(error))
    except Exception as error:  # whatever an oracle raises
        return Finding(sentence, False, brief(error))


def _scores(oracle: Classifier, images: Tensor) -> Tensor:
    return score_images(oracle, images.clone(), torch.arange(len(images)))


@torch.inference_mode()
def _gives_scores(oracle: Classifier, images: Tensor) -> str:
    scores = _scores(oracle, images)
    report_scale(str(oracle), oracle.scale, scores)
    scale, dtype = recognise(str(oracle), oracle.scale, scores), str(scores.dtype).removeprefix("torch.")
    start = perf_counter()
    _scores(oracle, images)
    middle = perf_counter()
    score_images(oracle, images[:1].clone(), [0], pad=1)
    together, one = len(images) / (middle - start), 1 / (perf_counter() - middle)
    return (
        f"{scores.shape[1]} classes, {scale}, {dtype}; {together:,.0f} images per s in a call of"
        f" {len(images)}, {one:,.0f} one by one"
    )


def _is_pure(find: Callable[[], Purity], when: str) -> str:
    for found in find().differences:
        if found.when == when:
            raise ContractError(f"image {found.image} differs by {found.share:.2%}: {CAUSES[when]}")
    return ""


@torch.inference_mode()
def _any_batch(oracle: Classifier, images: Tensor) -> str:
    together, bits, rounding = _scores(oracle, images), True, oracle.rounding_on(images.device)
    for size in sorted({min(batch, len(images)) for batch in BATCHES}):
        other = torch.cat([_scores(oracle, part) for part in torch.split(images, size)])
        share = float(share_of(together, other).max())
        bits &= share == 0
        if share > rounding:
            raise ContractError(f"in batches of {size} scores differ by {share:.2%} of the greatest")
    return (
        "the same bits" if bits else "the same but for rounding: single images decide near a margin of zero"
    )


@torch.inference_mode()
def _loaded_again(oracle: Classifier, make: Callable[[], Classifier], images: Tensor) -> str:
    share = float(share_of(_scores(oracle, images), _scores(make(), images)).max())
    if share > oracle.rounding_on(images.device):
        raise ContractError(
            f"scores differ by {share:.0%} of the greatest: if not by chance, its weights are made anew, so"
            " that it is not trained; torch(module=...,checkpoint=FILE) takes them from a file"
        )
    return ""


@torch.inference_mode()
def _needs_copies(oracle: Classifier, images: Tensor) -> str:
    shown, notes = images.clone(), []
    with evaluation_mode(oracle):
        first = oracle(shown)
        before = first.clone()
        oracle(images.flip(0).clone())
    if not torch.equal(shown, images):
        notes.append("it writes to its images: it is given copies")
    if not torch.equal(before, first):
        notes.append("it writes to scores that it gave before: they are copied")
    return "; ".join(notes)


@torch.inference_mode()
def _sees_pixels(oracle: Classifier, images: Tensor) -> str:
    """What a server makes of small changes, which depends on what it does to pictures before it looks."""
    clean, changed = _scores(oracle, images), images.clone()
    row, column = (side // 2 for side in images.shape[2:])
    changed[:, :, row, column] = (changed[:, :, row, column] < 1 / 2).float()  # the corner farthest away
    pixel = share_of(clean, _scores(oracle, changed))
    if not pixel.any():
        raise ContractError(
            f"one pixel changes no score of {len(images)} images: it rounds its scores, or it makes images"
            " smaller first"
        )
    notes = [f"by {float(pixel.max()):.2g} of the greatest at most"]
    if images.shape[1] in (1, 3):
        jpeg = share_of(clean, _scores(oracle, torch.stack([_as_jpeg(image) for image in images])))
        notes.append(f"JPEG of quality {QUALITY} would change them by {float(jpeg.max()):.2g}")
    if oracle.shape[1:] == (None, None):
        larger = images.repeat_interleave(2, 2).repeat_interleave(2, 3)
        share = float(share_of(clean, _scores(oracle, larger)).max())
        notes.append(f"twice the size changes them by {share:.2g}")
    return "; ".join(notes)


def _as_jpeg(image: Tensor) -> Tensor:
    """An image ``(C, H, W)`` as JPEG, and back."""
    file = BytesIO()
    pil_image(image).save(file, "JPEG", quality=QUALITY)
    return read_png(file).to(image.device)


@torch.inference_mode()
def _answers_edits(oracle: Classifier, images: Tensor) -> str:
    height, width = images.shape[2:]
    random = torch.Generator().manual_seed(0)
    rows = torch.arange(len(images), device=images.device)
    positions = torch.randint(height * width, (len(rows), 1), generator=random)
    colours = torch.randint(256, (len(rows), 1, images.shape[1]), generator=random).to(torch.uint8)
    edits = Edits(positions.to(images.device), colours.to(images.device))
    sparse = score_edits(oracle, images, rows, edits)
    if sparse is None:
        return "it has no sparse inference here"
    share = float(share_of(score_painted(oracle, images, rows, edits, 0), sparse).max())
    if share > max(SPARSE_ROUNDING, oracle.rounding_on(images.device)):
        raise ContractError(f"scores of edits differ by {share:.2%} of the greatest")
    return "by sparse inference"
