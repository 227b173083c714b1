"""The pages in docs/: the reference has every public name, and the code of the guide runs."""

import re
from pathlib import Path

import sparseattack

DOCS = Path(__file__).parents[1] / "docs"


def test_the_reference_has_every_public_name_once() -> None:
    pages = "\n".join(path.read_text(encoding="utf-8") for path in sorted((DOCS / "reference").glob("*.md")))
    assert sorted(re.findall(r"^::: sparseattack\.(\w+)$", pages, re.MULTILINE)) == sorted(
        sparseattack.__all__
    )


def test_every_page_is_in_the_navigation() -> None:
    navigation = (DOCS / "site" / "mkdocs.yml").read_text(encoding="utf-8")
    for path in DOCS.rglob("*.md"):
        assert f": {path.relative_to(DOCS).as_posix()}\n" in navigation, path
