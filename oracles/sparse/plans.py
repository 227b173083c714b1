"""Where to stop computing changes and go on with whole maps: counted, so that it never depends on luck."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from torch.fx import Node

from .extents import Extent, extents
from .graphs import ATEN
from .reading import Local
from .steps import Step, known

GATHERED = 30  # multiplications done in the time in which a number is fetched from another cell
PASSED = 15  # in which one is read and written in its place
INDEXED = 250  # in which a cell of a map is found


@dataclass(frozen=True)
class Plan:
    """How candidates are answered."""

    local: Local
    steps: tuple[Step, ...]  # computed where something changed
    whole: tuple[Node, ...]  # the maps after them that the rest of the network is computed from
    extents: dict[Node, Extent]
    gain: float  # cost of the whole network over that of a candidate, as far as it is local

    def apart(self, step: Step) -> list[Node]:
        """The maps that a step reads elsewhere than where it computes."""
        here = self.extents[step.node]
        return [one for one in step.sources if step.axes or self.extents[one] is not here]

    def kept(self) -> list[Node]:
        """The maps of clean images that are needed."""
        read = [one for step in self.steps for one in self.apart(step)]
        return list(dict.fromkeys([*read, *self.whole]))


def plan(local: Local, k: int) -> Plan:
    """The cheapest way to answer ``k`` changed pixels; no steps where the whole network is."""
    _, image, steps = local
    found = extents(image, steps)
    dense = [_whole(step) for step in steps]
    changed = [_changed(step, found, k) for step in steps]
    costs = []
    for cut in range(len(steps) + 1):
        gathered = sum(GATHERED * prod(known(node)) for node in crossing(image, steps[:cut]))
        costs.append(sum(changed[:cut]) + gathered * (cut > 0) + sum(dense[cut:]))
    cut = costs.index(min(costs))
    gain = sum(dense) / costs[cut] if cut else 1.0
    return Plan(local, steps[:cut], crossing(image, steps[:cut]), found, gain)


def crossing(image: Node, steps: Sequence[Step]) -> tuple[Node, ...]:
    """The maps that are known after ``steps`` and read by what comes then."""
    done = {node for step in steps for node in (step.node, *step.through)}
    made = [image, *(step.node for step in steps)]
    left = ({user for user in node.users if user.target is not ATEN.sym_size.int} - done for node in made)
    return tuple(node for node, users in zip(made, left, strict=True) if users)


def _whole(step: Step) -> float:
    channels, height, width = known(step.node)
    return height * width * (step.work + PASSED * channels)


def _changed(step: Step, found: dict[Node, Extent], k: int) -> float:
    channels, height, width = known(step.node)
    gathered = step.reads or sum(known(one)[0] for one in step.sources if found[one] is not found[step.node])
    index = INDEXED * height * width if gathered else 0
    return found[step.node].cells(k) * (step.work + PASSED * channels + GATHERED * gathered) + index
