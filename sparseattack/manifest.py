"""What a comparison is made of, written down so that it can be repeated and told from others."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from torch import Tensor

from sparseattack.data import Images
from sparseattack.experiment import Experiment
from sparseattack.fingerprint import digest, digest_source, hardware, versions
from sparseattack.oracle import Oracle, scale, title
from sparseattack.settings import complete
from sparseattack.sources import plain

Plugin = Callable[..., Any]


def manifest(
    experiment: Experiment, oracle: Oracle, images: Images, scores: Tensor, plugins: Sequence[Plugin]
) -> dict[str, Any]:
    """As JSON holds it; results depend on what is under ``determines``, and on nothing else.

    ``scores (N, K)`` of the clean images stand for an oracle that has no digest of its own.
    """
    determines = {
        "experiment": experiment.to_json(),
        "settings": {_title(plugin): complete(plugin) for plugin in plugins},
        "sources": {_title(plugin): digest_source(plugin) for plugin in plugins},
        "oracle": getattr(oracle, "digest", "") or digest(scores.double().round(decimals=4).tolist()),
        "images": images.digest,
        "versions": versions(plugins),
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


def _title(plugin: Plugin) -> str:
    """Where a plugin stands, and what is set otherwise than by default."""
    function = plain(plugin)
    chosen = getattr(plugin, "keywords", {})
    inside = ",".join(f"{name}={value}" for name, value in chosen.items())
    return f"{function.__module__}:{getattr(function, '__qualname__', function)}({inside})"
