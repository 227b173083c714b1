"""Figures of a small study: what they say, their numbers, and their files."""

import builtins
import csv
import io
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sparseattack import Experiment, InputError, compare
from sparseattack.report.figures.collection import figures, write_figures
from sparseattack.report.figures.figure import ReportFigure
from sparseattack.report.results import Results
from sparseattack.study.facts import Method

NASTY = '<script>$x_1$\x1b[31m & "a" _'
EXPERIMENT = Experiment(
    strategies=("random(popsize=5)", "sparse-rs"),
    oracle="linear(classes=10,inputs=64)",
    images="digits[0:12]",
    true_class="prediction",
    pixels=(1, 2),
    seeds=(0, 1),
    budget=40,
)


@pytest.fixture(scope="module")
def found() -> Results:
    return compare(EXPERIMENT)


@pytest.fixture(scope="module")
def shown(found: Results) -> list[ReportFigure]:
    return figures(found)


def relabelled(found: Results, label: str) -> Results:
    """The same with another label of the first strategy, such as a file may hold."""

    def named(method: Method) -> Method:
        return replace(method, label=label) if method.strategy == found.methods[0].strategy else method

    return replace(
        found,
        subject=replace(found.subject, methods=tuple(map(named, found.methods))),
        lines=[replace(line, method=named(line.method)) for line in found.lines],
        pairs=[pair._replace(first=named(pair.first), second=named(pair.second)) for pair in found.pairs],
        columns={named(method): runs for method, runs in found.columns.items()},
        planned={named(method): runs for method, runs in found.planned.items()},
    )


def table(figure: ReportFigure) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(figure.csv())))


def test_names_are_plain_and_differ_and_everything_is_said(shown: list[ReportFigure]) -> None:
    names = [figure.name for figure in shown]
    assert len(set(names)) == len(names) and all(
        set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for name in names
    )
    for figure in shown:
        assert figure.title and figure.sentence.endswith(".") and figure.caption.endswith(".")
        assert figure.rows and {len(row) for row in figure.rows} == {len(figure.columns)}


def test_a_success_curve_ends_at_the_rate_of_the_table(found: Results, shown: list[ReportFigure]) -> None:
    for figure in (one for one in shown if one.kind == "success"):
        ends = {row["strategy"]: row for row in table(figure)}
        lines = [line for line in found.lines if f"success-k{line.method.k}" == figure.name]
        assert len(lines) == len(ends) == 2
        for line in lines:
            end = ends[line.method.name]
            assert int(end["queries"]) == 40 and end["finished"] == "yes"
            assert float(end["success"]) == pytest.approx(line.success, abs=1e-6)
            assert float(end["low"]) == pytest.approx(line.low, abs=1e-6)


def test_the_same_study_has_the_same_bytes(found: Results, tmp_path: Path) -> None:
    first, second = (write_figures(found, tmp_path / name) for name in "ab")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert {path.suffix for path in first} == {".svg", ".pdf", ".png", ".csv"}
    for path in (path for path in first if path.suffix == ".png"):
        with Image.open(path) as picture:
            assert len(picture.convert("RGB").getcolors(2**20) or ()) > 20


def test_an_svg_is_well_formed_escaped_and_has_the_colour_of_its_page(found: Results) -> None:
    identifiers: list[str] = []
    for figure in figures(relabelled(found, NASTY)):
        text = figure.svg()
        root = ET.fromstring(text)
        assert root.get("role") == "img" and root.get("aria-label") and "currentColor" in text
        assert "<script" not in text and "\x1b" not in text
        if figure.kind == "success":
            assert any("<script>$x_1$ [31m" in (part.text or "") for part in root.iter())
        identifiers += [part.get("id") or "" for part in root.iter() if part.get("id")]
    assert len(set(identifiers)) == len(identifiers)


def test_without_matplotlib_the_error_names_the_command(
    found: Results, tmp_path: Path, monkeypatch: Any
) -> None:
    def refuse(name: str, *others: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(name=name)
        return real(name, *others)

    real = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(InputError, match=r"figures need matplotlib.*: pip install .*\[figures\]"):
        write_figures(found, tmp_path)
