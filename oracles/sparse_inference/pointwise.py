"""Operations that read nothing but the same cell of the maps they are given."""

import sys
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg

from .graph import ATEN, arguments, constant, shape_of
from .steps import Compute, Step
from .tables import Spread, tiles, untiled

BY_CHANNEL = {  # torch does not call them pointwise, because their constants are given channel by channel
    ATEN.batch_norm.default, ATEN.prelu.default, ATEN.cat.default, ATEN.hardswish.default,
    ATEN.log_sigmoid.default, ATEN.contiguous.default, ATEN.alias.default, ATEN.dropout.default,
    ATEN.feature_dropout.default, ATEN.pad.default, ATEN.constant_pad_nd.default, ATEN.slice.Tensor,
}  # fmt: skip


def pointwise(module: GraphModule, node: Node) -> Step | None:
    """Its step; none if it is of another kind."""
    by_channel = node.target in BY_CHANNEL
    if not (by_channel or torch.Tag.pointwise in getattr(node.target, "tags", ())):
        return None
    given, shape = arguments(node), shape_of(node)
    sources = tuple(one for one in node.all_input_nodes if one.op != "get_attr")
    constants = {one: constant(module, one) for one in node.all_input_nodes if one.op == "get_attr"}
    if given.get("train") or given.get("training") or not _keeps_cells(given):
        return None
    if not all((known := shape_of(one)) and shape and known[1:] == shape[1:] for one in sources):
        return None
    if not (by_channel or all(map(_everywhere_alike, constants.values()))):
        return None
    return Step(node, sources, _as_images(node, sources, constants))


def _as_images(node: Node, sources: tuple[Node, ...], constants: dict[Node, Tensor]) -> Compute:
    """The operation itself, shown rows as if they were images."""

    def compute(where: Spread, *rows: Tensor) -> Tensor:
        values: dict[Node, Any] = constants | dict(zip(sources, map(tiles, rows), strict=True))
        args, kwargs = map_arg((node.args, dict(node.kwargs)), values.__getitem__)
        return untiled(node.target(*args, **kwargs))  # type: ignore[operator]

    return compute


def _everywhere_alike(value: Tensor) -> bool:
    """Whether a constant is the same in every cell when it is broadcast."""
    return value.numel() == 1 or value.shape[-2:] == (1, 1)


def _keeps_cells(given: dict[str, Any]) -> bool:
    """Whether what is joined or cut off are channels, or nothing."""
    whole = (given.get("start") or 0, given.get("step"), (given.get("end") or 0) >= sys.maxsize) == (
        0,
        1,
        True,
    )
    return given.get("dim", 1) in (1, -3) or whole
