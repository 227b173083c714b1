"""A network as a graph of torch's own operations, batch-norm folded, and parts of that graph as networks."""

from collections.abc import Sequence
from typing import Any
from warnings import catch_warnings

import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.fx import Graph, GraphModule, Node
from torch.nn.utils.fusion import fuse_conv_bn_weights

ATEN = torch.ops.aten
Shape = tuple[int, int, int]


def trace(network: nn.Module, shape: Shape) -> GraphModule:
    """The graph of ``network`` on images ``(n, *shape)`` for any n; raises whatever torch.export raises.

    Operations in place are replaced by others, so that maps can be computed in parts.
    """
    with catch_warnings(action="ignore"), torch.no_grad():  # torch's warnings about its own code
        program = torch.export.export(
            network, (torch.zeros(2, *shape),), dynamic_shapes=({0: Dim.DYNAMIC},), strict=False
        )
        module = program.module()
    assert isinstance(module, GraphModule)
    for node in module.graph.find_nodes(op="call_module"):  # checks of the input's shape
        module.graph.erase_node(node)
    for node in module.graph.find_nodes(op="call_function", target=ATEN.view.default):
        node.target = ATEN.reshape.default  # for maps whose channels are last in memory
    for node in module.graph.nodes:
        _make_out_of_place(node)
    for node in module.graph.find_nodes(op="call_function", target=ATEN.batch_norm.default):
        _fold_batch_norm(module, node)
    module.graph.eliminate_dead_code()
    return module


def arguments(node: Node) -> dict[str, Any]:
    """All arguments of a call by name, defaults included."""
    known = node.target._schema.arguments  # type: ignore[union-attr]
    given = dict(zip((one.name for one in known), node.args, strict=False)) | dict(node.kwargs)
    return {one.name: given.get(one.name, one.default_value) for one in known}


def shape_of(node: Node) -> Shape | None:
    """C, H, W of the feature map that a node makes of each image; None if it makes anything else."""
    value = node.meta.get("val")
    if not isinstance(value, Tensor) or value.ndim != 4 or isinstance(value.shape[0], int):  # noqa: PLR2004
        return None
    sizes = value.shape[1:]
    return (sizes[0], sizes[1], sizes[2]) if all(isinstance(size, int) for size in sizes) else None


def constant(module: GraphModule, node: object) -> Any:
    """The parameter or buffer that a node stands for; what is no node is returned as it is."""
    if not isinstance(node, Node):
        return node
    path, _, name = str(node.target).rpartition(".")
    return getattr(module.get_submodule(path), name)


def _make_out_of_place(node: Node) -> None:
    """Replace an operation in place by its twin, unless another node reads what it changes."""
    name = getattr(node.target, "__name__", "")
    if node.op != "call_function" or not name.partition(".")[0].endswith("_"):
        return
    changed = node.args[0]
    twin = getattr(ATEN, name.partition("_.")[0], None)
    if isinstance(changed, Node) and len(changed.users) == 1 and twin is not None:
        node.target = getattr(twin, name.partition(".")[2])


def _fold_batch_norm(module: GraphModule, norm: Node) -> None:
    """Fold a batch-norm into the convolution before it, if no other node reads that."""
    given, before = arguments(norm), norm.args[0]
    if not isinstance(before, Node) or before.target is not ATEN.conv2d.default or len(before.users) > 1:
        return
    weights = [constant(module, node) for node in before.args[1:3]]
    names = ("running_mean", "running_var", "eps", "weight", "bias")
    fused = fuse_conv_bn_weights(
        weights[0], (*weights, None)[1], *(constant(module, given[n]) for n in names)
    )
    with module.graph.inserting_before(before):
        nodes = [_add_buffer(module, f"{norm.name}_{place}", value) for place, value in enumerate(fused)]
    before.args = (before.args[0], *nodes, *before.args[3:])
    norm.replace_all_uses_with(before)
    module.graph.erase_node(norm)


def _add_buffer(module: GraphModule, name: str, value: Tensor) -> Node:
    module.register_buffer(name, value.detach())
    return module.graph.get_attr(name)


def first_part(module: GraphModule, wanted: Sequence[Node]) -> GraphModule:
    """The network from images to the maps ``wanted``, as a tuple."""
    graph = Graph()
    known: dict[Node, Node] = {}
    for node in module.graph.nodes:
        known[node] = graph.node_copy(node, known.__getitem__)
        if known.keys() >= set(wanted):
            break
    graph.output(tuple(known[node] for node in wanted))
    return _without_dead_code(module, graph)


def last_part(module: GraphModule, given: Sequence[Node]) -> GraphModule:
    """The network from the maps ``given`` to the scores."""
    graph = Graph()
    known = {node: graph.placeholder(node.name) for node in given}
    count = graph.call_function(ATEN.sym_size.int, (known[given[0]], 0))
    for node in module.graph.nodes:
        if node.op == "output":
            (scores,) = node.args[0]
            graph.output(known[scores])
        elif node.target is ATEN.sym_size.int:
            known[node] = count
        elif node.op != "placeholder" and node not in known and known.keys() >= set(node.all_input_nodes):
            known[node] = graph.node_copy(node, known.__getitem__)
    return _without_dead_code(module, graph)


def _without_dead_code(module: GraphModule, graph: Graph) -> GraphModule:
    graph.eliminate_dead_code()
    return GraphModule(module, graph)
