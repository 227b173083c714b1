"""The part of a network that is made of local operations, and how each of them is computed cell by cell.

Convolution and pooling read a window of cells; padding and slicing copy cells; pointwise operations read only
their own cell. Every other operation of torch ends the local part.
"""

import re
import sys
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg
from torch.nn.functional import max_pool2d, pad

from ..dense_inference.fusion import convolve
from .graph import ATEN, arguments, constant, is_constant, shape_of, trace
from .local_operation import (
    Axis,
    Compute,
    LocalOperation,
    Window,
    bounded_axis,
    map_shape,
    reads_own_cell,
    window_axis,
)
from .tables import LOWEST, ZERO, ChangedCells, as_rows, as_tiles

Pair = tuple[int, int]
NUMBER = re.compile(r"_\d+$")  # in the name of a node, where it is not the first of its operation

BY_CHANNEL = {  # pointwise too, but torch does not tag them so: their constants are per channel
    ATEN.batch_norm.default, ATEN.prelu.default, ATEN.cat.default, ATEN.hardswish.default,
    ATEN.log_sigmoid.default, ATEN.contiguous.default, ATEN.alias.default, ATEN.pad.default,
    ATEN.constant_pad_nd.default, ATEN.slice.Tensor,
}  # fmt: skip


class LocalPart(NamedTuple):
    """The beginning of a network, as far as it is made of local operations."""

    module: GraphModule  # the whole network
    image: Node
    operations: tuple[LocalOperation, ...]  # in order, up to the first operation that is not local
    end: str  # name of that operation; empty if there is none


def local_part(network: nn.Module, shape: torch.Size) -> LocalPart:
    """The local part of ``network`` on images of ``shape`` (C, H, W).

    InputError where torch cannot export the network, or for one number of images only.
    """
    module = trace(network, (shape[0], shape[1], shape[2]))
    (image,) = module.graph.find_nodes(op="placeholder")
    operations: dict[Node, LocalOperation] = {}
    for node in module.graph.nodes:
        if node.op == "call_function" and isinstance(node.meta.get("val"), Tensor):
            operation = _operation(module, node) if node.meta["val"].dtype is torch.float32 else None
            if operation is None or not operations.keys() | {image} >= set(operation.sources):
                return LocalPart(module, image, tuple(operations.values()), NUMBER.sub("", node.name))
            operations[node] = _read_through(operation, operations)
    return LocalPart(module, image, tuple(operations.values()), "")


def _operation(module: GraphModule, node: Node) -> LocalOperation | None:
    """The node as a local operation; None if it is none."""
    make = LOCAL.get(node.target)  # type: ignore[call-overload]  # a target may be anything
    return (make and make(module, node)) or pointwise(module, node)


def _read_through(operation: LocalOperation, operations: dict[Node, LocalOperation]) -> LocalOperation:
    """Let an operation read the source of a copying one, whose map nothing else reads, and drop that one."""
    source = operation.sources[0]
    copied = operations.get(source)
    if not (operation.axes and copied and copied.copies and copied.axes):
        return operation
    if operation.outside != ZERO or len(source.users) > 1:
        return operation
    del operations[source]
    axes = [mine.after(its) for mine, its in zip(operation.axes, copied.axes, strict=True)]
    return replace(
        operation, sources=copied.sources, axes=(axes[0], axes[1]), skipped=(source, *copied.skipped)
    )


def convolution(module: GraphModule, node: Node) -> LocalOperation | None:
    """Convolution with any kernel, stride, padding, dilation and groups."""
    given = arguments(node)
    if not (is_constant(given["weight"]) and is_constant(given["bias"])):
        return None
    weight, bias = constant(module, given["weight"]), constant(module, given["bias"])
    multiply = convolve()
    kernel, groups = (weight.shape[2], weight.shape[3]), given["groups"]
    flat = weight.permute(0, 2, 3, 1).flatten(1)[:, :, None, None].contiguous()

    def as_product(where: ChangedCells, rows: Tensor) -> Tensor:
        return as_rows(multiply(as_tiles(rows.flatten(1)), flat, bias, (0, 0), (1, 1), (1, 1), groups))

    def grouped(where: ChangedCells, rows: Tensor) -> Tensor:
        return multiply(_patches(rows, kernel), weight, bias, (0, 0), (1, 1), (1, 1), groups).flatten(1)

    axes = _axes(node, kernel, given)
    here = reads_own_cell(axes)
    compute = as_product if here or groups == 1 else grouped
    return LocalOperation(node, (given["input"],), compute, weight.numel(), None if here else axes)


def max_pool(module: GraphModule, node: Node) -> LocalOperation | None:
    """Maximum of a window; what is outside the map is lower than everything."""
    given = arguments(node)
    kernel = _pair(given["kernel_size"])

    def compute(where: ChangedCells, rows: Tensor) -> Tensor:
        return max_pool2d(_patches(rows, kernel), kernel).flatten(1)

    return LocalOperation(node, (given["self"],), compute, 0, _axes(node, kernel, given), LOWEST)


def average_pool(module: GraphModule, node: Node) -> LocalOperation | None:
    """Mean of a window, divided at the border by the number of cells that torch divides by."""
    given = arguments(node)
    kernel, source = _pair(given["kernel_size"]), given["self"]
    ones = torch.ones(1, 1, *map_shape(source)[1:])
    names = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")
    counted, summed = (  # a map of ones: mean and sum of each window
        ATEN.avg_pool2d(ones, *(given[name] for name in names), divisor)
        for divisor in (given["divisor_override"], 1)
    )
    share: Tensor = (counted / summed).flatten().unsqueeze(1)

    def compute(where: ChangedCells, rows: Tensor) -> Tensor:
        return rows.sum(1).mul_(share.index_select(0, where.cells))

    return LocalOperation(node, (source,), compute, 0, _axes(node, kernel, given))


def adaptive_pool(module: GraphModule, node: Node) -> LocalOperation | None:
    """Mean of windows side by side; None if they do not divide the map."""
    source, shape = arguments(node)["self"], map_shape(node)
    size = map_shape(source)
    if size[1] % shape[1] or size[2] % shape[2]:
        return None
    kernel = size[1] // shape[1], size[2] // shape[2]
    axes = _axes(node, kernel, {"stride": kernel})
    return LocalOperation(node, (source,), lambda where, rows: rows.mean(1), 0, axes)


def _axes(node: Node, kernel: Pair, given: dict[str, Any]) -> tuple[Axis, Axis]:
    """Rows and columns of the source that windows read; ``given`` are stride, padding and dilation."""
    source = node.all_input_nodes[0]
    stride, dilation = _pair(given.get("stride") or kernel), _pair(given.get("dilation") or 1)
    before = given.get("padding") or 0
    if isinstance(before, str):
        before = [0 if before == "valid" else d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True)]
    windows = map(Window, kernel, stride, _pair(before), dilation)
    sizes = zip(map_shape(source)[1:], map_shape(node)[1:], windows, strict=True)
    rows, columns = (window_axis(*each) for each in sizes)
    return rows, columns


def _pair(value: Any) -> Pair:
    """A setting for rows and columns, which may be given once for both."""
    given = [value] if isinstance(value, int) else list(value)
    return given[0], given[-1]


def _patches(rows: Tensor, kernel: Pair) -> Tensor:
    """Cells that were read ``(A, T, C)`` as images ``(A, C, *kernel)`` in channels-last memory format."""
    return rows.view(len(rows), *kernel, rows.shape[2]).permute(0, 3, 1, 2)


def padding(module: GraphModule, node: Node) -> LocalOperation | None:
    """Padding with zeros or with cells of the map (reflect, replicate, circular)."""
    given = arguments(node)
    around, value, mode = list(given["pad"]), given.get("value"), given.get("mode", "constant")
    if any(around[4:]) or (mode == "constant" and value):
        return None
    source, around = given["self"], [*around, 0, 0][:4]
    axes = [
        bounded_axis(_padded(size, sides, mode).long().unsqueeze(1), size)
        for size, sides in zip(map_shape(source)[1:], (around[2:], around[:2]), strict=True)
    ]
    return LocalOperation(node, (source,), _only_tap, 0, (axes[0], axes[1]), copies=True)


def _padded(size: int, sides: list[int], mode: str) -> Tensor:
    """The coordinate from which each one is copied; ``size`` where there are zeros."""
    line = torch.arange(float(size)).view(1, 1, size)
    return pad(line, sides, mode, float(size) if mode == "constant" else None).flatten()


def slicing(module: GraphModule, node: Node) -> LocalOperation | None:
    """A slice of rows or of columns."""
    given = arguments(node)
    source, dim = given["self"], given["dim"] % 4
    if dim not in (2, 3):
        return None
    sizes = map_shape(source)[1:]
    axes = [bounded_axis(torch.arange(size).unsqueeze(1), size) for size in sizes]
    taken = slice(given["start"], given["end"], given["step"])
    axes[dim - 2] = Axis(axes[dim - 2].taps[taken], sizes[dim - 2])
    return LocalOperation(node, (source,), _only_tap, 0, (axes[0], axes[1]), copies=True)


def _only_tap(where: ChangedCells, rows: Tensor) -> Tensor:
    """The cell that is copied."""
    return rows.flatten(1)


def pointwise(module: GraphModule, node: Node) -> LocalOperation | None:
    """An operation on each number, or on the channels of each cell; None for all others."""
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
    if not (by_channel or all(map(_is_uniform, constants.values()))):
        return None
    return LocalOperation(node, sources, _as_images(node, sources, constants))


def _as_images(node: Node, sources: tuple[Node, ...], constants: dict[Node, Tensor]) -> Compute:
    """The operation itself, applied to cells that are viewed as images."""

    def compute(where: ChangedCells, *rows: Tensor) -> Tensor:
        values: dict[Node, Any] = constants | dict(zip(sources, map(as_tiles, rows), strict=True))
        args, kwargs = map_arg((node.args, dict(node.kwargs)), values.__getitem__)
        return as_rows(node.target(*args, **kwargs))  # type: ignore[operator]

    return compute


def _is_uniform(value: Tensor) -> bool:
    """Whether a constant, when broadcast, is the same in every cell."""
    return value.numel() == 1 or value.shape[-2:] == (1, 1)


def _keeps_cells(given: dict[str, Any]) -> bool:
    """Whether only channels are joined or sliced, or nothing is."""
    from_start_to_end = not given.get("start") and (given.get("end") or 0) >= sys.maxsize
    return given.get("dim", 1) in (1, -3) or (from_start_to_end and given.get("step") == 1)


LOCAL = {  # beside the pointwise ones
    ATEN.conv2d.default: convolution,
    ATEN.conv2d.padding: convolution,
    ATEN.max_pool2d.default: max_pool,
    ATEN.avg_pool2d.default: average_pool,
    ATEN.adaptive_avg_pool2d.default: adaptive_pool,
    ATEN.pad.default: padding,
    ATEN.constant_pad_nd.default: padding,
    ATEN.slice.Tensor: slicing,
}
