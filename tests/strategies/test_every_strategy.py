"""Every strategy there is, a plugin's too, keeps every clause of the contract."""

import pytest
from registered import registered

from sparseattack import Strategy, load
from sparseattack.conformance.clauses import CLAUSES

VARIANTS = (
    "de(popsize=10,variant=best1,cr=0.7,bounds=reflect,init=corners)",
    "de(popsize=8,f=0.9,cr=0.9,adapt=jde,bounds=clip,init=uniform)",
    "de(popsize=4)",
    "de(popsize=5,variant=currenttobest1,updating=immediate)",
    "de(preset=scipy,popsize=6)",
    "de(preset=torchattacks)",
    "sparse-rs(alpha=0.8)",
    "additive-gp(colours=palette,window=7)",
    "brusle(popsize=1,lambda0=1)",
    "local-search(t=2,d=1,r=2)",
    "sa-moo(pm=1,pc=1,pr0=0)",
    "corner-search(n_max=5,n_iter=7,popsize=300)",
    "pixle(restarts=1,iterations=7,low=1,high=1)",
    "cmaes(popsize=4,sigma=0.1)",
    "nevergrad(optimizer=NgIohTuned)",
    "nevergrad(optimizer=CMA,popsize=7)",
    "nsga2(popsize=5)",
)


@pytest.fixture(scope="module", params=[*registered(), *VARIANTS])
def strategy(request: pytest.FixtureRequest) -> Strategy:
    found: Strategy = load("strategies", request.param)
    return found


@pytest.mark.parametrize("clause", CLAUSES)
def test_satisfies_the_contract(strategy: Strategy, clause: str) -> None:
    note = CLAUSES[clause](strategy)
    assert note == "" or note.startswith(("for k=1 only", "not for all images"))
