"""Differential evolution (Storn and Price, 1997) with the settings that needed fewest queries in a sweep.

It is ``de(preset=efficient)``. The sweep was over training images, at 1,000 queries: docs/strategies.md.
"""

from sparseattack import Search, Space

from .de import de


def de_efficient(space: Space, *, popsize: int = 10, f: float = 0.5, cr: float = 0.5) -> Search:
    """Differential evolution (Storn and Price, 1997) for few queries: best/1, crossover, corner colours.

    The one-pixel paper's 400 members leave 1,000 queries two generations, and without crossover a child has
    no gene of its parent. Here are ten members, half of the genes are the parent's, the first population has
    corner colours, and a gene outside of its range is set to the bound: for a colour that is a corner, too.

    popsize: members, and candidates a generation
    f: F, the factor of the difference of two members
    cr: CR, the probability that a gene comes from the mutant
    """
    yield from de(space, popsize=popsize, f=f, cr=cr, variant="best1", init="corners", bounds="clip")
