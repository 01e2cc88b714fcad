"""Rewrites of an op graph, by name: dead code, fusion into producers; more in inference and before gradients.

A pass takes the graph and the values that must survive, and changes the graph in place, keeping those values'
identity. The tests' table of invariants holds between passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from nnctl.ops.base import Graph, Node, Value

Pass = Callable[[Graph, Sequence[Value]], None]


def dead_code(graph: Graph, keep: Sequence[Value]) -> None:
    """Drop nodes whose outputs nobody reads, that write no variable and end no run."""
    live = set(keep)
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if node.op.mutates or node.op.stops or any(out in live for out in node.outputs):
            live.update(node.reads)
            kept.append(node)
    graph.nodes = kept[::-1]


def follow(graph: Graph, keep: Sequence[Value]) -> None:
    """Let ops take the op behind them into their gradient too (an activation after a normalization ...).

    It pays before gradients are made: then they are those of the whole. In inference, where there are none,
    it comes behind `fold`, which wants normalizations as they are.
    """
    uses = Counter(value for node in graph.nodes for value in node.reads)
    uses.update(keep)
    gone: set[Node] = set()
    at = {node: number for number, node in enumerate(graph.nodes)}
    for node in list(graph.nodes):
        producer = node.inputs[0].node if node.inputs and len(node.outputs) == 1 else None
        if producer is None or producer.only != node.only:
            continue
        (read, *others), (first, *rest) = producer.outputs, node.inputs
        op = producer.op.followed_by(node.op) if first is read and uses[read] == 1 else None
        if op is None:
            continue
        # It runs where its other inputs are ready, or else where its other outputs are read behind it.
        last = node if rest else producer
        outputs = (*node.outputs, *others)
        fused = Node(op, (*producer.inputs, *rest), outputs, last.origin, producer.only)
        for out in outputs:
            out.node = fused
        at[fused] = at[last]
        graph.nodes[at[fused]] = fused
        gone |= {producer, node}
    graph.nodes = [node for node in graph.nodes if node not in gone]


def share(graph: Graph, keep: Sequence[Value]) -> None:
    """Let an op make what a later reader of its input would need it for (an activation its slope ...).

    That is kept in the input's place, so that no more memory is needed.
    """
    readers: dict[Value, list[Node]] = {}
    for node in graph.nodes:
        for value in node.reads:
            readers.setdefault(value, []).append(node)
    made: dict[Node, Node] = {}
    for value, nodes in readers.items():
        first, later = nodes[0], nodes[-1]
        if len(nodes) != 2 or value in keep or first.inputs != (value,) or first.only != later.only:
            continue
        ops = first.op.shared_with(later.op)
        if ops is None:
            continue
        shared = graph.node(ops[0], first.inputs, first.origin, first.only)
        (*_, extra), own = shared.outputs, first.outputs
        reads = tuple(extra if each is value else each for each in later.inputs)
        shared.outputs = (*own, extra)
        made |= {first: shared, later: Node(ops[1], reads, later.outputs, later.origin, later.only)}
        for out in (*own, *later.outputs):
            out.node = made[first if out in own else later]
    graph.nodes = [made.get(node, node) for node in graph.nodes]


def fuse(graph: Graph, keep: Sequence[Value]) -> None:
    """Let producers absorb the elementwise op that is their only reader (activation after a product ...).

    One sweep is enough: what a node becomes changes nothing for the nodes before it.
    """
    uses = Counter(value for node in graph.nodes for value in node.reads)
    uses.update(keep)
    gone: set[Node] = set()
    for at, node in enumerate(graph.nodes):
        while (found := _absorbed(node, uses)) is not None:
            producer, node = found
            gone.add(producer)
            # The fused node runs where the consumer ran: its other inputs are ready there.
            graph.nodes[at] = node
    graph.nodes = [node for node in graph.nodes if node not in gone]


def _absorbed(consumer: Node, uses: Counter[Value]) -> tuple[Node, Node] | None:
    """Fuse `consumer` into the producer of one of its inputs, if one takes it: (producer, fused node)."""
    if len(consumer.outputs) != 1 or consumer.op.mutates:
        return None
    for value in consumer.inputs:
        producer = value.node
        if producer is None or uses[value] != 1 or producer.op.view or producer.op.mutates:
            continue
        if producer.only != consumer.only:
            continue
        if any(uses[out] for out in producer.outputs if out is not value):
            continue
        op = producer.op.absorb(producer, consumer)
        if op is None:
            continue
        others = tuple(v for v in consumer.inputs if v is not value)
        fused = Node(op, producer.inputs + others, consumer.outputs, producer.origin, consumer.only)
        for out in fused.outputs:
            out.node = fused
        return producer, fused
    return None


def fold(graph: Graph, keep: Sequence[Value]) -> None:
    """Let what follows a linear op (a normalization by moving averages) go into its weights."""
    uses = Counter(value for node in graph.nodes for value in node.reads)
    uses.update(keep)
    made: dict[Node, Sequence[Node]] = {}
    for node in graph.nodes:
        producer = node.inputs[0].node if node.inputs else None
        if producer is None or uses[node.inputs[0]] != 1 or (producer.only, node.only) != (None, None):
            continue
        nodes = node.op.fold(node, producer)
        if nodes is not None:
            made |= {producer: (), node: nodes}
    graph.nodes = [each for node in graph.nodes for each in made.get(node, (node,))]


def lay_out(graph: Graph, keep: Sequence[Value]) -> None:
    """Let what kernels do to weights before they compute be nodes of its own."""
    nodes: list[Node] = []
    for node in graph.nodes:
        found = node.op.lay_out(node)
        if found is not None:
            op, inputs, computes = found
            first = graph.node(op, inputs, node.origin, node.only)
            node = Node(computes, (*node.inputs, *first.outputs), node.outputs, node.origin, node.only)
            for out in node.outputs:
                out.node = node
            nodes.append(first)
        nodes.append(node)
    graph.nodes = nodes


def weights_first(graph: Graph, keep: Sequence[Value]) -> None:
    """Put what follows from weights and constants alone before all else: it need not run again with them."""
    written = {node.inputs[at] for node in graph.nodes for at in node.op.mutates}
    settled = {*graph.variables.values(), *graph.constants} - written
    parts = graph.slices.wholes if graph.slices is not None else {}
    first, rest = [], []
    for node in graph.nodes:
        if any(out in parts for out in node.outputs):
            rest.append(node)  # each slice makes its own
        elif node.inputs and settled.issuperset(node.reads) and not node.op.mutates:
            settled.update(node.outputs)
            first.append(node)
        else:
            rest.append(node)
    graph.nodes, graph.settled = [*first, *rest], len(first)


PASSES: tuple[tuple[str, Pass, bool], ...] = (
    ("dead-code", dead_code, True),
    ("fold", fold, False),
    ("follow", follow, False),
    ("share", share, True),
    ("fuse", fuse, True),
    ("lay-out", lay_out, False),
    ("weights-first", weights_first, False),
)


def run_passes(
    graph: Graph, keep: Sequence[Value], watch: Callable[[str, Graph], None] | None = None
) -> None:
    """Every pass in order; `watch` sees the graph after each (for dumps and for tests' invariants)."""
    for name, rewrite, always in PASSES:
        if not (always or graph.inference):
            continue
        rewrite(graph, keep)
        if watch is not None:
            watch(name, graph)
