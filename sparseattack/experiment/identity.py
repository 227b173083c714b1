"""Identity: what a study is about, and the key of a run, a digest of all that determines its result.

In a key is nothing else: no place among the images, no list of strategies, no file name, label or version.
"""

import json
import re
from dataclasses import asdict, dataclass
from math import inf
from typing import Any, ClassVar

from sparseattack.experiment.settings import LATER
from sparseattack.plugins.spec import Plugin, Spec, function_name, setting_values
from sparseattack.problem.scale import FAR, Scale
from sparseattack.provenance import digest, digest_source

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # in the text of a function or of another object


@dataclass(frozen=True)
class Question:
    """What a study is about: all its runs are attacks on one oracle, of one kind, stopped by one criterion.

    Everything else may differ from run to run: strategy, encoding, fitness, pixels, seed, image and budget.
    """

    KEY: ClassVar[str] = "question"
    oracle: str  # digest
    scale: Scale  # of its scores
    target: str  # none, random, all, or the number of a class
    true_class: str  # label or prediction
    correct_only: bool  # whether misclassified images are left out of targeted attacks, too
    noisy_oracle: bool
    stop: str  # stopping criterion: success, budget, fewest or confidence:LEVEL
    mask: str = "none"  # pixels that may change: none for all, centre:SHARE, or a digest of the mask
    backend: str = "eager"  # library that evaluates whole images, as chosen: it may change the last bits

    @property
    def key(self) -> str:
        """Digest of all of it, without what is as it was before it could be chosen."""
        return digest(
            {name: value for name, value in asdict(self).items() if (name, value) not in LATER.items()}
        )

    def differences(self, other: "Question") -> list[str]:
        """Every value that is another one in ``other``, as in "stop was success, is budget"."""
        was, now = asdict(self), asdict(other)
        return [f"{name} was {was[name]}, is {now[name]}" for name in was if was[name] != now[name]]


@dataclass(frozen=True)
class ProbeScores:
    """An oracle's scores of a few random images, by which another oracle is noticed."""

    KEY: ClassVar[str] = "probe scores"
    shape: tuple[int, ...]  # C, H, W
    scores: tuple[tuple[float, ...], ...]  # of each image, of K classes; none of a noisy oracle

    def difference(self, other: "ProbeScores") -> float:
        """The greatest difference of a score, as a share of the greatest score; infinite for other shapes."""
        if list(map(len, self.scores)) != list(map(len, other.scores)):
            return inf
        pairs = [pair for rows in zip(self.scores, other.scores, strict=True) for pair in _near(*rows)]
        greatest = max((abs(one) for one, _ in pairs), default=0.0)
        return max((abs(one - two) for one, two in pairs), default=0.0) / (greatest or 1.0)


def _near(one: tuple[float, ...], other: tuple[float, ...]) -> list[tuple[float, float]]:
    """Two scores of each class of an image, but of those FAR below the highest in both.

    The score of a masked class, such as -1e9, would hide all others.
    """
    first, second = max(one, default=0.0) - FAR, max(other, default=0.0) - FAR
    return [(a, b) for a, b in zip(one, other, strict=True) if a >= first or b >= second]


def method_key(
    strategy: tuple[Spec, Plugin], encoding: Plugin, objectives: tuple[Plugin, ...], budget: int | None
) -> str:
    """Digest of how an image is attacked: by which strategy, in which encoding, and what it minimises.

    The encoding's settings hold the number of pixels. ``budget`` is None for a strategy that does not use it.
    """
    spec, plugin = strategy
    parts = [spec.stream_name, *_content(plugin), _content(encoding), [*map(_content, objectives)], budget]
    return digest(parts)


def image_key(content: str, label: int) -> str:
    """Digest of an image's content, itself a digest, and its true class."""
    return digest([content, label])


def run_key(question: str, method: str, image: str, target: int, seed: int) -> str:
    """Digest of everything that determines a run, given the keys of its parts: 32 hexadecimal digits."""
    return digest([question, method, image, target, seed])


def _content(plugin: Plugin) -> list[object]:
    """What a plugin does: its function, its settings after defaults, its code."""
    return [function_name(plugin), plain_settings(plugin), digest_source(plugin)]


def plain_settings(plugin: Plugin) -> dict[str, Any]:
    """The settings of a plugin after defaults, as JSON holds them; a whole number is one however written."""
    held: dict[str, Any] = json.loads(json.dumps(setting_values(plugin), default=_text))
    return {name: _whole(value) for name, value in held.items()}


def _text(value: object) -> str:
    """A value that JSON does not hold, as text, without its address: that differs from process to process."""
    return ADDRESS.sub("", str(value))


def _whole(value: Any) -> Any:
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
