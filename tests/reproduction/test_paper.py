"""The printed numbers of the paper are consistent."""

import pytest

from sparseattack.reproduction import paper, tables
from sparseattack.reproduction.paper import (
    KAGGLE,
    KAGGLE_PAIRS,
    NETWORKS,
    ORIGINAL_PAIRS,
    ORIGINAL_TARGETED,
    REACHED,
    TABLES,
)

CIFAR = NETWORKS[:3]
MISREAD = 2  # successes that the Kaggle VGG16's heat-map lacks
HALF = 0.00005 + 1e-9  # of the last printed digit


@pytest.mark.parametrize("network", CIFAR)
def test_heat_maps_are_ten_by_ten_and_nothing_stays_where_it_is(network: str) -> None:
    for pairs in (KAGGLE_PAIRS[network], ORIGINAL_PAIRS[network]):
        assert [len(row) for row in pairs] == [10] * 10
        assert [row[place] for place, row in enumerate(pairs)] == [0] * 10


@pytest.mark.parametrize("network", CIFAR)
def test_heat_maps_sum_to_the_targeted_rates(network: str) -> None:
    place = CIFAR.index(network)
    original, kaggle = TABLES["8"][paper.TARGETED][network], TABLES["4"][paper.TARGETED][network]
    counted = sum(map(sum, ORIGINAL_PAIRS[network]))
    assert counted / (9 * ORIGINAL_TARGETED[place]) == pytest.approx(original.value, abs=HALF)
    counted = sum(map(sum, KAGGLE_PAIRS[network])) + (MISREAD if network == "vgg16" else 0)
    assert counted / (9 * KAGGLE[place]) == pytest.approx(kaggle.value, abs=HALF)


@pytest.mark.parametrize("table", TABLES)
def test_rates_are_shares_of_the_numbers_of_images(table: str) -> None:
    runs = {paper.TARGETED: 9}
    for row, printed in TABLES[table].items():
        for measure in printed.values():
            if measure.kind == "rate" and measure.count:
                trials = measure.count * runs.get(row, 1)
                assert round(measure.value * trials) / trials == pytest.approx(measure.value, abs=HALF)


@pytest.mark.parametrize("table", ["4", "5"])
def test_on_the_kaggle_images_no_network_has_two_shares_of_500(table: str) -> None:
    for network in TABLES[table][paper.DERIVED]:
        rates = TABLES[table][paper.TARGETED][network].value, TABLES[table][paper.DERIVED][network].value
        shares = [round(rate * count) / count for rate, count in zip(rates, (4500, 500), strict=True)]
        assert shares != pytest.approx(rates, abs=HALF)


def test_classes_reached_are_nine_times_the_targeted_rate() -> None:
    for network in CIFAR:
        mean = 9 * TABLES["4"][paper.TARGETED][network].value
        assert TABLES["4"][paper.CLASSES][network].value == pytest.approx(mean, abs=0.05)
    bars = REACHED["allconv"]
    assert sum(bars) == pytest.approx(1, abs=0.02)  # measured from a picture
    read = sum(number * share for number, share in enumerate(bars))
    assert read == pytest.approx(TABLES["4"][paper.CLASSES]["allconv"].value, abs=0.1)
    assert 1 - bars[0] == pytest.approx(TABLES["4"][paper.DERIVED]["allconv"].value, abs=0.01)


def test_table_7_repeats_table_4() -> None:
    for row in (paper.DERIVED, paper.CONFIDENCE):
        assert TABLES["7"][row] == TABLES["4"][row]


@pytest.mark.parametrize("name", tables.TITLES)
def test_every_printed_row_is_a_row_of_ours(name: str) -> None:
    mine = {row.name for row in tables.make_table(name, ["allconv"]).rows("allconv")}
    assert set(TABLES[name]) <= mine
