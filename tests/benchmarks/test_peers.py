"""The meter around a network whose scores are pixels, and how other libraries spend a budget."""

import pytest
import torch
from torch import Tensor, nn

from benchmarks.peers import PEERS, AttackEndedError, Meter, Peer, peer_popsize

CLEAN = torch.full((1, 2, 3, 3), 0.5)


class Corner(nn.Module):
    """Says how bright the first pixel's two channels are, which it takes for two classes."""

    shown: list[int]

    def __init__(self) -> None:
        super().__init__()
        self.shown = []

    def forward(self, images: Tensor) -> Tensor:
        self.shown.append(len(images))
        return images[:, :, 0, 0]


def meter(k: int = 1, most: int = 64) -> Meter:
    """Before a network that is fooled where the second channel of the first pixel is the brighter."""
    return Meter(Corner(), CLEAN, 0, k, most)


def rows(*brightness: float) -> Tensor:
    """Images whose first pixel has a second channel so bright."""
    images = CLEAN.repeat(len(brightness), 1, 1, 1)
    images[:, 1, 0, 0] = torch.tensor(brightness)
    return images


def test_rows_and_calls_are_counted_and_scores_are_the_networks() -> None:
    one = meter()
    assert torch.equal(one(rows(0.1, 0.2)), torch.tensor([[0.5, 0.1], [0.5, 0.2]]))
    one(rows(0.3))
    assert (one.queries, one.calls, one.first, one.found) == (3, 2, 0, None)


def test_the_first_success_is_counted_over_all_calls_and_stored() -> None:
    one = meter()
    one(rows(0.1, 0.2))
    one(rows(0.3, 0.6, 0.9))
    one(rows(1.0))
    assert (one.first, one.queries) == (4, 6)
    assert one.found is not None and torch.equal(one.found, rows(0.6))


def test_a_tie_is_no_success_and_more_pixels_than_k_are_none() -> None:
    one, two = meter(), meter(k=2)
    more = rows(0.9)
    more[0, 0, 2, 2] = 0.0
    for each in (one, two):
        each(rows(0.5))
        each(more)
    assert (one.first, two.first) == (0, 2)


def test_changes_that_are_rounding_are_no_pixels() -> None:
    one = meter()
    one(rows(0.9) + 1e-6)
    assert one.first == 1


def test_it_ends_an_attack_at_its_first_success() -> None:
    one = meter().stop(10)
    one(rows(0.1))
    with pytest.raises(AttackEndedError):
        one(rows(0.1, 0.9))
    assert (one.first, one.queries) == (3, 3)


@pytest.mark.parametrize("asked", [(2, 2), (4,), (2, 7)])
def test_it_ends_an_attack_at_the_budget_and_evaluates_nothing_more(asked: tuple[int, ...]) -> None:
    one = meter().stop(4)
    for count in asked[:-1]:
        one(rows(*[0.1] * count))
    with pytest.raises(AttackEndedError):
        one(rows(*[0.1] * asked[-1]))
    assert one.queries == 4 and sum(one.network.shown) == 4  # type: ignore[arg-type]


def test_a_success_beyond_the_budget_is_none() -> None:
    one = meter().stop(1)
    with pytest.raises(AttackEndedError):
        one(rows(0.1, 0.9))
    assert one.first == 0


def test_the_network_gets_at_most_its_fastest_batch() -> None:
    one = meter(most=2)
    assert len(one(rows(0.1, 0.2, 0.3, 0.4, 0.5))) == 5
    assert one.network.shown == [2, 2, 1] and one.calls == 1


def test_the_check_in_eight_bits_is_not_counted() -> None:
    one = meter()
    narrow = torch.nextafter(torch.tensor(0.5), torch.tensor(1.0)).item()  # both channels round to 128
    assert one.holds(rows(narrow), rounded=False) and not one.holds(rows(narrow), rounded=True)
    assert one.queries == 0


NAMES = [peer.name for peer in PEERS]


@pytest.mark.parametrize(("k", "count"), [(1, 400), (2, 400), (3, 390), (5, 400), (40, 400)])
def test_members_are_a_multiple_of_the_genes(k: int, count: int) -> None:
    assert peer_popsize(k) == count


@pytest.mark.parametrize("peer", PEERS, ids=NAMES)
@pytest.mark.parametrize("k", [1, 3])
def test_generations_use_the_budget_and_one_more_would_exceed_it(peer: Peer, k: int) -> None:
    """``rows`` are the queries of each library, as counted when it was run."""

    def rows(steps: int) -> int:
        if peer.ours == "cmaes":
            return steps * (4 + int(3 * torch.tensor(5.0 * k).log()) + 1) + 1
        return peer_popsize(k) * (steps + 1) + steps + ("ART" in peer.name)

    steps = peer.generations(10_000, k)
    assert rows(steps) <= 10_000 < rows(steps + 1)


@pytest.mark.parametrize("peer", PEERS, ids=NAMES)
@pytest.mark.filterwarnings("ignore")
def test_a_library_spends_what_was_counted(peer: Peer) -> None:
    """Where it is installed: on a network that nothing fools."""
    pytest.importorskip("torchattacks")
    pytest.importorskip("art.attacks.evasion")

    class Sure(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.stack([images.mean((1, 2, 3)) + 9, images.amax((1, 2, 3))], dim=1).repeat(1, 2)

    meter = Meter(Sure(), torch.full((1, 3, 8, 8), 0.5), 0, 1)
    attack = peer.start(meter, 2)
    assert meter.queries == 0
    attack()
    assert meter.queries == (19 if peer.ours == "cmaes" else 3 * 400 + 2 + ("ART" in peer.name))
