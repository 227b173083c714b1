"""Functions that no source tells about, and what they close over."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import pytest

from sparseattack.provenance import code, digest_source


def typed_in(text: str, module: str = "nowhere") -> Callable[..., Any]:
    """A function whose source is nowhere."""
    scope: dict[str, Any] = {"__name__": module}
    exec(text, scope)
    function: Callable[..., Any] = scope["search"]
    return function


BASE = "RATE = 1\ndef part(): return {'a', 'b', 'c'}\ndef search(x=1): return [part() for _ in range(RATE)]"
CHANGES = {"RATE = 1": "RATE = 2", "'b'": "'d'", "range": "enumerate", "x=1": "x=2", "part() for": "part for"}


@pytest.mark.parametrize("module", ["nowhere", __name__])
@pytest.mark.parametrize("change", CHANGES)
def test_without_source_what_was_compiled_tells(module: str, change: str) -> None:
    known = digest_source(typed_in(BASE, module))
    assert digest_source(typed_in(BASE, module)) == known
    assert digest_source(typed_in(BASE.replace(change, CHANGES[change]), module)) != known


def test_without_source_it_is_the_same_in_every_process() -> None:
    told = f"""if 1:
        from sparseattack.provenance import digest_source
        exec({BASE!r})
        print(digest_source(search))"""
    runs = (
        subprocess.run(
            [sys.executable, "-c", told],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        for seed in "12"
    )
    one, other = (run.stdout for run in runs)
    assert one == other and len(one.strip()) == 32


def scaled(rate: float, *more: object) -> Callable[..., Any]:
    def inner(space: object) -> tuple[object, ...]:
        return space, rate, more, inner

    @wraps(inner)
    def search(space: object) -> object:
        return inner(space)

    return search


def test_what_a_function_closes_over_belongs_to_it() -> None:
    makings = (0.1, 0.5, 0.1), (0.1, {"b", "a"}), (0.1, {"a": None}), (0.1, [1, b"x"])
    digests = [digest_source(scaled(*making)) for making in makings]
    assert digests == [digest_source(scaled(*making)) for making in makings]
    assert len(set(digests)) == len(makings)
    assert digest_source(scaled(0.1, object())) == digest_source(scaled(0.1, object()))


def test_what_is_compiled_has_a_digest_all_the_same() -> None:
    assert code(print) and digest_source(print)
