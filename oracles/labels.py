"""Labels only: another oracle of which nothing is seen but the class that it predicts."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor, nn

from sparseattack import Classifier, Oracle
from sparseattack.plugins.registry import oracle_plugin
from sparseattack.problem.fitness import LOGARITHM
from sparseattack.problem.oracle import Remote
from sparseattack.problem.scale import columns, greatest
from sparseattack.problem.verification import score_singly
from sparseattack.provenance import digest

Scores = Callable[[Tensor], Tensor]


def labels(*, oracle: str, device: str = "cpu") -> Oracle:
    """Another oracle, of which only the predicted class is answered: a black box that keeps its scores.

    So the same network can be attacked with and without them. Of classes that tie, it is the first.

    oracle: its name and settings, as in labels(oracle=allconv-small)
    device: cpu, cuda, cuda:1 or mps
    """
    shown = Classifier.of(oracle_plugin(oracle, device)(), oracle)
    full = shown.exact or shown
    return replace(
        full,
        name=f"labels of {shown.name}",
        scores=partial(_best, full, full.scores),
        digest=digest([shown.digest, "labels"]) if shown.digest else "",
        scale="labels",
        answer_edits=None,
        exact=None,
        rounding=0.0,
        remote=Hidden(full, full.remote) if full.remote else None,
        backends={},
    )


@dataclass(frozen=True)
class Hidden:
    """What sends images to a server, of whose answers only the predicted class is seen."""

    full: Classifier
    remote: Remote

    @property
    def lossless(self) -> bool:
        """As the remote's."""
        return self.remote.lossless

    def ask_again(self, images: Tensor) -> Tensor:
        """The labels of images that are sent again."""
        return _best(self.full, self.remote.ask_again, images)

    def buying_for(self, runs: Sequence[str], verifying: bool = False) -> AbstractContextManager[None]:
        """As the remote's."""
        return self.remote.buying_for(runs, verifying)

    def bought_for(self, run: str) -> tuple[int, int]:
        """As the remote's."""
        return self.remote.bought_for(run)

    def check(self) -> None:
        """As the remote's."""
        self.remote.check()

    def statement(self) -> str:
        """As the remote's."""
        return self.remote.statement()


def _best(full: Classifier, scores: Scores, images: Tensor) -> Tensor:
    """The predicted classes of images ``(n, C, H, W)``, each a row of one 1 and else 0: ``(n, K)``.

    Where two scores are within rounding, those of the image in a call of its own decide, as they do where an
    oracle shows them; not so of a server, which is asked about each image by itself.
    """
    found = columns(scores(images.clone()), full.scale, full.classes)  # which may be written to
    classes, count = found.argmax(1).clone(), found.shape[1]
    if not full.remote and count > 1 and len(images) > 1:
        first, second = found.topk(2, dim=1).values.unbind(1)
        rounding = LOGARITHM * full.rounding_on(found.device)  # of scores on any scale, which may be unknown
        near = (first - second <= rounding * greatest(found)).nonzero()[:, 0]
        if len(near):
            classes[near] = score_singly(full, images[near], near).argmax(1)
    return nn.functional.one_hot(classes, count).float()
