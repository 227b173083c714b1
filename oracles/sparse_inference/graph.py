"""A network as a graph of torch's own operations, batch-norm folded, and parts of that graph as networks."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from operator import getitem
from typing import Any
from warnings import catch_warnings

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx import Graph, GraphModule, Node
from torch.fx.node import map_arg
from torch.nn.utils.fusion import fuse_conv_bn_weights

from sparseattack import InputError
from sparseattack.errors import brief

from ..dense_inference.fusion import convolve, product

ATEN = torch.ops.aten
DROPOUT = (
    ATEN.dropout.default, ATEN.feature_dropout.default,
    ATEN.alpha_dropout.default, ATEN.feature_alpha_dropout.default,
)  # fmt: skip
Shape = tuple[int, int, int]


class _Copied(nn.Module):
    """A network given a copy of its images: it may write to them, and still its graph has no such thing."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Any:
        return self.network(images.clone())


def trace(network: nn.Module, shape: Shape) -> GraphModule:
    """The graph of ``network`` on images ``(n, *shape)`` for any n, constants and batch-norm folded.

    No operation of the graph writes to a tensor: what the network does in place, views included, is made of
    new tensors, so that maps can be computed in parts. InputError says why a network has no such graph.
    """
    try:
        with quiet(), torch.no_grad():
            program = torch.export.export(
                _Copied(network), (torch.zeros(2, *shape),), dynamic_shapes=({0: Dim.DYNAMIC},), strict=False
            )
            _skip_dropout(program.graph)
            program = program.run_decompositions({})  # an empty table: only writing is taken out
            module = program.module()
    except Exception as error:  # of torch, for what it cannot export
        reason = brief(error).partition(" For more information")[0]
        raise InputError(f"torch.export cannot read the network: {reason}") from error
    assert isinstance(module, GraphModule)
    _refuse_outputs(module)
    _refuse_state(program, module)
    _simplify(module)
    _restore_batch_norm(module)
    with torch.no_grad():
        _fold_constants(module)
        for node in module.graph.find_nodes(op="call_function", target=ATEN.batch_norm.default):
            _fold_batch_norm(module, node)
    module.graph.eliminate_dead_code()
    return module


@contextmanager
def quiet() -> Iterator[None]:
    """Show nothing of what torch logs, warns of and prints about code that it cannot read."""
    before = logging.root.manager.disable
    logging.disable()
    try:
        with catch_warnings(action="ignore"), redirect_stderr(StringIO()):
            yield
    finally:
        logging.disable(before)


def _skip_dropout(graph: Graph) -> None:
    """Take out dropout where it returns its own input, as in evaluation: what is written to one is in both.

    Torch does not declare that, so writing could not be taken out of the graph.
    """
    for dropout in DROPOUT:
        for node in graph.find_nodes(op="call_function", target=dropout):
            if not arguments(node)["train"] or arguments(node)["p"] == 0:
                node.replace_all_uses_with(node.args[0])
                graph.erase_node(node)


def _refuse_outputs(module: GraphModule) -> None:
    """Refuse a network whose output is not scores of every image, for any number of images."""
    (image,) = module.graph.find_nodes(op="placeholder")
    outputs: Any = module.graph.output_node().args[0]
    values = [node.meta.get("val") for node in outputs if isinstance(node, Node)]
    if len(values) != 1 or not isinstance(values[0], Tensor):
        raise InputError("the network returns more than one tensor of scores")
    if isinstance(values[0].shape[0], int) or values[0].shape[0] != image.meta["val"].shape[0]:
        raise InputError("the network computes for a fixed number of images")


def _refuse_state(program: ExportedProgram, module: GraphModule) -> None:
    """Refuse a network that changes with every call, draws random numbers or depends on memory layout."""
    if changed := sorted(program.graph_signature.buffers_to_mutate.values()):
        name = changed[0].removeprefix("network.")
        raise InputError(f"the network writes to its buffer {name} whenever it is evaluated")
    for node in module.graph.find_nodes(op="call_function", target=ATEN.as_strided.default):
        raise InputError(f"the network depends on the order of numbers in memory ({node.name})")
    for node in module.graph.nodes:
        if node.op == "call_function" and _draws(node):
            raise InputError(f"the network draws random numbers ({node.name})")


def _draws(node: Node) -> bool:
    """Whether an operation draws random numbers, which dropout does in training only."""
    if torch.Tag.nondeterministic_seeded not in getattr(node.target, "tags", ()):
        return False
    given = arguments(node)
    off = (given.get("train"), given.get("training"), given.get("dropout_p"))
    return not any(value is not None and not value for value in off)


def _simplify(module: GraphModule) -> None:
    """Take out checks of the input's shape and copies, and let no view depend on the memory format."""
    for node in module.graph.find_nodes(op="call_module"):
        module.graph.erase_node(node)
    for node in module.graph.find_nodes(op="call_function", target=ATEN.clone.default):
        node.replace_all_uses_with(node.args[0])
        module.graph.erase_node(node)
    for view in (ATEN.view.default, ATEN._unsafe_view.default):
        for node in module.graph.find_nodes(op="call_function", target=view):
            node.target = ATEN.reshape.default  # for maps whose channels are last in memory


def _restore_batch_norm(module: GraphModule) -> None:
    """One operation with one result for each batch-norm in evaluation, which torch.export takes apart."""
    apart = ATEN._native_batch_norm_legit_no_training.default
    for node in module.graph.find_nodes(op="call_function", target=apart):
        if any(user.target is not getitem or user.args[1] != 0 for user in node.users):
            continue  # statistics of the batch are read, too
        *given, momentum, eps = node.args
        with module.graph.inserting_before(node):
            norm = module.graph.call_function(ATEN.batch_norm.default, (*given, False, momentum, eps, False))
        norm.meta["val"] = node.meta["val"][0]
        for user in tuple(node.users):
            user.replace_all_uses_with(norm)
            module.graph.erase_node(user)
        module.graph.erase_node(node)


def _fold_constants(module: GraphModule) -> None:
    """Compute once what depends on no image, such as normalised weights, masks and coordinates."""
    values: dict[Node, Any] = {}
    for node in module.graph.nodes:
        is_operation = node.target is getitem or isinstance(node.target, torch._ops.OpOverload)
        if node.op == "get_attr":
            values[node] = constant(module, node)
        elif is_operation and values.keys() >= set(node.all_input_nodes):
            args, kwargs = map_arg((node.args, dict(node.kwargs)), values.__getitem__)
            values[node] = node.target(*args, **kwargs)
    for node, value in values.items():
        if node.op != "get_attr" and isinstance(value, Tensor) and not values.keys() >= set(node.users):
            with module.graph.inserting_before(node):
                node.replace_all_uses_with(_add_buffer(module, f"{node.name}_folded", value))


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


def is_constant(node: object) -> bool:
    """Whether an argument of a call is the same for all images."""
    return not isinstance(node, Node) or node.op == "get_attr"


def constant(module: GraphModule, node: object) -> Any:
    """The parameter or buffer that a node stands for; what is no node is returned as it is."""
    if not isinstance(node, Node):
        return node
    path, _, name = str(node.target).rpartition(".")
    return getattr(module.get_submodule(path), name)


def _fold_batch_norm(module: GraphModule, norm: Node) -> None:
    """Fold a batch-norm into the convolution before it, if no other node reads that."""
    given, before = arguments(norm), norm.args[0]
    if not isinstance(before, Node) or before.target is not ATEN.conv2d.default or len(before.users) > 1:
        return
    names = ("running_mean", "running_var", "eps", "weight", "bias")
    if given["training"] or not all(map(is_constant, (*(given[n] for n in names), *before.args[1:3]))):
        return
    weights = [constant(module, node) for node in before.args[1:3]]
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
    """The network from the maps ``given`` of n candidates to the scores."""
    graph = Graph()
    known = {node: graph.placeholder(node.name) for node in given}
    count = graph.call_function(ATEN.sym_size.int, (known[given[0]], 0))
    (image,) = module.graph.find_nodes(op="placeholder")
    for node in module.graph.nodes:
        if node.op == "output":
            (scores,) = node.args[0]
            graph.output(known[scores])
        elif node.target is ATEN.sym_size.int and node.args == (image, 0):
            known[node] = count
        elif node.op != "placeholder" and node not in known and known.keys() >= set(node.all_input_nodes):
            known[node] = graph.node_copy(node, known.__getitem__)
            fix_kernels(known[node])
    return _without_dead_code(module, graph)


def fix_kernels(node: Node) -> None:
    """Let a convolution or a dense layer have the same kernel for any number of images, see ``fusion``."""
    if node.target is ATEN.conv2d.default:
        given = arguments(node)
        where = (given[name] for name in ("padding", "stride", "dilation", "groups"))
        node.args, node.kwargs = (given["input"], given["weight"], given["bias"], *where), {}
        node.target = convolve()
    elif node.target is ATEN.linear.default:
        node.target = product


def _without_dead_code(module: GraphModule, graph: Graph) -> GraphModule:
    graph.eliminate_dead_code()
    return GraphModule(module, graph)
