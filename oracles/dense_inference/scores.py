"""The scores among what a network returns: its only tensor, or the one that is chosen."""

from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass

from torch import Tensor, nn

from sparseattack import InputError

from .blocks import Network


class Chosen(nn.Module):
    """A network of which only the scores are wanted, whatever else it returns."""

    def __init__(self, network: Network, output: str | None) -> None:
        """``output`` is the key, or the number from 0, of the scores among several tensors."""
        super().__init__()
        self.network, self.output = network, output
        self.training = False  # without .eval(), which exported programs refuse

    def forward(self, images: Tensor) -> Tensor:
        return scores_among(self.network(images), self.output)


def choosing(network: Network, output: str | None) -> Network:
    """The network with its scores as its only output: a module stays one, a function a function."""
    if isinstance(network, nn.Module):
        return Chosen(network, output)
    return lambda images: scores_among(network(images), output)


def scores_among(answer: object, output: str | None) -> Tensor:
    """The scores among what a network returned: a tensor, or one in a dictionary, tuple or dataclass.

    Refused where there are several tensors and ``output``, a key or a number from 0, chooses none.
    """
    if isinstance(answer, Tensor):
        if output is not None:
            raise InputError(f"the network returns one tensor of scores: leave out output={output}")
        scores = answer
    else:
        scores = _chosen(_parts(answer), output, type(answer).__name__)
    return without_sides(scores)


def without_sides(scores: Tensor) -> Tensor:
    """Scores ``(n, K, 1, 1)``, maps of one pixel, as ``(n, K)``; others as they are."""
    return scores.flatten(1) if scores.ndim > 2 and scores.shape[2:].numel() == 1 else scores  # noqa: PLR2004


def likely(names: Iterable[str]) -> str:
    """The name that scores usually have, if one of ``names`` has it; else the first."""
    known = list(names)
    hints = ((hint, name) for hint in ("logit", "score", "prob", "class") for name in known)
    return next((name for hint, name in hints if hint in name.lower()), known[0])


def _parts(answer: object) -> dict[str, object]:
    """What a dictionary, a tuple, a list or a dataclass holds, by its key or number."""
    if is_dataclass(answer) and not isinstance(answer, Mapping):
        answer = vars(answer)
    elif isinstance(answer, tuple | list):
        answer = dict(zip(getattr(answer, "_fields", range(len(answer))), answer, strict=True))
    return {str(key): value for key, value in answer.items()} if isinstance(answer, Mapping) else {}


def _chosen(parts: dict[str, object], output: str | None, kind: str) -> Tensor:
    """The only tensor of ``parts``, or the one called ``output``; refused if there is none."""
    tensors = {name: part for name, part in parts.items() if isinstance(part, Tensor)}
    if output in tensors:
        return tensors[output]
    if output is None and len(tensors) == 1:
        return next(iter(tensors.values()))
    if not tensors:
        raise InputError(f"the network returns {kind}, in which there is no tensor of scores")
    found = ", ".join(f"{name} {tuple(part.shape)}" for name, part in tensors.items())
    missing = f" without {output}" if output else ""
    raise InputError(
        f"the network returns {kind}{missing}: {found}; choose the scores by output={likely(tensors)}"
    )
