"""Inference in slices of a batch: what layers make of a few examples stays in the caches.

A program of inference over many examples would write what a layer makes of all of them to memory, and read
it back for the next layer. Where that takes longer than the arithmetic, its layers are traced over a slice of
the batch, and their nodes run once for each slice. An example's outputs have the same bits in any batch, so
they have them in any slice; losses and metrics, which add up over the batch, are made of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from nnctl.core.records import record
from nnctl.ops.activation import SIGMOID
from nnctl.ops.base import Graph, Slices, Value
from nnctl.ops.shape import copy, reshape
from nnctl.ops.softmax import Softmax

CACHE = 1 << 21
"""Bytes for each thread that an op may read and write of a slice."""
LEAN = 32
"""Operations for each byte of examples that is read or written: with more of them memory keeps up."""


@record
class Traffic:
    """What the nodes that run for each batch read and write.

    Attributes:
        widest: Bytes of examples of the node with the most of them.
        examples: Bytes of examples of all nodes.
        weights: Bytes of weights, which are read again for each slice.
        flops: Operations.
    """

    widest: int
    examples: int
    weights: int
    flops: int


def traffic(graph: Graph) -> Traffic:
    """Of all nodes of a program that do not follow from weights alone."""
    weights = {*graph.variables.values(), *graph.constants}
    weights.update(value for node in graph.nodes[: graph.settled] for value in node.outputs)
    widest = examples = read = flops = 0
    for node in graph.nodes[graph.settled :]:
        if node.op.view:
            continue
        own = sum(v.type.nbytes for v in (*node.inputs, *node.outputs) if v not in weights)
        widest, examples = max(widest, own), examples + own
        # What is laid out is read in that form alone.
        laid = {v for made in node.inputs if made.node is not None for v in made.node.inputs}
        read += sum(v.type.nbytes for v in node.inputs if v in weights and v not in laid)
        flops += node.op.flops([v.type for v in node.inputs], [v.type for v in node.outputs])
    return Traffic(widest, examples, read, flops)


def rows_of(graph: Graph, threads: int) -> int | None:
    """How many examples a slice of this program's batch shall have; None: it runs as it is."""
    batch = next(iter(graph.inputs.values())).shape[0]
    found = traffic(graph)
    if found.flops > LEAN * found.examples:
        return None
    rows = CACHE * threads * batch // max(found.widest, 1)
    if not 1 <= rows < batch or found.weights * batch > found.examples * rows:
        return None
    return rows


def sliced(batch: int, rows: int) -> Slices:
    """Slices of nearly `rows` examples, as few as can be; the last may begin in the one before it."""
    count = ceil(batch / rows)
    size = ceil(batch / count)
    return Slices(size, tuple(min(at * size, batch - size) for at in range(count)))


def whole(slices: Slices, value: Value, batch: int) -> Value:
    """What the slices make of all examples (B, ...), where `value` (rows, ...) is made of those of one.

    Losses ask what a softmax or a sigmoid was made of, so these are made of the whole.
    """
    node = value.node
    while node is not None and node.op.view:
        node = node.inputs[0].node
    if node is not None and (isinstance(node.op, Softmax) or node.op == SIGMOID):
        value.graph.origin = node.origin
        made = value.graph.add1(node.op, whole(slices, node.inputs[0], batch))
        return reshape(made, (batch, *value.shape[1:]))
    return slices.wholes.get(value) or _gathered(slices, value, batch)


def _gathered(slices: Slices, value: Value, batch: int) -> Value:
    """The whole of what a node makes; of a view, a copy is made."""
    node = value.node
    if node is None or node.op.view:
        value.graph.origin = node.origin if node is not None else ""
        value = copy(value)
    return slices.whole_of(value, batch)


def repeated(graph: Graph) -> range:
    """The numbers of the nodes that run for each slice."""
    if graph.slices is None:
        return range(0)
    ends = [
        at for at, node in enumerate(graph.nodes) if any(out in graph.slices.wholes for out in node.outputs)
    ]
    return range(graph.settled, ends[-1] + 1)


def moving(graph: Graph) -> Iterator[Value]:
    """The values that lie elsewhere for each slice: parts of wholes, and those under another shape."""
    if graph.slices is None:
        return
    found = set(graph.slices.wholes)
    for at in repeated(graph):
        node = graph.nodes[at]
        if node.op.view and node.inputs[0] in found:
            found.update(node.outputs)
    yield from found
