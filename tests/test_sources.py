"""The code behind a plugin."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sparseattack.fingerprint import digest_source
from sparseattack.registry import find
from sparseattack.sources import code, plain


def test_what_a_strategy_imports_from_beside_it_belongs_to_it() -> None:
    names = {name.rpartition(".")[2] for name in code(find("strategies", "de"))}
    assert {"de", "de_operators", "draws"} <= names and "cmaes" not in names


def test_settings_and_decorators_change_no_source() -> None:
    cmaes = find("strategies", "cmaes")
    assert digest_source(partial(cmaes, sigma=0.1)) == digest_source(cmaes)
    assert plain(partial(cmaes, sigma=0.1)).__name__ == "cmaes"


def test_a_change_beside_it_is_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    digests = set()
    for number, package in enumerate(("family_one", "family_two")):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        (tmp_path / package / "part.py").write_text(f"NUMBER = {number}\n")
        (tmp_path / package / "search.py").write_text("from .part import NUMBER\n\ndef search():\n    ...\n")
        sources = code(find("strategies", f"{package}.search:search")).values()
        digests.add(tuple(sorted(sources)))
    assert len(digests) == 2


def typed_in(text: str) -> Callable[..., Any]:
    """A function whose source is nowhere."""
    scope: dict[str, Any] = {"__name__": "nowhere"}
    exec(text, scope)
    function: Callable[..., Any] = scope["search"]
    return function


def test_what_has_no_source_has_a_name() -> None:
    assert code(typed_in("def search(): ...")) == {"": "search"}
    assert code(print) and digest_source(print)
