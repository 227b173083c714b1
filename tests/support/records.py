"""Records made by hand."""

from typing import Any

from sparseattack.study.record import Record


def record(image: int = 0, first_fooled: int = 0, **others: Any) -> Record:
    """A run on ``image`` with a budget of 1,000; a success at query ``first_fooled`` unless that is 0."""
    values: dict[str, Any] = {
        "key": f"{image}-{sorted(others.items())}",
        "strategy": "de",
        "encoding": "rgb",
        "k": 1,
        "seed": 0,
        "image": image,
        "image_id": f"test/{image}",
        "label": 3,
        "target": -1,
        "budget": 1000,
        "first_fooled": first_fooled,
        "queries": first_fooled or 1000,
        "repeats": 0,
        "verifications": 2 if first_fooled else 1,
        "verified": first_fooled > 0,
        "met": first_fooled > 0,
        "value": -0.5 if first_fooled else 1.25,
        "pixels": 1,
        "l2": 0.75,
        "distortion": 90.0,
        "restarts": 0,
        "oracle_seconds": 0.5,
        "strategy_seconds": 0.25,
        "before_class": 3,
        "before_confidence": 0.9,
        "after_class": 5 if first_fooled else -1,
        "after_confidence": 0.6,
        "positions": [17],
        "colours": [[255, 0, 10]],
        "trace": [[1, 1.5], [7, 1.25]],
        "front": [],
        "error": "",
    }
    return Record(**(values | others))
