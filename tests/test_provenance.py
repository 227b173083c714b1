"""Digests of plugins' code: any change that matters is noticed, nothing else is."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any

import pytest

from sparseattack.plugins.registry import find
from sparseattack.plugins.spec import undecorated
from sparseattack.provenance import digest, digest_source, source_code, without_comments


def test_what_a_strategy_imports_from_beside_it_belongs_to_it() -> None:
    names = {name.rpartition(".")[2] for name in source_code(find("strategies", "de"))}
    assert {"de", "draws"} <= names and "cmaes" not in names


def test_settings_and_decorators_change_no_source() -> None:
    cmaes = find("strategies", "cmaes")
    assert digest_source(partial(cmaes, sigma=0.1)) == digest_source(cmaes)
    assert undecorated(partial(cmaes, sigma=0.1)).__name__ == "cmaes"


SOURCE = """
def search(space, *, names: tuple[str, ...] = ("a",)) -> "Search":
    text = f"{', '.join(names)!r:>{space.dims}}" "more"
    match text:
        case [None, *others] if others: x = not 1.5e-7
        case _: x = {**{}, "a": b"\\0", 'b': lambda: (yield)}
"""


def test_a_source_is_the_same_in_every_version_of_python() -> None:
    """Versions write the same syntax tree in other ways, above all an f-string."""
    assert digest(without_comments(SOURCE)) == "b03487d8658e6e4eee318ee3a4152453"
    assert without_comments(SOURCE) == without_comments(
        SOURCE.replace("text = ", "'Text.'\n    text = (").replace('"more"', '"more") # joined')
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [("x = 1", "x = 1.0"), ("x = 1", "x = True"), ("f(a, *b)", "f(a, b)"), ("x = 'a'", "x = b'a'"),
     ("if a:\n    b\nc", "if a:\n    b\n    c"), ("x: int", "x: int = None"), ("x = -1", "x = ~1"),
     ("f(a)(b)", "f(a, b)"), ("[[a], b]", "[[a, b]]"), ("{**a, b: c}", "{a: a, b: c}")],
)  # fmt: skip
def test_other_code_is_another_source(one: str, other: str) -> None:
    assert without_comments(one) != without_comments(other)


def test_deeply_nested_code_has_its_comments_taken_away() -> None:
    long = " + ".join(["x"] * 900)
    assert without_comments(f"y = {long}  # one") == without_comments(f"y = {long}  # other")


def test_a_change_beside_it_is_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    digests = set()
    for number, package in enumerate(("family_one", "family_two")):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
        (tmp_path / package / "part.py").write_text(f"NUMBER = {number}\n")
        (tmp_path / package / "search.py").write_text("from .part import NUMBER\n\ndef search():\n    ...\n")
        sources = source_code(find("strategies", f"{package}.search:search")).values()
        digests.add(tuple(sorted(sources)))
    assert len(digests) == 2


FAMILY = {
    "__init__.py": "",
    "deep/__init__.py": "",
    "deep/part.py": "from kin_of_mine.leaf import random\nfrom . import lacking\n",
    "leaf.py": "import random\n",
}
LINES = "from kin_of_mine.deep.part import X", "import kin_of_mine.deep.part", "from .deep import part"


@pytest.mark.parametrize("line", LINES)
def test_every_import_of_its_own_package_is_followed_loaded_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    search = f"import json\ndef search():\n    {line}\n"
    for name, text in {**FAMILY, "search.py": search}.items():
        (tmp_path / "kin_of_mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "kin_of_mine" / name).write_text(text)
    found = source_code(find("strategies", "kin_of_mine.search:search"))
    for name in [name for name in sys.modules if name.startswith("kin_of_mine")]:
        monkeypatch.delitem(sys.modules, name)
    whole = {"kin_of_mine.search", "kin_of_mine.deep.part", "kin_of_mine.leaf"}
    packages = {"kin_of_mine", "kin_of_mine.deep", ""}  # empty, or nothing bound
    assert whole <= found.keys() <= whole | packages


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
def test_without_source_the_digest_is_that_of_the_byte_code(module: str, change: str) -> None:
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
    assert source_code(print) and digest_source(print)
