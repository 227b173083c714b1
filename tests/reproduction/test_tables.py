"""The studies of each table, their experiments, and the options of a reproduction."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sparseattack.errors import InputError
from sparseattack.reproduction import paper
from sparseattack.reproduction.one_pixel import NETWORKS, one_pixel, targeted_images
from sparseattack.reproduction.studies import Options, PlannedStudy
from sparseattack.reproduction.tables import make_table, table_names

OPTIONS = Options("sample")


def asked(options: Options = OPTIONS, **chosen: Any) -> list[PlannedStudy]:
    return one_pixel(options, "folder", **chosen).planned


def test_tables_share_their_runs() -> None:
    shared = asked(tables="4,6,7", networks=["nin"])
    assert [part.strategy for part in shared] == ["", "random"]
    assert set(asked(tables="4", networks=["nin"])) == set(asked(tables="6", networks=["nin"]))


def test_table_8_is_run_as_the_paper_did_and_more_beside() -> None:
    parts = asked(networks=["nin"], pixels=(1, 3, 5), strategies=("random", "exhaustive"))
    untargeted = {(part.pixels, part.strategy) for part in parts if not part.targeted}
    assert untargeted == {(1, ""), (3, ""), (5, ""), (1, "random"), (1, "exhaustive")}
    assert [(part.pixels, part.strategy) for part in parts if part.targeted] == [(1, "")]
    assert not parts[0].targeted and parts[-1].targeted  # quick ones first


def test_the_defaults_are_the_papers() -> None:
    plain, targeted = (
        PlannedStudy("original-cifar10", mode, network="nin").experiment(OPTIONS) for mode in (False, True)
    )
    assert (plain.num_images, targeted.num_images) == (500, 300)
    assert plain.budget == targeted.budget == 40_400 and plain.stop == "success"
    kaggle = PlannedStudy("kaggle-like", True, network="nin").experiment(OPTIONS)
    assert (kaggle.num_images, kaggle.stop, kaggle.true_class) == (500, "confidence:0.9", "prediction")
    assert PlannedStudy("kaggle-like", True, network="nin").num_runs(OPTIONS) == 4500
    photographs = PlannedStudy("imagenet", False, network="nin").experiment(
        replace(OPTIONS, photographs="a.npz")
    )
    assert (photographs.num_images, photographs.stop, photographs.images) == (105, "confidence:0.95", "a.npz")


def test_everything_is_tried_whatever_the_budget() -> None:
    planned = asked(
        replace(OPTIONS, budget=100), networks=["nin"], strategies=("random", "exhaustive(popsize=8)")
    )
    chosen = {each.strategy: each.experiment(replace(OPTIONS, budget=100)) for each in planned}
    corners, random = chosen["exhaustive(popsize=8)"], chosen["random"]
    assert (corners.budget, corners.encodings) == (8 * 32 * 32, ("corners",))
    assert (random.budget, random.encodings) == (100, ("rgb",))


def test_table_5_has_the_papers_pixels_and_networks() -> None:
    parts = asked(tables="5", networks=[*NETWORKS, "allconv-small"])
    assert {part.network: part.pixels for part in parts} == {"allconv": 3, "nin": 5, "allconv-small": 3}


@pytest.mark.parametrize("name", ["6", "8", "imagenet"])
def test_beside_the_papers_evaluations_stand_queries_to_first_success(name: str) -> None:
    told = [row.name for row in make_table(name, ["nin"]).rows("nin")]
    assert {paper.EVALUATIONS, paper.MEDIAN, paper.MEAN} <= {*told} and len(set(told)) == len(told)


def test_tables_without_a_network_are_left_out() -> None:
    made = one_pixel(OPTIONS, "folder", tables="4,5", networks=["vgg16"])
    assert [each.name for each in made.tables] == ["4"]
    with pytest.raises(InputError, match="in the paper's table 5 there is no vgg16"):
        asked(tables="5", networks=["vgg16"])
    with pytest.raises(InputError, match="at least 1 pixel changes, not -3"):
        asked(pixels=(1, -3))


def test_no_images_are_no_runs() -> None:
    assert {part.targeted for part in asked(replace(OPTIONS, targeted=0))} == {False}
    assert {part.targeted for part in asked(replace(OPTIONS, untargeted=0, targeted=1))} == {True}


def test_a_study_is_found_again_by_what_was_chosen() -> None:
    part = PlannedStudy("original-cifar10", False, network="nin(weights=a/b.safetensors)")
    path = part.path(OPTIONS, Path("x"))
    assert path == part.path(replace(OPTIONS, device="cuda"), Path("x")) and path.parent == Path("x")
    assert path.name.startswith("original-cifar10-nin-weights-a-b.safetensors-untargeted-k1-de-")
    others = [
        replace(OPTIONS, **change)
        for change in ({"seed": 1}, {"budget": 9}, {"untargeted": 2}, {"images": "b"})
    ]
    names = [part.path(each, Path("x")).name for each in others]
    assert names[:3] == [path.name] * 3 and names[3] != path.name
    assert part.path(replace(OPTIONS, targeted=1), Path("x")) == path  # of which it has none


def test_paper_columns_go_by_the_networks_name() -> None:
    cells = make_table("8", ["nin(weights=x)", "allconv-small"]).cells({})
    printed = {cell.network: cell.paper for cell in cells if cell.row == paper.UNTARGETED}
    assert printed["nin(weights=x)"] and printed["nin(weights=x)"].value == pytest.approx(0.352)
    assert printed["allconv-small"] is None and all(cell.ours is None for cell in cells)
    photographed = make_table("imagenet", ["efficientnet-lite0"]).cells({})
    (alexnet,) = (cell.paper for cell in photographed if cell.row == paper.UNTARGETED)
    assert alexnet and alexnet.value == pytest.approx(0.1604)


def test_names_of_tables() -> None:
    assert table_names("8, 4,8") == ["8", "4"] and table_names("all") == ["4", "5", "6", "7", "8", "imagenet"]
    with pytest.raises(InputError, match="no table '9', only 4, 5, 6, 7, 8, imagenet and all"):
        table_names("9")
    with pytest.raises(InputError, match="the table imagenet needs photographs"):
        asked(tables="imagenet")
    assert "imagenet" not in {part.protocol for part in asked(tables="all")}
    with pytest.raises(InputError, match="no network is named"):
        asked(networks=[])


def test_targeted_images_make_about_as_many_runs() -> None:
    assert [targeted_images(count) for count in (None, 0, 1, 20, 500)] == [None, 0, 1, 2, 55]
    completed = one_pixel(replace(OPTIONS, untargeted=20), "folder").options
    assert completed.targeted == 2
    assert one_pixel(replace(OPTIONS, untargeted=20, targeted=7), "folder").options.targeted == 7


def test_the_test_set_is_attacked_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARSEATTACK_DATA", str(tmp_path))
    assert one_pixel(Options(), "folder").options.images == "sample"
    np.savez(tmp_path / "cifar10_test.npz", images=np.zeros((2, 32, 32, 3), np.uint8), labels=[0, 1])
    assert one_pixel(Options(), "folder").options.images == "cifar10:test"
