"""The pages in docs/: the reference has every public name, and the code of the guide runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sparseattack
from sparseattack.experiment.file import FIELDS, FURTHER, OWN_KEYS, read_experiment
from sparseattack.plugins.catalogue import entries
from sparseattack.report.columns import RUN_COLUMNS, TABLE_COLUMNS
from sparseattack.study.tables import SCHEMA, TABLES

DOCS = Path(__file__).parents[1] / "docs"
SECTIONS = re.split(r"^## ", (DOCS / "guide.md").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
BLOCK = re.compile(r"^```(python|sh)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_reference_has_every_public_name_once() -> None:
    pages = "\n".join(path.read_text(encoding="utf-8") for path in sorted((DOCS / "reference").glob("*.md")))
    assert sorted(re.findall(r"^::: sparseattack\.(\w+)$", pages, re.MULTILINE)) == sorted(
        sparseattack.__all__
    )


def test_every_page_is_in_the_navigation() -> None:
    navigation = (DOCS / "site" / "mkdocs.yml").read_text(encoding="utf-8")
    for path in DOCS.rglob("*.md"):
        assert f": {path.relative_to(DOCS).as_posix()}\n" in navigation, path


def test_the_page_of_strategies_says_what_each_sees() -> None:
    page = (DOCS / "strategies.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line[:2] == "| "
    ]
    seen = {row[0]: set(row[2].split(", ")) for row in rows if len(row) == 4 and row[0] != "strategy"}
    uses = {entry.name: entry.uses for entry in entries("strategies")}  # of absent libraries, too
    assert seen == {name: {"values", *(found or ())} for name, found in uses.items()}


def test_the_comparison_file_of_the_page_is_one(tmp_path: Path) -> None:
    page = (DOCS / "comparison-file.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "a.toml").write_text(text, encoding="utf-8")
    held = read_experiment(tmp_path / "a.toml")
    assert [one.budget for one in held.experiment.configurations] == [400, 300, 8192]
    assert all(f"`{key}`" in page for key in (*FIELDS, *OWN_KEYS, *FURTHER))


def test_the_format_of_a_study_is_described_as_it_is() -> None:
    page = (DOCS / "study-format.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line[:2] == "| "
    ]
    tables = {name: columns for name, columns in (row for row in rows if len(row) == 2)}
    for name, columns in TABLES.items():
        assert tables[f"`{name}`"] == ", ".join(f"`{column}`" for column in columns)
    written = [row for row in rows if len(row) == 5 and row[0] != "column"]
    assert written == [[f"`{one[0]}`", *one[1:]] for one in (*RUN_COLUMNS, *TABLE_COLUMNS)]
    assert f"schema {SCHEMA}" in page


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.partition("\n")[0])
def test_the_blocks_of_the_guide_run(section: str, tmp_path: Path) -> None:
    """In order, in one folder; a block with a file's name is that file."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(tmp_path)}
    for language, name, code in BLOCK.findall(section):
        if name:
            (tmp_path / name).write_text(code, encoding="utf-8")
        else:
            command = ["bash", "-euo", "pipefail", "-c"] if language == "sh" else [sys.executable, "-c"]
            subprocess.run([*command, code], cwd=tmp_path, env=environment, check=True)
