"""How other libraries spend a budget."""

import pytest
import torch
from torch import nn

from benchmarks.peers import PEERS, Meter, Peer, peer_popsize

NAMES = [peer.name for peer in PEERS]


@pytest.mark.parametrize(("k", "count"), [(1, 400), (2, 400), (3, 390), (5, 400), (40, 400)])
def test_members_are_a_multiple_of_the_genes(k: int, count: int) -> None:
    assert peer_popsize(k) == count


@pytest.mark.parametrize("peer", PEERS, ids=NAMES)
@pytest.mark.parametrize("k", [1, 3])
def test_generations_are_paid_by_the_budget_and_no_more_would_be(peer: Peer, k: int) -> None:
    """What they were counted to spend: see the rows each asks, which ``rows`` repeats."""

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
