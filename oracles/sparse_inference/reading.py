"""A graph read as local operations, up to the first that is not local."""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node

from ..sparse_inference import operations
from .graph import ATEN, traced
from .operations import pointwise
from .steps import Step
from .tables import ZERO

READERS = {
    ATEN.conv2d.default: operations.convolution,
    ATEN.conv2d.padding: operations.convolution,
    ATEN.max_pool2d.default: operations.max_pool,
    ATEN.avg_pool2d.default: operations.average_pool,
    ATEN.adaptive_avg_pool2d.default: operations.adaptive_pool,
    ATEN.pad.default: operations.padding,
    ATEN.constant_pad_nd.default: operations.padding,
    ATEN.slice.Tensor: operations.slicing,
}


class Local(NamedTuple):
    """The part of a network that is made of local operations."""

    module: GraphModule  # the whole network
    image: Node
    steps: tuple[Step, ...]  # in order, up to the first operation that is not local


def read(network: nn.Module, shape: torch.Size) -> Local | None:
    """Of ``network`` on images of ``shape`` (C, H, W); none where torch.export makes no graph of it."""
    try:
        module = traced(network, (shape[0], shape[1], shape[2]))
        (image,) = module.graph.find_nodes(op="placeholder")
        return Local(module, image, tuple(_steps(module, image)))
    except Exception:  # torch has many words for what it cannot trace, and the network still answers images
        return None


def _steps(module: GraphModule, image: Node) -> Iterable[Step]:
    steps: dict[Node, Step] = {}
    for node in module.graph.nodes:
        if node.op != "call_function" or not isinstance(node.meta.get("val"), Tensor):
            continue
        step = _step(module, node)
        if step is None or not steps.keys() | {image} >= set(step.sources):
            break
        steps[node] = _read_through(step, steps)
    return steps.values()


def _step(module: GraphModule, node: Node) -> Step | None:
    reader = READERS.get(node.target)  # type: ignore[call-overload]  # a target may be anything
    return (reader and reader(module, node)) or pointwise(module, node)


def _read_through(step: Step, steps: dict[Node, Step]) -> Step:
    """Read what was but copied, for this step alone, where it comes from."""
    source = step.sources[0]
    copied = steps.get(source)
    if not (step.axes and copied and copied.copies and copied.axes):
        return step
    if step.beyond != ZERO or len(source.users) > 1:
        return step
    del steps[source]
    axes = [mine.after(its) for mine, its in zip(step.axes, copied.axes, strict=True)]
    return replace(step, sources=copied.sources, axes=(axes[0], axes[1]), through=(source, *copied.through))
