"""Parts of a graph as networks of their own."""

from collections.abc import Sequence

from torch.fx import Graph, GraphModule, Node

from .graph import ATEN


def beginning(module: GraphModule, wanted: Sequence[Node]) -> GraphModule:
    """Images -> the maps ``wanted``, as a tuple."""
    graph = Graph()
    known: dict[Node, Node] = {}
    for node in module.graph.nodes:
        known[node] = graph.node_copy(node, known.__getitem__)
        if known.keys() >= set(wanted):
            break
    graph.output(tuple(known[node] for node in wanted))
    return _lean(module, graph)


def rest(module: GraphModule, given: Sequence[Node]) -> GraphModule:
    """The maps ``given`` -> what the whole network answers."""
    graph = Graph()
    known = {node: graph.placeholder(node.name) for node in given}
    count = graph.call_function(ATEN.sym_size.int, (known[given[0]], 0))
    for node in module.graph.nodes:
        if node.op == "output":
            (answer,) = node.args[0]
            graph.output(known[answer])
        elif node.target is ATEN.sym_size.int:
            known[node] = count
        elif node.op != "placeholder" and node not in known and known.keys() >= set(node.all_input_nodes):
            known[node] = graph.node_copy(node, known.__getitem__)
    return _lean(module, graph)


def _lean(module: GraphModule, graph: Graph) -> GraphModule:
    graph.eliminate_dead_code()
    return GraphModule(module, graph)
