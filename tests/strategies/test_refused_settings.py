"""Settings that make no sense are refused in a sentence."""

import pytest
from spaces import space

from sparseattack import InputError, load

REFUSED = {
    "de(popsize=3)": "de needs a popsize of at least 4, not 3",
    "de(f=0)": "de needs an f above 0, not 0.0",
    "de(cr=1.5)": "de needs a cr from 0 to 1, not 1.5",
    "de(f=[0.9,0.5])": "de needs a range of f from low to high, as in f=[0.5,1], not [0.9, 0.5]",
    "de(adapt=jde,updating=immediate)": "de takes adapt=jde with updating=deferred only",
    "jade(popsize=3)": "jade needs a popsize of at least 4, not 3",
    "jade(p=0)": "jade needs a p above 0 and at most 1, not 0.0",
    "jade(c=2)": "jade needs a c from 0 to 1, not 2.0",
    "shade(popsize=3)": "shade needs a popsize of at least 4, not 3",
    "shade(memory=0)": "shade needs a memory of at least 1, not 0",
    "shade(p=0)": "shade needs a p above 0 and at most 1, not 0.0",
    "shade(archive=-1)": "shade needs an archive from 0, not -1.0",
    "random(popsize=0)": "random needs a popsize of at least 1, not 0",
    "exhaustive(popsize=0)": "exhaustive needs a popsize of at least 1, not 0",
    "sparse-rs(alpha=0)": "sparse-rs needs an alpha above 0 and at most 1, not 0.0",
    "sparse-rs(alpha=1.1)": "sparse-rs needs an alpha above 0 and at most 1, not 1.1",
    "brusle(popsize=0)": "brusle needs a popsize of at least 1, not 0",
    "brusle(lambda0=0)": "brusle needs a lambda0 above 0 and at most 1, not 0.0",
    "brusle(m1=-1)": "brusle needs an m1 from 0, not -1.0",
    "brusle(m2=1.1)": "brusle needs an m2 above 0 and at most 1, not 1.1",
    "one-plus-one(local=2)": "one-plus-one needs a local from 0 to 1, not 2.0",
    "one-plus-one(radius=0)": "one-plus-one needs a radius of at least 1, not 0",
    "local-search(t=0)": "local-search needs a t of at least 1, not 0",
    "local-search(d=0)": "local-search needs a d of at least 1, not 0",
    "local-search(r=3)": "local-search needs an r from 0 to 2, not 3.0",
    "sa-moo(pm=0)": "sa-moo needs a pm above 0 and at most 1, not 0.0",
    "sa-moo(pc=2)": "sa-moo needs a pc from 0 to 1, not 2.0",
    "sa-moo(pr0=1)": "sa-moo needs a pr0 from 0 and below 1, not 1.0",
    "corner-search(n_max=0)": "corner-search needs n_max of at least 1, not 0",
    "corner-search(n_iter=0)": "corner-search needs n_iter of at least 1, not 0",
    "corner-search(popsize=0)": "corner-search needs popsize of at least 1, not 0",
    "pixle(restarts=0)": "pixle needs restarts of at least 1, not 0",
    "pixle(iterations=0)": "pixle needs iterations of at least 1, not 0",
    "pixle(low=0)": "pixle needs low of at least 1, not 0",
    "pixle(low=5,high=4)": "pixle needs a high of at least low, 5, not 4",
    "cmaes(popsize=3)": "cmaes needs a popsize of at least 4, not 3",
    "cmaes(sigma=0)": "cmaes needs a sigma above 0, not 0.0",
    "cmaes-native(popsize=5)": "cmaes-native needs a popsize of at least 6, not 5",
    "cmaes-native(sigma=0)": "cmaes-native needs a sigma above 0, not 0.0",
    "nevergrad(popsize=0)": "nevergrad needs a popsize of at least 1, not 0",
    "nsga2(popsize=0)": "nsga2 needs a popsize of at least 1, not 0",
}


@pytest.mark.parametrize("spec", REFUSED)
def test_values_are_refused_when_the_search_starts(spec: str) -> None:
    with pytest.raises(InputError) as refusal:
        next(load("strategies", spec)(space()))
    assert str(refusal.value) == REFUSED[spec]


CHOICES = {
    "de(variant=best2)": "rand1, best1",
    "de(bounds=wrap)": "redraw, reflect, clip",
    "de(adapt=shade)": "none, jde",
    "de(init=lhs)": "paper, uniform, corners",
    "de(popsiz=5)": "popsize, f, cr, variant, bounds, adapt, init, restart, updating",
    "random(budget=5)": "popsize",
    "sparse-rs(alpha=high)": "a number",
}


@pytest.mark.parametrize("spec", CHOICES)
def test_choices_and_names_are_refused_with_those_that_exist(spec: str) -> None:
    with pytest.raises(InputError, match=CHOICES[spec]):
        load("strategies", spec)
