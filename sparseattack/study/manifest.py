"""What a comparison is made of, written down so that it can be repeated and told from others."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from torch import Tensor

from sparseattack.data.load import Images
from sparseattack.plugins.settings import complete
from sparseattack.problem.oracle import Oracle, scale, title
from sparseattack.provenance import digest, digest_source, hardware, versions
from sparseattack.study.experiment import Experiment

Plugin = Callable[..., Any]


def manifest(
    experiment: Experiment, oracle: Oracle, images: Images, scores: Tensor, plugins: Mapping[str, Plugin]
) -> dict[str, Any]:
    """As JSON holds it; results depend on what is under ``determines``, and on nothing else.

    ``scores (N, K)`` of the clean images stand for an oracle that has no digest of its own.
    """
    determines = {
        "experiment": experiment.to_json(),
        "settings": {name: complete(plugin) for name, plugin in plugins.items()},
        "sources": {name: digest_source(plugin) for name, plugin in plugins.items()},
        "oracle": getattr(oracle, "digest", "") or digest(scores.double().round(decimals=4).tolist()),
        "images": images.digest,
        "versions": versions(plugins.values()),
    }
    written = {
        "determines": determines,
        "oracle": {"name": title(oracle), "scale": scale(oracle)},
        "images": {"count": len(images.ids), "shape": list(images.pixels.shape[1:])},
        "hardware": hardware(experiment.device),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    whole: dict[str, Any] = json.loads(json.dumps(written, default=str))
    return whole
