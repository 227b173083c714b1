"""Selections of images."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparseattack import InputError, load_images
from sparseattack.data.selection import parse_selection
from sparseattack.errors import number_of

totals = st.integers(1, 2000)


@given(totals, st.data())
def test_a_slice_is_pythons_slice(total: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, total - 1))
    stop = data.draw(st.integers(start + 1, total))
    everything = list(range(total))
    assert parse_selection(f"[{start}:{stop}]")(total).tolist() == everything[start:stop]
    assert parse_selection(f"[{start}:]")(total).tolist() == everything[start:]
    assert parse_selection(f"[:{stop}]")(total).tolist() == everything[:stop]
    assert parse_selection(f"[{start}]")(total).tolist() == [start]
    assert parse_selection("[:]")(total).tolist() == parse_selection("")(total).tolist() == everything


@given(totals, st.integers(0, 9), st.data())
def test_a_sample_is_distinct_ascending_and_repeatable(total: int, seed: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, total))
    chosen = parse_selection(f"[random:{count}:{seed}]")(total).tolist()
    assert len(set(chosen)) == count
    assert chosen == sorted(chosen)
    assert set(chosen) <= set(range(total))
    assert chosen == parse_selection(f"[random:{count}:{seed}]")(total).tolist()
    fewer = data.draw(st.integers(1, count))
    assert set(parse_selection(f"[random:{fewer}:{seed}]")(total).tolist()) <= set(chosen)


def test_seeds_choose_differently() -> None:
    chosen = {tuple(parse_selection(f"[random:5:{seed}]")(1000).tolist()) for seed in range(10)}
    assert len(chosen) == 10
    assert parse_selection("[random:5]")(1000).tolist() == parse_selection("[random:5:0]")(1000).tolist()


@given(totals, st.integers(0, 4000), st.integers(0, 4000))
def test_what_does_not_fit_is_refused(total: int, start: int, stop: int) -> None:
    fits = start < stop <= total
    if fits:
        assert len(parse_selection(f"[{start}:{stop}]")(total)) == stop - start
    else:
        with pytest.raises(InputError, match=f"of {number_of(total, 'image')}"):
            parse_selection(f"[{start}:{stop}]")(total)
    if stop > total or stop == 0:
        with pytest.raises(InputError, match=f"of {number_of(total, 'image')}"):
            parse_selection(f"[random:{stop}]")(total)


@pytest.mark.parametrize("text", ["[]", "[a]", "[-1]", "[0:5:2]", "[random]", "[random:x]", "[1,,2]", "0:5"])
def test_an_invalid_selection_is_refused_with_valid_ones(text: str) -> None:
    with pytest.raises(InputError, match=r"only \[START:STOP\]"):
        parse_selection(text)


def test_numbers_and_names_are_selected_in_order_of_the_images(tmp_path: Path) -> None:
    listed = tmp_path / "chosen.txt"
    listed.write_text("\ufeff# chosen\nb.png  # the second\n\n3\n0\n", encoding="utf-8")
    ids = ["a.png", "b.png", "c.png", "d.png"]
    assert parse_selection(f"[in:{listed}]")(4, ids).tolist() == [0, 1, 3]
    assert parse_selection("[3, 0]")(4).tolist() == [0, 3]
    assert load_images("sample[3,17]").ids == ("cifar10-test-3", "cifar10-test-17")
    listed.write_text("cifar10-test-9\n4", encoding="utf-8")
    assert load_images(f"sample[in:{listed}]").ids == ("cifar10-test-4", "cifar10-test-9")


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("b.pgn", r"selects 'b.pgn' of 3 images: .* 0 to 2, and none has this name; did you mean b.png\?"),
        ("3", "selects '3' of 3 images: their numbers are 0 to 2"),
        ("1\nb.png", "names image b.png twice"),
        ("0", r"0 is the number of one image and the name of another \(number 2\)"),
        ("# nothing", "is empty: write a number or a name on each line"),
    ],
)
def test_a_list_that_does_not_fit_is_refused(lines: str, sentence: str, tmp_path: Path) -> None:
    listed = tmp_path / "chosen.txt"
    listed.write_text(lines, encoding="utf-8")
    with pytest.raises(InputError, match=sentence):
        parse_selection(f"[in:{listed}]")(3, ["a.png", "b.png", "0"])


def test_a_list_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the list of images .*none\.txt cannot be read: No such file"):
        parse_selection(f"[in:{tmp_path / 'none.txt'}]")
    (tmp_path / "image.png").write_bytes(bytes([137, 80, 200, 255]))
    with pytest.raises(InputError, match="cannot be read: it is no text"):
        parse_selection(f"[in:{tmp_path / 'image.png'}]")
