"""The page of a study: its numbers against plain loops, its escapes, its bytes, and what it refuses."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from command_line import Run
from pages import HOSTILE, SMALL, hostile_study

from sparseattack import InputError, compare
from sparseattack.cli.study.tables import differences
from sparseattack.report.figures.collection import figures
from sparseattack.report.page.cells import class_table, lowest_p, order_of, pair_table
from sparseattack.report.page.document import html
from sparseattack.report.page.file import check_page
from sparseattack.report.page.fragility import fragility
from sparseattack.report.page.gallery import FAILURES, SUCCESSES, cards, shown_runs
from sparseattack.report.page.thumbnails import thumbnails
from sparseattack.report.page.wording import asked, classes_of, kept_meaning, resistance_text, verdicts
from sparseattack.report.results import Results, results
from sparseattack.report.side_by_side import of_study
from sparseattack.report.statistics.comparisons import Comparison, comparisons
from sparseattack.report.summary import Pair, unfinished
from sparseattack.report.tables import sections
from sparseattack.study.store import Study


class Elements(HTMLParser):
    """The names of all elements, their attributes, and the text outside scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names, self.attributes, self.text = list[str](), dict[str, list[str]](), ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")

    def handle_data(self, data: str) -> None:
        self.text += data if self.names[-1:] != ["script"] else ""


@pytest.fixture
def path(small_path: Path, small_results: Results) -> Path:
    return small_path


@pytest.fixture
def found(small_results: Results) -> Results:
    return small_results


def test_an_image_is_fooled_where_any_run_is(found: Results) -> None:
    fragile = fragility(found)
    assert [level.k for level in fragile.resistances] == [1, 2]
    for level in fragile.resistances:
        hit = {one.image for one in found.records if one.k == level.k and one.success}
        every = {one.image for one in found.records if one.k == level.k}
        assert (level.attacked, level.fooled, level.lacking) == (len(every), len(hit), 0)
        assert level.kept.value == pytest.approx(1 - len(hit) / len(every))
        assert level.kept.low <= (level.kept.value or 0) < level.kept.high
        best = max((line for line in found.lines if line.method.k == level.k), key=lambda line: line.success)
        assert (level.strongest, level.rate, level.is_known) == ((best.method,), best.success, True)
    assert not fragile.is_accuracy  # the labels are the oracle's predictions


def test_robust_accuracy_is_of_all_images(tmp_path: Path) -> None:
    found = compare(replace(SMALL, true_class="label", images="digits[0:60]", seeds=(0,)), tmp_path / "a")
    (request,), fragile = found.requests, fragility(found)
    assert request.correct == fragile.correct == found.subject.attacked and fragile.is_accuracy
    for level in fragile.resistances:
        hit = {one.image for one in found.records if one.k == level.k and one.success}
        assert level.kept.value == pytest.approx((request.correct - len(hit)) / 60)
    assert fragile.clean and fragile.clean.value == request.correct / 60


@pytest.mark.parametrize("ends", [(60, 30), (30, 60)])
def test_a_study_that_grew_has_the_accuracies_of_all_its_images(
    ends: tuple[int, int], tmp_path: Path
) -> None:
    labelled = replace(SMALL, true_class="label", pixels=(2,), seeds=(0,))
    whole = fragility(compare(replace(labelled, images="digits[0:60]"), tmp_path / "whole.study"))
    for end in ends:
        compare(replace(labelled, images=f"digits[0:{end}]"), tmp_path / "a.study")
    with Study.read(tmp_path / "a.study") as study:
        found = results(study)
    grown, wrong = fragility(found), 60 - whole.correct
    assert whole.clean and wrong and grown == whole
    assert found.subject.left_out == wrong and found.subject.eligible == whole.correct
    text = Elements(found.to_html()).text
    assert f"{whole.correct} of 60 images attacked; the oracle misclassifies {wrong} clean images." in text


def test_selections_of_which_each_lacks_images_are_known_together(tmp_path: Path) -> None:
    labelled = replace(SMALL, true_class="label", pixels=(2,), seeds=(0,))
    known = list[int]()
    for images in ("digits[0:20]", "digits[20:40]", "digits[10:30]"):
        compare(replace(labelled, images=images), tmp_path / "a.study")
        with Study.read(tmp_path / "a.study") as study:
            found = results(study)
        known.append(fragility(found).images)
        assert (found.subject.left_out is None) == (images != "digits[0:20]")
    assert known == [20, 40, 0]  # of the last selection each image is one of another


def test_classes_and_pictures_are_those_of_the_runs(found: Results) -> None:
    fragile = fragility(found)
    for line in fragile.classes:
        mine = [one for one in found.records if one.label == line.number]
        assert line.images == len({one.image for one in mine})
        assert line.attacked == (line.images, line.images)
        for k, count in zip((1, 2), line.fooled, strict=True):
            assert count == len({one.image for one in mine if one.k == k and one.success})
        if line.taken:
            pairs = {(one.image, one.after_class) for one in mine if one.success}
            counts = [sum(after == each for _, after in pairs) for each in range(10)]
            assert line.taken == max(counts)
            assert set(line.taken_for) == {name for name, count in enumerate(counts) if count == line.taken}
    hits = {one.number: one for one in fragile.fragile}
    assert set(hits) == {one.image for one in found.records if one.success}
    for number, one in hits.items():
        mine = [run for run in found.records if run.image == number and run.k == one.k]
        costs = [run.first_fooled for run in mine if run.success]
        assert (one.queries, one.hits, one.runs) == (min(costs), len(costs), len(mine))
        assert not any(run.success for run in found.records if run.image == number and run.k < one.k)


def test_a_gallery_shows_the_edits_that_are_stored(found: Results) -> None:
    runs = shown_runs(found)
    pictures, problems = thumbnails(found, [run.image for run in runs])
    shown = list(cards(found, runs, pictures, {number: f"image-{number}" for number in pictures}))
    assert problems == [] and 0 < len(shown) <= SUCCESSES + FAILURES
    assert {card.success for card in shown} == {True, False}
    for card, run in zip(shown, runs, strict=True):
        (record,) = (
            one for one in found.records
            if found.method_of(one) == run.method and (one.image, one.seed) == (run.image, run.seed)
        )  # fmt: skip
        assert (record.success, record.pixels) == (card.success, len(card.pixels))
        assert {pixel.y * 8 + pixel.x for pixel in card.pixels} <= set(record.positions)


def test_the_page_holds_the_numbers_once_and_asks_for_nothing(small_page: str, found: Results) -> None:
    page = small_page
    (numbers,) = re.findall(r'<script type="application/json" id="numbers">(.*?)</script>', page)
    assert json.loads(numbers) == json.loads(found.to_json())
    elements = Elements(page)
    links = [
        value
        for name in ("src", "href", "action", "srcset", "poster", "data", "xlink:href")
        for value in elements.attributes.get(name, ())
    ]
    assert links and all(value.startswith(("#", "data:")) for value in links)
    assert {"link", "iframe", "object", "form"} & set(elements.names) <= {"link"}
    assert "@import" not in page and not re.search(r"url\((?!#)", page)
    ids = elements.attributes["id"]
    assert len(ids) == len(set(ids)) and all(link[1:] in ids for link in links if link.startswith("#"))
    assert len(page) < 500_000


def test_the_same_study_has_the_same_bytes_in_another_process(
    small_page: str, path: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "sparseattack.cli", "report", str(path), "--html", "page.html"]
    environment = os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "a page for any browser is in page.html" in done.stderr and "ASR" in done.stdout
    assert (tmp_path / "page.html").read_text("utf-8") == small_page


def test_names_from_users_are_text(tmp_path: Path) -> None:
    found = hostile_study(tmp_path)
    text = html({"<u>one": found, "two": of_study("</style><em>", found)})
    elements, safe = Elements(text), Elements(html({"one": found, "two": found}))
    assert sorted(set(elements.names)) == sorted(set(safe.names))
    assert not {"img", "b", "i", "u"} & set(elements.names) and elements.names.count("script") == 2
    assert not {name for name in elements.attributes if name.startswith("on")}
    assert HOSTILE.replace("/", "\u2215") in elements.text and "</style><em>: label-1" in elements.text
    assert "\x1b" not in text and "\u202e" not in text and "\\u001b[31m" in elements.text
    numbers = re.findall(r'id="numbers">(.*?)</script>', text)
    assert "<" not in numbers[0] and set(json.loads(numbers[0])["studies"]) == {"<u>one", "two"}


def test_what_is_missing_has_bounds(path: Path, found: Results, tmp_path: Path) -> None:
    other = tmp_path / "b.study"
    other.write_bytes(path.read_bytes())
    lost = [one for one in found.records if one.strategy == "sparse-rs" and one.k == 1 and one.seed == 1]
    with Study.create(other) as study:
        for one in lost:
            study.connection.execute("DELETE FROM run WHERE key = ?", (one.key,))
        rest = results(study)
    first, second = fragility(rest).resistances
    hit = {one.image for one in rest.records if one.k == 1 and one.success}
    assert (first.kept.value, first.lacking) == (None, len({one.image for one in lost} - hit))
    assert first.kept.high == pytest.approx(1 - len(hit) / first.attacked)
    assert first.kept.low == pytest.approx(0) and second.lacking == 0 and second.kept.value is not None
    text = rest.to_html()
    assert (
        "1 condition of 4 lacks runs, and its success rates are known only between bounds"
        in Elements(text).text
    )
    assert "Unfinished: attack success rate so far unknown" in text
    assert "fooled so far, k = 1" in text and "fooled, k = 2" in text


def test_a_study_without_a_run_has_a_page(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "b.study"
    other.write_bytes(path.read_bytes())
    with Study.create(other) as study:
        study.connection.execute("DELETE FROM run")
        text = Elements(results(study).to_html()).text
    assert "0 of 112 runs done" in text and "No run is finished: there is nothing to show." in text
    assert "class -1" not in text  # the classes of images are known from their runs


def test_a_pipe_that_is_closed_loses_no_file(path: Path, tmp_path: Path) -> None:
    page, figures = tmp_path / "page.html", tmp_path / "figures"
    written = ["--html", str(page), "--plots", str(figures)]
    command = [sys.executable, "-m", "sparseattack.cli", "report", str(path), *written]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
        assert running.stdout
        running.stdout.close()
    assert page.exists() and len(list(figures.glob("*.svg"))) > 5


def test_of_searches_for_the_fewest_pixels_the_fewest_come_first(tmp_path: Path) -> None:
    found = compare(replace(SMALL, stop="fewest", encodings=("corners",), pixels=(4,)), tmp_path / "a.study")
    fragile = fragility(found).fragile
    for one in fragile:
        hits = [run for run in found.records if run.image == one.number and run.success]
        assert one.pixels == min(run.pixels for run in hits)
        least = [run.first_fooled for run in hits if run.pixels == one.pixels]
        assert (one.queries, one.hits) == (min(least), len(least))
    sizes = [one.pixels for one in fragile]
    assert sizes == sorted(sizes) and len(set(sizes)) > 1
    shown = [run for run in shown_runs(found) if run.success]
    assert [run.size for run in shown] == sorted(run.size for run in shown)
    text = Elements(found.to_html()).text
    assert "first fooled after" in text and "here with its fewest pixels" in text


def test_towards_every_class_the_strongest_is_the_one_that_reaches_any(tmp_path: Path) -> None:
    found = compare(
        replace(SMALL, target="all", images="digits[0:6]", pixels=(2,), seeds=(0,)), tmp_path / "a"
    )
    assert sections(found.subject, found.lines, [])[0].title.endswith(
        "(share of the targets of attacked images)"
    )
    curve, *_ = figures(found)
    assert re.search(r" reach(es)? \d.* % of the targets of 6 images within 6 queries", curve.sentence)
    assert curve.caption.startswith("Share of the targets of the attacked images (6, with up to 9 runs")
    assert all(" succeeds in " in one.in_words() for one in comparisons(found))
    (level,) = fragility(found).resistances
    best = max(line.any_target or 0 for line in found.lines)
    assert best > max(line.success for line in found.lines) and level.rate == best
    assert set(level.strongest) == {line.method for line in found.lines if line.any_target == best}


def test_towards_every_class_nobody_is_known_to_be_the_strongest_before_the_end(tmp_path: Path) -> None:
    found = compare(
        replace(SMALL, target="all", images="digits[0:6]", pixels=(2,), seeds=(0,)), tmp_path / "a"
    )
    rest, method = found.lines[1:], found.lines[0].method
    bounds = unfinished(method, found.columns[method].at(slice(0, 2)), found.planned[method])
    assert bounds
    (level,) = fragility(replace(found, lines=rest, unfinished=[replace(bounds, most=0.0)])).resistances
    assert not level.is_known and method not in level.strongest


def test_sizes_that_a_smaller_budget_does_not_know_are_the_most(tmp_path: Path) -> None:
    fewest = replace(SMALL, stop="fewest", encodings=("corners",), pixels=(4,), seeds=(0,))
    for budget in (30, 60):
        compare(replace(fewest, strategies=("random(popsize=5)",), budget=budget), tmp_path / "a.study")
    with Study.read(tmp_path / "a.study") as study:
        found = results(study, chosen="budget=30")
    (runs,) = found.columns.values()
    assert (runs.pixels[runs.success] == -1).any()
    assert {one.pixels for one in fragility(found).fragile} <= {1, 2, 3, 4}
    (line,) = found.lines
    failing = replace(line, median_queries=None)
    for shown, said in ((line, "-"), (failing, ">4")):  # where more than half fail, so does the middle one
        costs = sections(found.subject, [shown], [])[-1]
        assert costs.rows[shown.method][costs.headings.index("median\npixels")] == said
    assert line.median_queries is not None
    maps = {figure.kind: figure.caption for figure in figures(found)}
    count = int((runs.success & (runs.pixels == -1)).sum())
    for kind in ("classes", "places", "size"):
        assert f"edits are not known: {count} of random(popsize=5)" in maps[kind]


def test_the_strongest_is_one_of_those_on_the_same_images(tmp_path: Path) -> None:
    """Of the first fourteen images few are fooled within 2 queries, of the first two both within 60."""
    some = replace(SMALL, strategies=("random(popsize=5)",), pixels=(2,), seeds=(0,))
    for count, budget, fitness in ((14, 2, "margin"), (14, 2, "probability"), (2, 60, "margin")):
        chosen = replace(some, images=f"digits[0:{count}]", budget=budget, fitness=fitness)
        compare(chosen, tmp_path / "a.study")
    with Study.read(tmp_path / "a.study") as study:
        found = results(study)
    (level,) = fragility(found).resistances
    short = [line for line in found.lines if line.method.budget == 2]
    best = max(line.success for line in short)
    assert max(line.success for line in found.lines) > best == level.rate <= level.fooled / level.attacked
    assert set(level.strongest) == {line.method for line in short if line.success == best}
    text = resistance_text(level)
    assert "Strongest by itself, of those that attack all these images: random(popsize=5)/corners/" in text
    assert "/margin (budget 2)" in text or "/probability (budget 2)" in text


def test_each_number_of_pixels_has_images_of_its_own(tmp_path: Path) -> None:
    labelled = replace(SMALL, true_class="label", images="digits[0:60]", seeds=(0,))
    compare(replace(labelled, pixels=(1,)), tmp_path / "a.study")
    compare(replace(labelled, pixels=(2,), num_images=1), tmp_path / "a.study")
    with Study.read(tmp_path / "a.study") as study:
        found = results(study)
    fragile = fragility(found)
    first, second = fragile.resistances
    assert (first.attacked, second.attacked) == (fragile.correct, 1) and fragile.correct > 1
    assert [sum(line.attacked[place] for line in fragile.classes) for place in (0, 1)] == [fragile.correct, 1]
    table = class_table(fragile, classes_of(found))
    assert table and {row[3].text for row in table.rows} <= {"-", "0 of 1 (0.0 %)", "1 of 1 (100.0 %)"}
    assert [row[3].text for row in table.rows].count("-") == len(table.rows) - 1
    assert fragile.sampled == [2] and "With k = 2, not all correctly classified" in kept_meaning(
        fragile, found
    )


def test_of_copies_of_an_image_one_counts(tmp_path: Path) -> None:
    """Two of six images are there twice: the accuracies are of six."""
    pixels = np.random.default_rng(3).integers(256, size=(6, 8, 8, 3), dtype=np.uint8)
    chosen = replace(SMALL, oracle="linear(classes=4,inputs=192)", images=str(tmp_path / "a.npz"), seeds=(0,))
    np.savez(chosen.images, images=pixels)
    seen = compare(chosen).images
    labels = [seen[number].predicted for number in range(6)]
    twice = [*range(6), 0, 1]
    np.savez(chosen.images, images=pixels[twice], labels=np.array(labels)[twice])
    found = compare(replace(chosen, true_class="label"))
    fragile = fragility(found)
    assert (fragile.correct, fragile.images, fragile.sampled) == (6, 6, [])
    assert all(one.kept.value == pytest.approx((6 - one.fooled) / 6) for one in fragile.resistances)


def test_where_every_image_is_misclassified_nothing_is_left(run: Run, tmp_path: Path) -> None:
    """No run is missing, both accuracies are zero; the page is written though there is nothing to plot."""
    pixels = np.random.default_rng(3).integers(256, size=(6, 8, 8, 3), dtype=np.uint8)
    chosen = replace(SMALL, oracle="linear(classes=4,inputs=192)", images=str(tmp_path / "a.npz"), seeds=(0,))
    np.savez(chosen.images, images=pixels)
    seen = compare(chosen).images
    wrong = np.array([(seen[number].predicted + 1) % 4 for number in range(6)])
    np.savez(chosen.images, images=pixels, labels=wrong)
    path, page = tmp_path / "a.study", tmp_path / "page.html"
    fragile = fragility(compare(replace(chosen, true_class="label"), path))
    assert fragile.clean and {one.kept for one in fragile.resistances} == {fragile.clean}
    answer = run("report", str(path), "--html", str(page), "--plots", str(tmp_path / "figures"))
    assert answer.code == 2 and "there is nothing to draw" in answer.err
    text = Elements(page.read_text("utf-8")).text
    assert "Robust accuracy, 1 pixel" in text and "0.0 %95 % interval" in text
    assert "runs are missing" not in text and "No run is planned." in text


def test_where_no_image_can_be_attacked_no_run_is_missing(tmp_path: Path) -> None:
    """Every image is predicted as the target already; there is no accuracy to speak of."""
    one = replace(SMALL, images="digits[0:1]", pixels=(2,), seeds=(0,))
    predicted = compare(one).images[0].predicted
    text = Elements(compare(replace(one, target=str(predicted)), tmp_path / "a.study").to_html()).text
    assert "0.0 to 100.0 %no image was attacked" in text


def test_bounds_are_as_exact_as_other_rates(path: Path, found: Results, tmp_path: Path) -> None:
    other = tmp_path / "b.study"
    other.write_bytes(path.read_bytes())
    last = max(one.image for one in found.records)
    with Study.create(other) as study:
        for one in found.records:
            if one.k == 1 and (one.image == last or one.seed):
                study.connection.execute("DELETE FROM run WHERE key = ?", (one.key,))
        rest = results(study)
    (level, _) = fragility(rest).resistances
    assert level.kept.value is None and 0 < level.kept.high < 1
    said = f"{100 * level.kept.low:.1f} to {100 * level.kept.high:.1f} %bounds, as runs are missing"
    assert said in Elements(rest.to_html()).text


def test_classes_of_an_unfinished_study_count_images_with_a_run(
    path: Path, found: Results, tmp_path: Path
) -> None:
    other = tmp_path / "b.study"
    other.write_bytes(path.read_bytes())
    with Study.create(other) as study:
        for one in found.records:
            if one.image > 3 or one.k == 2:
                study.connection.execute("DELETE FROM run WHERE key = ?", (one.key,))
        rest = results(study)
    fragile = fragility(rest)
    assert sum(line.images for line in fragile.classes) == 4
    assert {line.number for line in fragile.classes} == {one.label for one in found.records if one.image < 4}
    table = class_table(fragile, classes_of(rest))
    assert table and table.headings[1].text == "images with a run"
    assert all(row[3].text == "-" for row in table.rows)  # k = 2, without a run
    assert f"{len(rest.records)} of 112 planned runs are finished." in Elements(rest.to_html()).text


def test_a_run_is_finished_and_runs_are(tmp_path: Path) -> None:
    one = replace(SMALL, strategies=("sparse-rs",), images="digits[0:1]", pixels=(2,), seeds=(0,))
    text = Elements(compare(one, tmp_path / "a.study").to_html()).text
    assert "1 of 1 planned run is finished." in text


def test_misclassified_images_are_in_no_part_of_the_first_screen(tmp_path: Path) -> None:
    chosen = replace(SMALL, true_class="label", target="all", images="digits[0:20]", pixels=(2,), seeds=(0,))
    found = compare(replace(chosen, budget=20), tmp_path / "a.study")
    wrong = {number for number, image in found.images.items() if image.predicted != image.label}
    assert wrong & {one.image for one in found.records if one.success}
    fragile = fragility(found)
    (level,) = fragile.resistances
    assert len(fragile.fragile) == level.fooled == sum(line.fooled[0] for line in fragile.classes)
    assert not wrong & {one.number for one in fragile.fragile}
    for line in fragile.classes:
        mine = [one for one in found.records if one.label == line.number and one.image not in wrong]
        assert line.taken <= len({one.image for one in mine if one.success})


def test_a_run_under_two_budgets_is_one_run(tmp_path: Path) -> None:
    chosen = replace(SMALL, strategies=("random(popsize=5)",), pixels=(2,), seeds=(0,))
    compare(chosen, tmp_path / "a.study")
    compare(replace(chosen, images="digits[0:5]", budget=30), tmp_path / "a.study")
    with Study.read(tmp_path / "a.study") as study:
        found = results(study)
        rows = study.records()
    assert sum(map(len, found.columns.values())) == 19 and len(rows) == 14
    assert found.finished == found.subject.runs == 14
    successes = sum(one.success for one in rows)
    (classes,) = (figure for figure in figures(found) if figure.kind == "classes")
    assert f" of {successes} successful runs" in classes.sentence
    shown = shown_runs(found)
    assert len({(run.image, run.seed) for run in shown}) == len(shown)
    text = Elements(found.to_html()).text
    assert "14 of 14 planned runs are finished" in text
    assert f"of {successes} successes and {14 - successes} of {14 - successes} failures" in text


def test_only_the_seeds_that_are_shown_are_named(path: Path) -> None:
    with Study.read(path) as study:
        assert "seeds 0 and 1)" in asked(results(study))
        assert "seed 1)" in asked(results(study, chosen="seed=1"))


@pytest.mark.parametrize("stop", ["budget", "confidence:0.5"])
def test_the_query_of_a_success_is_not_that_of_its_best_edit(stop: str, tmp_path: Path) -> None:
    chosen = replace(SMALL, strategies=("random(popsize=5)",), pixels=(2,), seeds=(0,), stop=stop, budget=30)
    text = Elements(compare(chosen, tmp_path / "a.study").to_html()).text
    assert re.search(r"seed 0: first fooled after \d+ quer\w+, here with its best edit\.", text)
    assert not re.search("seed 0: after", text)


def test_every_condition_with_a_success_has_a_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the last of four that fool the same two images."""
    four = tuple(f"random(popsize={size})" for size in (2, 3, 4, 5))
    chosen = replace(SMALL, strategies=four, images="digits[0:2]", pixels=(2,), seeds=(0, 1), budget=90)
    found = compare(chosen, tmp_path / "a.study")
    fooled = {(found.method_of(one), one.image) for one in found.records if one.success}
    assert {method for method, _ in fooled} == {*found.methods}
    shown = [run for run in shown_runs(found) if run.success]
    assert {(run.method, run.image) for run in shown} == fooled and len(shown) == len(fooled) > 4
    assert "of every condition with a success those of fewest pixels" in Elements(found.to_html()).text
    monkeypatch.setattr("sparseattack.report.page.gallery.SUCCESSES", 3)
    assert len({run.method for run in shown_runs(found) if run.success}) == 3
    assert ": of 3 of 4 conditions with a success those of fewest pixels" in Elements(found.to_html()).text


def test_cards_name_the_budget_where_budgets_differ(tmp_path: Path) -> None:
    chosen = replace(SMALL, strategies=("random(popsize=5)",), images="digits[0:4]", pixels=(2,), seeds=(0,))
    assert "random(popsize=5)/corners, k = 2, seed 0" in Elements(compare(chosen).to_html()).text
    for budget, images in ((30, "digits[0:4]"), (60, "digits[4:8]")):
        compare(replace(chosen, budget=budget, images=images), tmp_path / "a.study")
    with Study.read(tmp_path / "a.study") as study:
        text = Elements(results(study).to_html()).text
    assert all(f"random(popsize=5)/corners, k = 2, budget {one}, seed 0" in text for one in (30, 60))


def test_a_class_that_is_a_number_is_apart_from_its_confidence(small_page: str) -> None:
    lines = re.findall('<p class="result">(.*?)</p>', small_page)
    assert lines and all(re.match(r"(class )?\d, \d+\.\d % &rarr; ", line) for line in lines)


def test_a_failure_says_how_many_queries_it_had(found: Results) -> None:
    runs = [run for run in shown_runs(found) if not run.success]
    early = [replace(one, queries=3, repeats=0, flat=0, shown=3, error="e") for one in found.records]
    pictures, _ = thumbnails(found, [run.image for run in runs])
    shown = cards(replace(found, records=early), runs, pictures, dict.fromkeys(pictures, "image"))
    assert {card.cost for card in shown} == {"in 3 queries"}


def test_strategies_that_are_as_strong_are_all_named(found: Results) -> None:
    first, second, *_ = (line for line in found.lines if line.method.k == 2)
    rest = [line for line in found.lines if line.method.k != 2]
    names = [f"{line.method.name}/{line.method.encoding}" for line in (first, second)]
    for rate, said in ((0.5, f"Strongest by itself: {' and '.join(names)}, 50.0 % each."), (0.0, "a run.")):
        same = [replace(line, success=rate) for line in (first, second)]
        level = fragility(replace(found, lines=[*rest, *same])).resistances[-1]
        assert resistance_text(level).endswith(said) and len(level.strongest) == 2 * bool(rate)


def test_images_that_were_moved_are_missed_in_a_sentence(tmp_path: Path) -> None:
    found = hostile_study(tmp_path)
    (folder,) = (one for one in tmp_path.iterdir() if one.is_dir())
    folder.rename(tmp_path / "elsewhere")
    text = found.to_html()
    assert "cannot be read here, so none of them is shown: there are no images" in Elements(text).text
    assert "<symbol" not in text and 'class="card"' not in text and "Robust" not in text


def test_images_that_changed_are_not_shown(tmp_path: Path) -> None:
    found = hostile_study(tmp_path)
    (folder,) = (one for one in tmp_path.iterdir() if one.is_dir())
    first, *others = sorted(folder.rglob("*.png"))
    for one in others:
        one.write_bytes(first.read_bytes())
    shown = {found.images[run.image].id for run in shown_runs(found)}
    pictures, problems = thumbnails(found, [run.image for run in shown_runs(found)])
    assert {found.images[number].id for number in pictures} == shown & {str(first.relative_to(folder))}
    assert len(problems) == 1 and "the colours are others now than in the study" in problems[0]


@pytest.mark.parametrize(
    ("text", "order"),
    [(">1,000", "Infinity"), ("1,234", "1234"), ("19.6 %", "19.6"), ("-", ""), ("5 of 12", "5")],
)
def test_texts_are_sorted_by_their_numbers(text: str, order: str) -> None:
    assert order_of(text) == order


def test_nothing_but_a_page_is_replaced(path: Path, run: Run, tmp_path: Path) -> None:
    before = path.read_bytes()
    answer = run("report", str(path), "--html", str(path))
    assert answer.code == 2 and "is there already and is no page" in answer.err and answer.out == ""
    assert path.read_bytes() == before
    with pytest.raises(InputError, match="there is no folder"):
        check_page(tmp_path / "none" / "page.html")
    (tmp_path / "page.html").write_text("<!DOCTYPE html>\n")
    check_page(tmp_path / "page.html")


def test_without_jinja_there_is_one_sentence(
    path: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    answer = run("report", str(path), "--html", str(tmp_path / "page.html"))
    assert answer.code == 2 and answer.out == "" and 'pip install "sparseattack[report]"' in answer.err
    assert not (tmp_path / "page.html").exists()


def test_a_part_of_a_study_has_a_page(path: Path, run: Run, tmp_path: Path) -> None:
    answer = run("report", str(path), "--only", "sparse-rs,k=2", "--html", str(tmp_path / "page.html"))
    text = Elements((tmp_path / "page.html").read_text("utf-8")).text
    assert answer.code == 0 and "random(popsize=5)/corners" not in text and "sparse-rs/corners" in text


def test_of_very_many_verdicts_the_widest_are_told(found: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    (one, _), names = comparisons(found), [f"strategy{number}" for number in range(12)]

    def ahead(first: str, second: str) -> Comparison:
        methods = (replace(one.first, label=name) for name in (first, second))
        mark = one.marks[-1]._replace(only_first=9, only_second=0, adjusted=0.001)
        return replace(one, first=next(methods), second=next(methods), marks=(mark,))

    every = [ahead(*pair) for pair in combinations(names, 2)]
    told, more = verdicts(every)
    assert more == [] and len(told) == 11
    assert told[0].startswith("strategy0/corners, k = ") and told[0].endswith(" than 11 of 11 others.")
    assert told[-1].endswith(" than strategy11/corners.")
    monkeypatch.setattr("sparseattack.report.page.wording.MOST_VERDICTS", 4)
    assert verdicts([*every, one])[0] == [*told[:4], "1 of 67 pairs: not significant at 5 %."]
    assert verdicts(every) == (told[:4], told[4:])


def test_conditions_are_named_with_all_that_differs(found: Results) -> None:
    one = comparisons(found)[0]
    mark = one.marks[-1]._replace(only_first=9, only_second=0, adjusted=0.001)
    first, second = one.first, replace(one.second, fitness="cross-entropy")
    fitness = replace(one, first=first, second=second, marks=(mark,))
    shown = pair_table([fitness], [first, second])
    assert shown and shown.rows[0][1].text == f"{second.name}/corners/cross-entropy"
    name = f"{first.name}/corners/margin, k = {first.k}"
    (said,) = verdicts([fitness]).told
    assert said.startswith(f"{name} ") and said.endswith(f" {second.name}/corners/cross-entropy.")
    second = replace(second, fitness="margin")
    larger = [replace(method, budget=60) for method in (first, second)]
    every = (first, second, *larger)
    pairs = [Pair(first, second, 0, 9, 0.01), Pair(larger[0], larger[1], 0, 9, 0.01)]
    both = replace(found, subject=replace(found.subject, methods=every), pairs=pairs)
    sentences = differences(both, {method: method.name for method in every})
    assert [sentence.partition(": ")[0] for sentence in sentences] == [
        f"k = {first.k}, budget 6",
        f"k = {first.k}, budget 60",
    ]


def test_of_very_many_pairs_the_surest_are_shown(found: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = comparisons(found)
    assert len(compared) == 2
    monkeypatch.setattr("sparseattack.report.page.cells.MOST_PAIRS", 1)
    shown = pair_table(compared, found.methods)
    assert shown and len(shown.rows) == 1 and "The surest 1 of 2 pairs" in shown.note
    column = [heading.text for heading in shown.headings].index("lowest p, adjusted")
    assert shown.rows[0][column].order == repr(min(map(lowest_p, compared)))
