"""A torch network that evaluates candidates in bfloat16, half the bits of float32."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from sparseattack import Classifier, InputError, Oracle
from sparseattack.plugins.registry import oracle_plugin
from sparseattack.problem.inference import PAD
from sparseattack.provenance import digest

from .dense_inference.forward import Forward


def bfloat16(*, oracle: str, device: str = "cpu") -> Oracle:
    """Another torch oracle, evaluating candidates in bfloat16 wherever torch's autocast finds that safe.

    Clean images are evaluated in float32, and so is every candidate that seems to be a success before it
    counts as one. Sparse inference computes in float32.

    oracle: its name and settings, as in bfloat16(oracle=allconv)
    device: cpu, cuda, cuda:1 or mps
    """
    full = oracle_plugin(oracle, device)()
    if not (isinstance(full, Classifier) and isinstance(full.scores, Forward)):
        raise InputError(
            f"bfloat16 needs a torch network that takes any number of images, as allconv is; {oracle} is not"
        )
    known = digest([full.digest, "bfloat16"])
    scores = _autocast(full.scores)
    block = PAD if callable(full.block) else full.block  # smaller ones were tried in float32
    return replace(
        full, name=f"{full.name} in bfloat16", scores=scores, digest=known, exact=full, block=block,
        backends={},
    )  # fmt: skip


def _autocast(forward: Forward) -> Callable[[Tensor], Tensor]:
    def scores(images: Tensor) -> Tensor:
        with torch.autocast(forward.device.type, torch.bfloat16):
            return forward(images)

    return scores
