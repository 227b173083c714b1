"""Labels only: another oracle of which nothing is seen but the class that it predicts."""

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor, nn

from sparseattack import Classifier, Oracle
from sparseattack.plugins.registry import oracle_plugin
from sparseattack.problem.scale import columns
from sparseattack.provenance import digest


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
        scores=_best(full),
        digest=digest([full.digest, "labels"]) if full.digest else "",
        scale="labels",
        answer_edits=None,
        exact=None,
        backends={},
    )


def _best(full: Classifier) -> Callable[[Tensor], Tensor]:
    def best(images: Tensor) -> Tensor:
        scores = columns(full.scores(images), full.scale, full.classes)
        return nn.functional.one_hot(scores.argmax(1), scores.shape[1]).float()

    return best
