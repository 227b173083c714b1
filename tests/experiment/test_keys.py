"""The key of a run: what is in it is the same in every process, however it is written."""

from collections.abc import Callable
from enum import Enum
from functools import partial
from pathlib import Path

from sparseattack import Search, Space
from sparseattack.experiment.identity import plain_settings


class Kind(Enum):
    """Of a step."""

    SHORT = "short"


def search(space: Space, *, rule: Callable[[float], float], kind: Kind, step: float, file: Path) -> Search:
    while True:
        yield space.uniform(1)


def rule() -> Callable[[float], float]:
    """Another function each time, of the same name."""

    def linear(value: float) -> float:
        return value

    return linear


def test_settings_are_the_same_in_every_process() -> None:
    one, other = (
        plain_settings(partial(search, rule=rule(), kind=Kind.SHORT, step=step, file=Path("a")))
        for step in (1, 1.0)
    )
    assert one == other
    assert one == {"rule": "<function rule.<locals>.linear>", "kind": "Kind.SHORT", "step": 1, "file": "a"}
