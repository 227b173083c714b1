"""Where differential evolution starts, and how it is kept in the cube."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from spaces import space

from sparseattack.strategies.de import repaired, started


def test_reflection_and_clipping_by_hand() -> None:
    genes = torch.tensor([[[-0.25, 0.0, 0.5, 1.0, 1.25], [-1.0, -0.75, 1.75, 2.0, 2.25]]])
    reflected = [[0.25, 0.0, 0.5, 1.0, 0.75], [1.0, 0.75, 0.25, 0.0, 0.25]]
    assert repaired(space(0), genes, "reflect")[0].tolist() == reflected
    assert repaired(space(0), genes, "clip")[0].tolist() == [[0, 0, 0.5, 1, 1], [0, 0, 1, 1, 1]]


def test_redrawing_is_uniform_and_leaves_the_rest() -> None:
    genes = torch.full((1, 2000, 5), 0.5)
    genes[..., 1], genes[..., 3] = -0.01, 1.01
    found = repaired(space(0), genes, "redraw")
    assert (found[..., [0, 2, 4]] == 0.5).all()
    assert kstest(found[..., [1, 3]].flatten(), "uniform").pvalue > 1e-3


def test_the_paper_s_first_population() -> None:
    here = space(0)
    members = started(here, 20000, "paper")
    positions, colours = members[..., ~here.mask("colour")], members[..., here.mask("colour")]
    assert kstest(positions.flatten(), "uniform").pvalue > 1e-3
    levels = colours.double() * 255
    assert (levels == 0).double().mean().item() == pytest.approx(0.157, abs=0.01)  # N(128, 127) below 0
    assert (levels == 255).double().mean().item() == pytest.approx(0.159, abs=0.01)
    inside = levels[(levels > 0) & (levels < 255)]
    assert np.median(inside) == pytest.approx(128, abs=3)


def test_other_first_populations() -> None:
    here = space(0)
    assert kstest(started(here, 5000, "uniform").flatten(), "uniform").pvalue > 1e-3
    members = started(here, 5000, "corners")
    assert set(members[..., here.mask("colour")].flatten().tolist()) == {0.0, 1.0}
    assert kstest(members[..., here.mask("row")].flatten(), "uniform").pvalue > 1e-3
