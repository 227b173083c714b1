"""Operations that read a window of cells: convolution and pooling.

Operations that only move cells: padding and slicing.

Operations that read nothing but the same cell of the maps they are given.
"""

import sys
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg
from torch.nn.functional import conv2d, max_pool2d, pad

from .graph import ATEN, arguments, constant, shape_of
from .steps import Axis, Compute, Step, Window, in_place, inside, known, sliding
from .tables import LOWEST, Spread, tiles, untiled


def padding(module: GraphModule, node: Node) -> Step | None:
    """Rows and columns added around the map: zeros, or cells of its own."""
    given = arguments(node)
    around, value, mode = list(given["pad"]), given.get("value"), given.get("mode", "constant")
    if any(around[4:]) or (mode == "constant" and value):
        return None
    source, around = given["self"], [*around, 0, 0][:4]
    axes = [
        inside(_padded(size, sides, mode).long().unsqueeze(1), size)
        for size, sides in zip(known(source)[1:], (around[2:], around[:2]), strict=True)
    ]
    return Step(node, (source,), _same, 0, (axes[0], axes[1]), copies=True)


def _padded(size: int, sides: list[int], mode: str) -> Tensor:
    """The coordinate that each cell comes from; ``size`` for zeros."""
    line = torch.arange(float(size)).view(1, 1, size)
    return pad(line, sides, mode, float(size) if mode == "constant" else None).flatten()


def slicing(module: GraphModule, node: Node) -> Step | None:
    """Every so many rows, or columns, of a part of the map."""
    given = arguments(node)
    source, dim = given["self"], given["dim"] % 4
    if dim not in (2, 3):
        return None
    sizes = known(source)[1:]
    axes = [inside(torch.arange(size).unsqueeze(1), size) for size in sizes]
    taken = slice(given["start"], given["end"], given["step"])
    axes[dim - 2] = Axis(axes[dim - 2].taps[taken], sizes[dim - 2])
    return Step(node, (source,), _same, 0, (axes[0], axes[1]), copies=True)


def _same(where: Spread, rows: Tensor) -> Tensor:
    """The one cell that is read."""
    return rows.flatten(1)


Pair = tuple[int, int]


def convolution(module: GraphModule, node: Node) -> Step | None:
    """Any kernel, stride, padding, dilation and groups."""
    given = arguments(node)
    weight, bias = constant(module, given["weight"]), constant(module, given["bias"])
    kernel, groups = (weight.shape[2], weight.shape[3]), given["groups"]
    flat = weight.permute(0, 2, 3, 1).flatten(1)[:, :, None, None].contiguous()

    def whole(where: Spread, rows: Tensor) -> Tensor:
        return untiled(conv2d(tiles(rows.flatten(1)), flat, bias, groups=groups))

    def grouped(where: Spread, rows: Tensor) -> Tensor:
        return conv2d(_patches(rows, kernel), weight, bias, groups=groups).flatten(1)

    axes = _axes(node, kernel, given)
    here = in_place(axes)
    compute = whole if here or groups == 1 else grouped
    return Step(node, (given["input"],), compute, weight.numel(), None if here else axes)


def max_pool(module: GraphModule, node: Node) -> Step | None:
    """The greatest of a window; what lies outside the map is lower than all."""
    given = arguments(node)
    kernel = _pair(given["kernel_size"])

    def compute(where: Spread, rows: Tensor) -> Tensor:
        return max_pool2d(_patches(rows, kernel), kernel).flatten(1)

    return Step(node, (given["self"],), compute, 0, _axes(node, kernel, given), LOWEST)


def average_pool(module: GraphModule, node: Node) -> Step | None:
    """The mean of a window, divided by as many cells as torch divides by there."""
    given = arguments(node)
    kernel, source = _pair(given["kernel_size"]), given["self"]
    ones = torch.ones(1, 1, *known(source)[1:])
    names = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
    counted, summed = (  # of ones
        ATEN.avg_pool2d(ones, *(given[name] for name in names), divisor)
        for divisor in (given["divisor_override"], 1)
    )
    share: Tensor = (counted / summed).flatten().unsqueeze(1)

    def compute(where: Spread, rows: Tensor) -> Tensor:
        return rows.sum(1).mul_(share.index_select(0, where.cells))

    return Step(node, (source,), compute, 0, _axes(node, kernel, given))


def adaptive_pool(module: GraphModule, node: Node) -> Step | None:
    """The mean of windows that lie side by side; none where they do not divide the map."""
    source, shape = arguments(node)["self"], known(node)
    size = known(source)
    if size[1] % shape[1] or size[2] % shape[2]:
        return None
    kernel = size[1] // shape[1], size[2] // shape[2]
    axes = _axes(node, kernel, {"stride": kernel})
    return Step(node, (source,), lambda where, rows: rows.mean(1), 0, axes)


def _axes(node: Node, kernel: Pair, given: dict[str, Any]) -> tuple[Axis, Axis]:
    """How windows slide over the rows and columns of a node's source."""
    source = node.all_input_nodes[0]
    stride, dilation = _pair(given.get("stride") or kernel), _pair(given.get("dilation") or 1)
    before = given.get("padding") or 0
    if isinstance(before, str):
        before = [0 if before == "valid" else d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True)]
    windows = map(Window, kernel, stride, _pair(before), dilation)
    sizes = zip(known(source)[1:], known(node)[1:], windows, strict=True)
    rows, columns = (sliding(*each) for each in sizes)
    return rows, columns


def _pair(value: Any) -> Pair:
    """Two of a setting that may be given once."""
    given = [value] if isinstance(value, int) else list(value)
    return given[0], given[-1]


def _patches(rows: Tensor, kernel: Pair) -> Tensor:
    """What cells read ``(A, T, C)`` as images ``(A, C, *kernel)``, channels last in memory."""
    return rows.view(len(rows), *kernel, rows.shape[2]).permute(0, 3, 1, 2)


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
