"""Records made by hand."""

from collections.abc import Sequence
from typing import Any

from sparseattack.experiment.settings import Experiment
from sparseattack.study.columns import Columns
from sparseattack.study.facts import ImageList, Method, RequestedMethod, StudyRequest
from sparseattack.study.record import Record
from sparseattack.study.store import Study
from sparseattack.study.tables import ImageRow


def record(image: int = 0, first_fooled: int = 0, **others: Any) -> Record:
    """A run on ``image`` with a budget of 1,000; a success at query ``first_fooled`` unless that is 0."""
    values: dict[str, Any] = {
        "key": f"{image}-{sorted(others.items())}",
        "method": "m",
        "strategy": "de",
        "encoding": "rgb",
        "fitness": "margin",
        "k": 1,
        "seed": 0,
        "image": image,
        "image_id": f"test/{image}",
        "image_key": f"{image:032x}",
        "label": 3,
        "target": -1,
        "budget": 1000,
        "first_fooled": first_fooled,
        "queries": first_fooled or 1000,
        "repeats": 0,
        "verifications": 2 if first_fooled else 1,
        "attempts": 0,
        "flat": 0,
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
        "sparse": False,
        "environment": "e",
    }
    values |= others
    values.setdefault("shown", values["queries"] - values["repeats"] if values["repeats"] >= 0 else -1)
    return Record(**values)


def method(strategy: str = "de", k: int = 1, budget: int = 1000) -> Method:
    """What these runs were made with."""
    return Method("m", strategy, "", "rgb", "margin", ("margin",), k, budget, ())


def by_method(records: Sequence[Record]) -> dict[Method, Columns]:
    """The runs of each strategy and number of pixels."""
    groups: dict[Method, list[Record]] = {}
    for one in records:
        groups.setdefault(method(one.strategy, one.k, one.budget), []).append(one)
    return {each: Columns.of(some) for each, some in groups.items()}


def add_images(study: Study, count: int) -> None:
    """Store the images that such runs are about, so that these can be read back."""
    keys = tuple(f"{image:032x}" for image in range(count))
    rows = [ImageRow(key, f"test/{place}", "c", "3x32x32", 3, 3, 0.9) for place, key in enumerate(keys)]
    study.add_images(rows)
    images = ImageList(keys)
    study.set(images, images.part)
    asked = StudyRequest(
        Experiment(),
        "2026-01-01",
        (RequestedMethod(method(), (0,)),),
        images.part,
        {"0": (1,) * count},
        ((count, 3, 32, 32),),
        "oracle",
        {},
        ("",) * 10,
        **dict.fromkeys(("correct", "eligible", "left_out", "checks", "evaluations"), 0),
        block=1,
        notes=(),
    )
    study.set(asked, asked.part)
