"""Figures show the data of the finished studies."""

import json
import re
import sys
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from PIL import Image
from small_reproduction import finish, small

from sparseattack.data.load import load_images
from sparseattack.errors import InputError
from sparseattack.reproduction.figures import (
    classes_reached,
    figures_of,
    heat_map,
    success_by_pixels,
    success_by_queries,
)
from sparseattack.reproduction.gallery import gallery_figure
from sparseattack.reproduction.metrics import class_pairs, histogram, success_rate
from sparseattack.reproduction.one_pixel import Reproduction
from sparseattack.reproduction.page import page, write_reproduction
from sparseattack.reproduction.paper import ORIGINAL_PAIRS
from sparseattack.reproduction.render import draw, publish
from sparseattack.reproduction.studies import FinishedStudy, PlannedStudy

TARGETED, UNTARGETED = "targeted", "untargeted"
Studies = dict[tuple[str, int, str], FinishedStudy]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Reproduction:
    return finish(small(tmp_path_factory.mktemp("figures"), pixels=(3,)))


@pytest.fixture(scope="module")
def found(done: Reproduction) -> Studies:
    def key(planned: PlannedStudy) -> tuple[str, int, str]:
        return planned.mode, planned.pixels, planned.strategy

    return {key(planned): study for planned, study in done.finished().items()}


def planned(done: Reproduction, mode: str, pixels: int) -> PlannedStudy:
    wanted = (mode, pixels, "")
    return next(one for one in done.finished() if (one.mode, one.pixels, one.strategy) == wanted)


def points(line: Line2D) -> tuple[list[float], list[float]]:
    across, up = (np.asarray(data, float).tolist() for data in line.get_data())
    return across, up


def numbers(figure: Figure, panel: int) -> list[int]:
    return [int(text.get_text()) for text in figure.axes[panel].texts]


def test_a_heat_map_counts_the_successes_beside_the_papers(found: Studies) -> None:
    study = found[UNTARGETED, 3, ""]
    figure = heat_map(study, ORIGINAL_PAIRS["nin"])
    assert len(figure.axes) == 3 and figure.axes[2].get_ylabel() == "successes"  # the colour bar
    first, second = (figure.axes[panel].images[0].get_clim() for panel in (0, 1))
    assert first == second
    assert numbers(figure, 0) == [count for row in class_pairs(study.records) for count in row if count]
    assert sum(numbers(figure, 0)) == 6 and sum(numbers(figure, 1)) == 129
    assert "6 successes in 6 runs" in figure.axes[0].get_title()
    assert len(heat_map(study, None).axes) == 2


def test_bars_are_the_shares_of_the_images(found: Studies) -> None:
    study = found[TARGETED, 1, ""]
    figure = classes_reached({"mine": study}, {"theirs": (0.25, 0.75)})
    heights = [bar.get_height() for bar in figure.axes[0].patches if isinstance(bar, Rectangle)]
    assert heights == pytest.approx([*histogram(study.records), 0.25, 0.75])


def test_success_success_by_pixels_has_a_point_each(found: Studies) -> None:
    by_pixels = {k: found[UNTARGETED, k, ""] for k in (1, 3)}
    (axes,) = success_by_pixels({"mine": by_pixels}, {}).axes
    places, rates = points(axes.lines[0])
    assert places == [1, 3]
    assert rates == [success_rate(study.records).value for study in by_pixels.values()]


def test_success_success_by_queries_ends_at_the_rate(found: Studies) -> None:
    study = found[UNTARGETED, 1, "exhaustive"]
    (axes,) = success_by_queries({"mine": {"exhaustive": study}}).axes
    queries, shares = map(np.array, points(axes.lines[0]))
    assert shares[-1] == success_rate(study.records).value and queries[-1] == study.experiment.budget
    first = min(record.first_fooled for record in study.records if record.success)
    assert shares[queries < first].max(initial=0) == 0 and shares[queries == first][-1] > 0


def test_every_bar_and_every_line_is_drawn_however_many(found: Studies) -> None:
    names = [f"network {number}" for number in range(9)]
    (axes,) = classes_reached(dict.fromkeys(names, found[TARGETED, 1, ""]), {}).axes
    assert len([bar for bar in axes.patches if isinstance(bar, Rectangle)]) == 9 * 10
    searches = dict.fromkeys(names, found[UNTARGETED, 1, "random"])
    assert len(success_by_queries({"mine": searches}).axes[0].lines) == 9


def test_a_gallery_shows_the_changed_pixels(done: Reproduction, found: Studies) -> None:
    study = found[UNTARGETED, 3, ""]
    shown = gallery_figure(planned(done, UNTARGETED, 3), study)
    assert shown
    figure = shown.paint()
    images, record = load_images(study.experiment.images), study.records[0]
    drawn = np.round(np.asarray(figure.axes[0].images[0].get_array()) * 255).astype(int)
    before = images.pixels[record.image].permute(1, 2, 0).numpy().astype(int)
    changed = np.flatnonzero((drawn != before).any(2))
    assert set(changed) <= set(record.positions) and len(changed) == record.pixels
    assert f"{100 * record.after_confidence:.0f} %" in figure.axes[0].get_title()
    rings = [points(ring) for ring in figure.axes[0].lines]
    assert all(([position % 8], [position // 8]) in rings for position in record.positions)


def test_there_is_no_gallery_without_its_images(done: Reproduction, found: Studies, tmp_path: Path) -> None:
    study = found[UNTARGETED, 3, ""]
    for images in ("nothing.npz", "digits"):
        asked = replace(study.request, experiment=replace(study.experiment, images=images))
        assert gallery_figure(planned(done, UNTARGETED, 3), replace(study, request=asked)) is None


def test_all_figures_are_written_and_none_is_blank(done: Reproduction) -> None:
    (paths,) = draw(done).values()
    kinds = {path.split("/")[1].split("-")[0] for path in paths}
    assert kinds == {"pairs", "classes", "pixels", "queries", "gallery"} and len(set(paths)) == len(paths)
    for path in paths:
        with Image.open(done.folder / path) as picture:
            assert len(picture.convert("RGB").getcolors(2**20) or ()) > 20
        for ending in (".svg", ".pdf", ".csv"):
            assert (done.folder / path).with_suffix(ending).stat().st_size > 0


def test_the_page_has_every_cell_every_figure_and_the_commands(done: Reproduction) -> None:
    filled = publish(done)
    text = write_reproduction(done, filled).read_text("utf-8")
    (one,) = filled
    assert text == page(done, filled) and text.startswith("<!DOCTYPE html>")
    for cell in one.cells:
        assert cell.row in unescape(text)
    names = [figure.name for figure in figures_of(one.table, done.finished())]
    assert [f'<figure id="table-8-{name}">' in text for name in names] == [True] * len(names)
    assert text.count("sparseattack compare --strategies") >= 1 and "Robust accuracy" not in text
    (numbers,) = re.findall(r'<script type="application/json" id="numbers">(.*?)</script>', text)
    assert json.loads(numbers)["tables"][0]["cells"] == [cell.to_dict() for cell in one.cells]


def test_the_page_says_how_to_repeat_it_and_with_what_it_was_made(done: Reproduction) -> None:
    command = "sparseattack reproduce one-pixel --images 6 --budget 800"
    text = unescape(page(done, publish(done), command))
    assert f"<code>{command}\n" in text
    (environment,) = {each for one in done.finished().values() for each in one.found.environments}
    made = next(iter(done.finished().values())).found.environments[environment]
    for name, version in made.versions.items():
        assert f"{name} {version}" in text
    assert f"Made by sparseattack {made.versions['sparseattack']} (" in text and made.processor in text
    for one in done.finished().values():
        assert one.found.question.oracle in text and one.request.images in text
    assert text.count("Digest of the oracle: ") == 1 == text.count("Machine: ")


def test_without_matplotlib_the_error_names_the_command_to_install_it(
    done: Reproduction, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [
        name for name in sys.modules if name.startswith(("matplotlib", "sparseattack.reproduction"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r'figures need matplotlib.*: pip install "sparseattack\[figures\]"'):
        draw(done)
