"""Figures of a small study: what they say, their numbers, and their files."""

import builtins
import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import ceil, inf
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import records
from PIL import Image

from sparseattack import Experiment, InputError, compare
from sparseattack.report.figures.by_image import difference_figure, scatter_figure
from sparseattack.report.figures.collection import figures, write_figures
from sparseattack.report.figures.course import margin_figure
from sparseattack.report.figures.figure import ReportFigure
from sparseattack.report.figures.heat_maps import HeatMap, _most_frequent, _places, draw_maps
from sparseattack.report.figures.panels import Series, panels_of
from sparseattack.report.figures.style import LineStyle, panels, percent_scale
from sparseattack.report.figures.success import success_figure
from sparseattack.report.page.pairs import pair_data
from sparseattack.report.results import Results, results
from sparseattack.report.summary import unfinished
from sparseattack.study.columns import Columns, Courses, Ragged
from sparseattack.study.facts import Method
from sparseattack.study.record import Record
from sparseattack.study.store import Study

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


def named(shown: list[ReportFigure], name: str) -> ReportFigure:
    return next(figure for figure in shown if figure.name == name)


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


def test_runs_under_several_budgets_are_one_curve_unless_the_search_depends_on_them(tmp_path: Path) -> None:
    """Twenty images with 6 queries, of which ten have 40: the product of what is left, step by step."""
    many = replace(EXPERIMENT, images="digits[0:20]", pixels=(1,), seeds=(0,), budget=6)
    compare(many, tmp_path / "a.study")
    compare(replace(many, images="digits[0:10]", budget=40), tmp_path / "a.study")
    with Study.read(tmp_path / "a.study") as study:
        both = results(study)
    figure = named(figures(both), "success-k1")
    budgets = {(row["strategy"], row["budget"]) for row in table(figure)}
    name = "random(popsize=5)"
    assert budgets == {(name, "6+40"), ("sparse-rs", "6"), ("sparse-rs", "40")}
    runs: dict[int, Record] = {}
    for one in both.records:
        if one.strategy == name and (one.image not in runs or one.budget > runs[one.image].budget):
            runs[one.image] = one
    assert len(runs) == 20 and sorted({one.budget for one in runs.values()}) == [6, 40]
    held, left = {0: 1.0}, 1.0
    for queries in sorted({one.cost for one in runs.values()}):
        at_risk = sum(one.cost >= queries for one in runs.values())
        left *= 1 - sum(one.success and one.cost == queries for one in runs.values()) / at_risk
        held[queries] = left
    for row in table(figure):
        if row["strategy"] == name:
            last = max(queries for queries in held if queries <= int(row["queries"]))
            assert float(row["success"]) == pytest.approx(1 - held[last], abs=1e-6)
    assert (
        "budgets of 6 and 40 queries, each censored at its own; 10 of 20 images have more" in figure.caption
    )
    assert "The search of sparse-rs depends on the budget" in figure.caption


def test_conditions_of_several_budgets_have_names_of_their_own_and_are_ranked_at_the_smaller_one(
    found: Results, tmp_path: Path
) -> None:
    for budget in (10, 40):
        compare(replace(EXPERIMENT, budget=budget, pixels=(2,), seeds=(0,)), tmp_path / "a.study")
    with Study.read(tmp_path / "a.study") as study:
        both = results(study)
    shown = figures(both)
    names = {"random(popsize=5), budget 40", "sparse-rs, budget 10", "sparse-rs, budget 40"}
    for kind in ("margin", "profile"):
        assert {row["strategy"] for row in table(named(shown, f"{kind}-k2"))} == names
    lead = table(named(shown, "difference-k2"))
    assert {row[column] for row in lead for column in ("strategy", "less")} == names
    margin = named(shown, "margin-k2")
    ends = {row["strategy"]: float(row["median"]) for row in table(margin) if row["queries"] == "10"}
    best = [name for name in ends if ends[name] == min(ends.values())]
    assert set(ends) == names and margin.sentence.startswith("After 10 queries")
    assert [name for name in names if name in margin.sentence] == [name for name in names if name in best]
    success = named(shown, "success-k2").sentence
    assert "within 10 queries" in success and "an estimated" not in success
    (panel,) = panels_of(both)
    fewer = replace(panel.series[0], planned=panel.series[0].planned * 0 + (np.arange(12) < 9))
    apart = replace(panel, series=(fewer, *panel.series[1:]))
    for figure in (success_figure(apart), margin_figure(apart, both.courses)):
        assert figure and "rank nobody" in figure.sentence and "the most" not in figure.sentence


def test_those_that_fool_as_many_are_all_named(found: Results) -> None:
    panel = panels_of(found)[0]
    first = panel.series[0]
    same = replace(first, name="same", method=replace(first.method, key="other"))
    sentence = success_figure(replace(panel, series=(first, same))).sentence
    assert f"{first.name} and same each fool " in sentence and ";" not in sentence


def test_every_kind_is_there_for_each_number_of_pixels(shown: list[ReportFigure]) -> None:
    kinds = ["success", "difference", "scatter", "profile", "margin", "classes", "places"]
    wanted = {f"{kind}-k{k}" for kind in kinds for k in (1, 2)} | {"size", "time"}
    assert {figure.name for figure in shown} == wanted
    assert all(figure.name.startswith(figure.kind) for figure in shown)


def test_a_difference_is_that_of_two_curves(found: Results, shown: list[ReportFigure]) -> None:
    rates = {line.method: line.success for line in found.lines}
    for k in (1, 2):
        rows = table(named(shown, f"difference-k{k}"))
        by_name = {method.name: rate for method, rate in rates.items() if method.k == k}
        end = rows[-1]
        assert int(end["queries"]) == 40
        assert float(end["difference"]) == pytest.approx(
            by_name[end["strategy"]] - by_name[end["less"]], abs=1e-6
        )
        assert all(float(row["low"]) <= float(row["difference"]) <= float(row["high"]) for row in rows)


def test_where_no_image_differs_the_band_of_a_difference_has_a_width(found: Results) -> None:
    panel = next(panel for panel in panels_of(found) if panel.k == 1)
    once = [replace(one, runs=one.runs.at(one.runs.seed == 0)) for one in panel.series]
    for first, second in (panel.series, once):
        for other in (second, replace(first, name="same")):
            figure = difference_figure(replace(panel, series=(first, other)))
            assert figure and all(float(row["low"]) < float(row["high"]) for row in table(figure))


def test_a_dot_is_the_lower_median_of_an_images_runs(found: Results, shown: list[ReportFigure]) -> None:
    rows = table(named(shown, "scatter-k2"))
    by_hand: dict[tuple[str, int], list[float]] = {}
    for record in found.records:
        if record.k == 2:
            cost = record.first_fooled if record.success else inf
            by_hand.setdefault((record.strategy, record.image), []).append(cost)
    assert len(rows) == 12
    for row in rows:
        for which in ("first", "second"):
            lower = min(by_hand[row[which], int(row["image"])])  # of two seeds
            assert row[f"queries_{which}"] == ("" if lower == inf else str(lower))


def test_where_every_class_is_a_target_figures_speak_of_targets_and_each_has_a_dot() -> None:
    some = compare(replace(EXPERIMENT, images="digits[0:2]", pixels=(2,), target="all"))
    told = figures(some)
    scatter, profile, difference = (
        named(told, f"{kind}-k2") for kind in ("scatter", "profile", "difference")
    )
    assert len(scatter.rows) == 18 and scatter.sentence.startswith("Of 18 targets, ")
    for row in table(scatter):
        for end in ("first", "second"):
            costs = sorted(
                one.first_fooled if one.success else inf
                for one in some.records
                if str(one.image) == row["image"] and str(one.target) == row["target"]
                if one.strategy == row[end]
            )
            assert float(row[f"queries_{end}"] or inf) == costs[0] and len(costs) == 2  # the lower median
    assert any(row["queries_first"] for row in table(scatter))
    assert (
        "of the targets of 2 images" in profile.sentence and "targets of 2 images reached" in profile.caption
    )
    assert " reaches, of the targets, " in difference.sentence and "fools" not in difference.title
    assert profile.paint().axes[0].get_ylabel() == "targets reached"
    (data,) = pair_data(_with_a_third(some)).values()
    assert json.loads(data)["case"] == "target" and json.loads(data)["of"] == 18


def _with_a_third(some: Results) -> Results:
    """The same with the first condition once more, under another name."""
    first = some.methods[0]
    third = replace(first, label="third")
    return replace(
        some,
        subject=replace(some.subject, methods=(*some.methods, third)),
        columns=some.columns | {third: some.columns[first]},
        planned=some.planned | {third: some.planned[first]},
    )


def test_where_nothing_is_fooled_nobody_is_the_fastest() -> None:
    found = compare(replace(EXPERIMENT, oracle="digits-forest", true_class="label", pixels=(1,), budget=2))
    shown = {figure.kind: figure for figure in figures(found)}
    assert not any(line.success for line in found.lines)
    assert shown["profile"].sentence == "None of them fools any of 12 images within 2 queries."


def test_unequal_budgets_and_images_are_said_and_compared_up_to_the_smaller(found: Results) -> None:
    """What the smaller budget cuts off is nobody's success; only images that both attack count."""
    panel = next(panel for panel in panels_of(found) if panel.k == 1)
    first, second = panel.whole[:2]
    budget = first.method.budget
    longer = replace(second, method=replace(second.method, budget=9 * budget))
    late = replace(second.runs, budget=0 * second.runs.budget + 9 * budget)
    late = replace(late, first_fooled=0 * late.first_fooled + 5 * budget, verified=late.verified | True)
    figure = scatter_figure(panel, first, replace(longer, runs=late.at(late.image != late.image[0])))
    assert figure and f"{second.name} on 0;" in figure.sentence
    assert figure.sentence.endswith(f"both fail within {budget:,} queries.")
    fewer = replace(second, runs=second.runs.at(second.runs.image != second.runs.image[0]))
    shown = difference_figure(replace(panel, series=(first, fewer)))
    assert shown and f"on the images ({first.images - 1}) that both attack" in shown.caption


def test_a_profile_by_hand(found: Results, shown: list[ReportFigure]) -> None:
    costs: dict[tuple[int, int], dict[str, float]] = {}
    for one in found.records:
        if one.k == 1:
            costs.setdefault((one.image, one.seed), {})[one.strategy] = (
                one.first_fooled if one.success else inf
            )
    for row in table(named(shown, "profile-k1")):
        each = [
            case[row["strategy"]] / min(case.values()) for case in costs.values() if min(case.values()) < inf
        ]
        solved = sum(ratio <= float(row["factor"]) + 1e-6 for ratio in each)
        assert float(row["share"]) == pytest.approx(solved / len(costs), abs=1e-6)


def test_the_margin_is_the_median_of_the_best_so_far(found: Results, shown: list[ReportFigure]) -> None:
    for row in table(named(shown, "margin-k2")):
        queries, values = int(row["queries"]), []
        for one in found.records:
            if one.k == 2 and one.strategy == row["strategy"]:
                values.append(min((value for query, value in one.trace if query <= queries), default=inf))
        lower, middle = (sorted(values)[ceil(len(values) * share) - 1] for share in (0.25, 0.5))
        for name, value in (("lower_quartile", lower), ("median", middle)):
            assert row[name] == "" if value == inf else float(row[name]) == pytest.approx(value, abs=1e-6)


def test_maps_count_every_success_and_every_changed_pixel(found: Results, shown: list[ReportFigure]) -> None:
    for k in (1, 2):
        wins = [one for one in found.records if one.k == k and one.success]
        classes, places = (table(named(shown, f"{kind}-k{k}")) for kind in ("classes", "places"))
        assert sum(int(row["successes"]) for row in classes) == len(wins)
        moves = Counter((one.strategy, str(one.label), str(one.after_class)) for one in wins)
        names = found.requests[0].classes
        known = Counter(
            {(row["strategy"], row["before"], row["after"]): int(row["successes"]) for row in classes}
        )
        numbers = {name: str(number) for number, name in enumerate(names) if name}
        told = {(who, numbers.get(a, a), numbers.get(b, b)): count for (who, a, b), count in known.items()}
        assert moves == told
        cells: Counter[tuple[str, int, int]] = Counter()
        for one in wins:
            if len(set(one.positions)) <= one.pixels:
                cells.update((one.strategy, place // 8, place % 8) for place in set(one.positions))
        held = {(row["strategy"], int(row["row"]), int(row["column"])): int(row["pixels"]) for row in places}
        assert held == cells


def test_a_map_has_the_colours_of_its_bar_on_a_page_of_any_colour() -> None:
    figure = draw_maps([HeatMap("a", np.array([[0, 1], [2, 9]]))], ["b", "c"], ("after", "before"), "runs")
    (cells,) = figure.axes[0].images
    colours = cells.to_rgba(np.ma.asarray(cells.get_array()))
    assert (colours[..., 3] == 1).all()  # nothing of the page is seen
    assert colours[0, 0].min() > 0.95  # 0 is white, as in the bar


@pytest.mark.parametrize("highest", [0.004, 0.014, 0.042, 0.25, 1.0])
def test_every_label_of_a_percent_axis_differs_and_is_its_place(highest: float) -> None:
    figure, (axes,) = panels(1)
    axes.plot([0, 1], [0, highest])
    percent_scale(axes)
    figure.draw_without_rendering()
    told = [text.get_text() for text in axes.get_yticklabels()]
    places = [float(each.removesuffix(" %")) / 100 for each in told]
    assert len(set(told)) == len(told) > 2 and places == pytest.approx(axes.get_yticks().tolist())


def test_the_most_frequent_change_says_of_how_many_images() -> None:
    names, labels = ["a", "b", "c"], np.array([0, 0, 2])
    runs = [records.record(0, 5, seed=seed, after_class=1) for seed in (0, 1)] + [
        records.record(1, 5, after_class=2)
    ]
    said = _most_frequent(Columns.of(runs), labels, names)
    assert said == "The most frequent change is a into b, in 2 of 3 successful runs, on 1 image."
    runs += [records.record(2, 5, after_class=0), records.record(1, 5, seed=1, after_class=2)]
    said = _most_frequent(Columns.of(runs), labels, names)
    assert said == "The most frequent changes are a into b and a into c, each in 2 of 5 successful runs."


@pytest.mark.parametrize(
    ("counts", "pixels", "cells"),
    [
        ("pixels", (2, 1, 2), {5: 1, 9: 1, 3: 1, 4: 1}),
        ("coordinates", (3, 1, 3), {5: 2, 9: 1}),  # of the last edit 3 or 4 may stay as it was
        ("coordinates", (3, 1, 4), {5: 2, 9: 1, 3: 1, 4: 1}),
    ],
)
def test_an_edit_of_which_a_pixel_may_stay_is_left_out(
    counts: Literal["pixels", "coordinates"], pixels: Sequence[int], cells: dict[int, int]
) -> None:
    """Of an edit with all slots on one pixel, as the second, this pixel changes."""
    edits = ([5, 5, 9], [5, 5, 5], [3, 3, 3, 4])
    runs = Columns.of([records.record(0, 7, seed=seed, pixels=many) for seed, many in enumerate(pixels)])
    ends, values = np.cumsum([0, *map(len, edits)]), np.concatenate(edits).astype(float)
    ragged = Ragged(ends, values)
    shown = Series(replace(records.method(), counts=counts), "de", LineStyle.of(0), runs, np.array([3]), None)
    grid, doubtful = _places(shown, Courses(ragged, ragged), {0: (4, 4)}, (4, 4))
    expected = Counter(cells) + Counter({5: 1} if counts == "pixels" else {})
    assert {place: count for place, count in enumerate(grid.ravel().tolist()) if count} == expected
    assert doubtful == (expected[3] == 0)


def test_sizes_and_times_are_those_of_the_runs(found: Results, shown: list[ReportFigure]) -> None:
    times = {(row["strategy"], row["condition"]): row for row in table(named(shown, "time"))}
    for line in found.lines:
        row = times[line.method.name, f"k = {line.method.k}"]
        assert line.oracle_seconds is not None
        assert float(row["oracle_microseconds"]) == pytest.approx(
            1e6 * line.oracle_seconds / line.queries, abs=1e-3
        )
    for row in table(named(shown, "size")):
        wins = [
            one for one in found.records
            if one.success and one.strategy == row["strategy"] and row["condition"] == f"k = {one.k}"
        ]  # fmt: skip
        assert float(row["l2_50"]) == pytest.approx(np.median([one.l2 for one in wins]), abs=1e-6)
        assert float(row["mean_pixels"]) == pytest.approx(np.mean([one.pixels for one in wins]), abs=1e-6)


def test_unfinished_conditions_have_bounds_and_are_in_no_comparison(found: Results) -> None:
    method = next(method for method in found.methods if method.k == 1)
    runs = found.columns[method].at(slice(0, 9))
    bounds = unfinished(method, runs, found.planned[method])
    assert bounds
    lacking = replace(
        found,
        columns=found.columns | {method: runs},
        lines=[line for line in found.lines if line.method != method],
        unfinished=[bounds],
        pairs=[pair for pair in found.pairs if method not in (pair.first, pair.second)],
    )
    shown = {figure.name: figure for figure in figures(lacking)}
    assert not {"difference-k1", "scatter-k1", "profile-k1"} & set(shown) and "difference-k2" in shown
    (*_, end) = (row for row in table(shown["success-k1"]) if row["strategy"] == method.name)
    assert end["finished"] == "no" and "not finished" in shown["success-k1"].caption
    assert "Wilson" in shown["success-k1"].caption
    assert (float(end["low"]), float(end["high"])) == pytest.approx((bounds.least, bounds.most), abs=1e-6)
    ends = {name: shown[name] for name in ("success-k1", "time", "classes-k1", "places-k1", "size")}
    for figure in ends.values():
        lines = {row["strategy"]: row["finished"] for row in table(figure) if "k = 2" not in row.values()}
        assert lines[method.name] == "no" and set(lines.values()) == {"yes", "no"}
        name = re.escape(method.name)
        assert re.search(f"[Nn]ot finished: {name}|{name}: not finished", figure.caption)
        assert "(unfinished)" in figure.svg()
    assert f"Not shown, as they are not finished: {method.name}." in shown["margin-k1"].caption
    whole = {row["strategy"]: float(row["strategy_microseconds"]) for row in table(ends["time"])}
    assert "(unfinished)" not in ends["time"].sentence and len(whole) > 1


def test_files_are_the_same_every_time_and_none_is_blank(found: Results, tmp_path: Path) -> None:
    one = replace(found, subject=replace(found.subject, methods=found.methods[-1:]))
    files = one.to_plots(tmp_path / "a")
    assert Counter(path.suffix for path in files) == dict.fromkeys((".svg", ".pdf", ".png", ".csv"), 6)
    for path in (path for path in files if path.suffix == ".png"):
        with Image.open(path) as picture:
            assert len(picture.convert("RGB").getcolors(2**20) or ()) > 20
    for figure in figures(one)[::2]:
        assert (tmp_path / "a" / f"{figure.name}.pdf").read_bytes() == figure.pdf()
        assert (tmp_path / "a" / f"{figure.name}.svg").read_text("utf-8") == figure.svg()


def test_an_svg_is_well_formed_escaped_and_has_the_colour_of_its_page(found: Results) -> None:
    identifiers: list[str] = []
    for figure in figures(relabelled(found, NASTY)):
        if figure.name.endswith("k2") or figure.kind in {"profile", "margin", "places"}:
            continue
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


def test_long_names_of_classes_are_whole_in_the_table_and_cut_in_the_drawing(found: Results) -> None:
    classes = tuple(f"a class with a long name, {number}" for number in range(10))
    request = replace(found.requests[0], classes=classes)
    named = replace(found, subject=replace(found.subject, requests=(request,)))
    figure = next(one for one in figures(named) if one.kind == "classes")
    assert {row["before"] for row in table(figure)} <= set(classes)
    assert classes[0] not in figure.svg() and "a class with …" in figure.svg()
    assert " is a class with a long name, " in figure.sentence
