"""Labels only: another oracle of which nothing is seen but the class that it predicts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

from torch import Tensor, nn

from sparseattack import Classifier, Oracle
from sparseattack.plugins.registry import oracle_plugin
from sparseattack.problem.oracle import Remote
from sparseattack.problem.scale import columns
from sparseattack.provenance import digest

Scores = Callable[[Tensor], Tensor]


def labels(*, oracle: str, device: str = "cpu") -> Oracle:
    """Another oracle, of which only the predicted class is answered: a black box that keeps its scores.

    So the same network can be attacked with and without them. Of classes that tie, it is the first.

    oracle: its name and settings, as in labels(oracle=allconv-small)
    device: cpu, cuda, cuda:1 or mps
    """
    full = Classifier.of(oracle_plugin(oracle, device)(), oracle)
    return replace(
        full,
        name=f"labels of {full.name}",
        scores=partial(_best, full, full.scores),
        digest=digest([full.digest, "labels"]) if full.digest else "",
        scale="labels",
        answer_edits=None,
        exact=None,
        rounding=0.0,
        remote=cast("Remote", Hidden(full, full.remote)) if full.remote else None,
        backends={},
    )


@dataclass(frozen=True)
class Hidden:
    """What sends images to a server, of whose answers only the predicted class is seen."""

    full: Classifier
    remote: Remote

    def ask_again(self, images: Tensor) -> Tensor:
        """As a label each, images that are sent again."""
        return _best(self.full, self.remote.ask_again, images)

    def __getattr__(self, name: str) -> Any:
        """The rest as it is."""
        return getattr(self.remote, name)


def _best(full: Classifier, scores: Scores, images: Tensor) -> Tensor:
    """The predicted classes of images ``(n, C, H, W)``, each a row of one 1 and else 0: ``(n, K)``.

    Where two scores are within rounding, those of the image in a call of its own decide, as they do where an
    oracle shows them; not so of a server, which is asked about each image by itself.
    """
    found = columns(scores(images), full.scale, full.classes)
    if not full.remote and found.shape[1] > 1:
        first, second = found.topk(2, dim=1).values.unbind(1)
        near = first - second <= full.rounding_on(found.device) * found.abs().amax(1)
        for row in near.nonzero()[:, 0].tolist() if len(found) > 1 else []:
            found[row] = columns(scores(images[row : row + 1]), full.scale, full.classes)[0]
    return nn.functional.one_hot(found.argmax(1), found.shape[1]).float()
