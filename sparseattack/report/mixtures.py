"""Whether the runs of a table were made alike: the same versions, processor, device and inference."""

from collections.abc import Mapping, Sequence

import numpy as np

from sparseattack.errors import InputError
from sparseattack.provenance import Environment
from sparseattack.study.columns import Columns
from sparseattack.study.facts import Method

FIELDS = {"system": "systems", "processor": "processors", "device": "devices"}


def mixtures(environments: Sequence[Environment], groups: Mapping[Method, Columns]) -> list[str]:
    """A sentence for everything in which runs differ that may change the last bits of a score, or more."""
    sentences = []
    for field, many in FIELDS.items():
        values = list(dict.fromkeys(getattr(each, field) for each in environments))
        if len(values) > 1:
            sentences.append(f"Runs were made on {len(values)} {many}: {', '.join(values)}.")
    packages = list(dict.fromkeys(name for each in environments for name in each.versions))
    for name in packages:
        known = list(dict.fromkeys(each.versions[name] for each in environments if name in each.versions))
        if len(known) > 1:
            sentences.append(
                f"Runs were made with {len(known)} versions of {name}: {', '.join(sorted(known))}."
            )
    for k in dict.fromkeys(method.k for method in groups):
        sparse = np.concatenate([runs.sparse for method, runs in groups.items() if method.k == k])
        if 0 < (count := int(sparse.sum())) < len(sparse):
            sentences.append(
                f"k = {k}: {count:,} of {len(sparse):,} runs were made by sparse inference, the others by"
                " dense inference; their scores differ in the last bits."
            )
    return sentences


def require_alike(sentences: Sequence[str]) -> None:
    """Refuse a mixture: InputError with all of its sentences."""
    if sentences:
        raise InputError(f"{' '.join(sentences)} Without --strict this is only said")
