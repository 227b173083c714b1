"""The code behind a plugin."""

import sys
from functools import partial
from pathlib import Path

import pytest

from sparseattack.plugins.registry import find
from sparseattack.plugins.spec import undecorated
from sparseattack.provenance import code, digest_source


def test_what_a_strategy_imports_from_beside_it_belongs_to_it() -> None:
    names = {name.rpartition(".")[2] for name in code(find("strategies", "de"))}
    assert {"de", "draws"} <= names and "cmaes" not in names


def test_settings_and_decorators_change_no_source() -> None:
    cmaes = find("strategies", "cmaes")
    assert digest_source(partial(cmaes, sigma=0.1)) == digest_source(cmaes)
    assert undecorated(partial(cmaes, sigma=0.1)).__name__ == "cmaes"


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
    found = code(find("strategies", "kin_of_mine.search:search"))
    for name in [name for name in sys.modules if name.startswith("kin_of_mine")]:
        monkeypatch.delitem(sys.modules, name)
    whole = {"kin_of_mine.search", "kin_of_mine.deep.part", "kin_of_mine.leaf"}
    packages = {"kin_of_mine", "kin_of_mine.deep", ""}  # empty, or nothing bound
    assert whole <= found.keys() <= whole | packages
