"""A network of torch that is shown candidates in half as many bits."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from sparseattack import Classifier, InputError, Oracle
from sparseattack.plugins.registry import oracle_plugin
from sparseattack.provenance import digest

from .forward import Forward


def bfloat16(*, oracle: str, device: str = "cpu") -> Oracle:
    """Another oracle, a network of torch, with candidates computed in bfloat16 where torch finds that safe.

    Clean images are judged in float32, and so is every candidate that seems to be a success before it counts
    as one. What sparse inference answers stays in float32.

    oracle: its name and settings, as in bfloat16(oracle=allconv)
    device: cpu, cuda, cuda:1 or mps
    """
    made = oracle_plugin(oracle, device)()
    if not (isinstance(made, Classifier) and isinstance(made.scores, Forward)):
        raise InputError(f"{oracle} is no network of torch that takes any number of images")
    made.scores.tried = True  # with one number of images at a time for both
    known = digest([made.digest, "bfloat16"])
    return replace(
        made, name=f"{made.name} in bfloat16", scores=_rounded(made.scores), digest=known, exact=made
    )


def _rounded(forward: Forward) -> Callable[[Tensor], Tensor]:
    def scores(images: Tensor) -> Tensor:
        with torch.autocast(forward.device.type, torch.bfloat16):
            return forward(images)

    return scores
