"""Operations that read a window of cells: convolution and pooling."""

from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node
from torch.nn.functional import conv2d, max_pool2d

from .axes import Axis, Window, in_place, sliding
from .graph import ATEN, arguments, constant
from .steps import Step, known
from .tables import LOWEST, Spread, tiles, untiled

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
