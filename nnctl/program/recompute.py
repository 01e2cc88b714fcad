"""`training: {recompute: true}`: what gradients read is for the most part made again, not kept.

Forward nodes are cut into segments. What passes from one to a later one is kept; what gradients read besides
is made anew by copies of the segment's nodes, just before gradients read it. The last segment's gradients
come first, so that it is kept as it is. Random numbers are a function of the step (`core/keys.py`), so that
copies draw the same. Nodes that write variables, read what others write, or run only in some steps have no
copies.

Source: Chen et al., 2016, "Training Deep Nets with Sublinear Memory Cost".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import isqrt

from nnctl.ops.base import Graph, Node, Value


def recompute(graph: Graph, forward: int) -> None:
    """Rewrite a graph with gradients, whose first nodes, `forward` of them, are not theirs."""
    nodes, back = graph.nodes[:forward], graph.nodes[forward:]
    seen = _Forward(graph, nodes, back)
    cuts = seen.best_cuts()
    kept = seen.kept(cuts)
    # The last segment's gradients come first: they find all that they read.
    for start, stop in reversed(list(pairwise([0, *cuts]))):
        back = _made_again(graph, nodes[start:stop], back, kept)
    graph.nodes = [*nodes, *back]


def _root(value: Value) -> Value:
    """The value whose memory this one is seen in."""
    while value.node is not None and value.node.op.view:
        value = value.node.inputs[0]
    return value


class _Forward:
    """What forward nodes make, how far others of them read it, and what gradients read of it."""

    def __init__(self, graph: Graph, nodes: Sequence[Node], back: Sequence[Node]) -> None:
        self.nodes = nodes
        self.made_at = {out: at for at, node in enumerate(nodes) for out in node.outputs if not node.op.view}
        self.saved = self.made_at.keys() & {_root(value) for node in back for value in node.reads}
        self.last_read = dict.fromkeys(self.made_at, -1)
        for at, node in enumerate(nodes):
            self.last_read |= {_root(v): at for v in node.reads if _root(v) in self.made_at}
        written = {node.inputs[at] for node in graph.nodes for at in node.op.mutates}
        self.once = {
            out
            for node in nodes
            if node.only is not None or node.op.mutates or not written.isdisjoint(map(_root, node.reads))
            for out in node.outputs
        }

    def kept(self, cuts: Sequence[int]) -> set[Value]:
        """What stays until gradients have read it, with segments that start at 0 and at `cuts`."""
        crossing = {
            value
            for value, at in self.made_at.items()
            if value in self.once or bisect_right(cuts, at) < bisect_right(cuts, self.last_read[value])
        }
        # Whoever makes what is kept does not run again for its other outputs.
        return {out for value in crossing if value.node is not None for out in value.node.outputs}

    def best_cuts(self) -> list[int]:
        """Where segments start, so that what is kept and what one of them makes again are least together."""
        sizes = [sum(out.type.nbytes for out in node.outputs if out in self.saved) for node in self.nodes]
        before = [0, *accumulate(sizes)]
        crossing = self._crossing()
        tried = [
            _cut(before, crossing, before[-1] // pieces) for pieces in range(1, 2 * isqrt(len(sizes)) + 2)
        ]
        return min(tried, key=self._peak)

    def _crossing(self) -> list[int]:
        """For each node, the bytes made before it that it or a later one reads."""
        change = [0] * (len(self.nodes) + 2)
        for value, at in self.made_at.items():
            if self.last_read[value] > at:
                change[at + 1] += value.type.nbytes
                change[self.last_read[value] + 1] -= value.type.nbytes
        return list(accumulate(change))

    def _peak(self, cuts: Sequence[int]) -> int:
        """About the bytes of what is kept, and of what the largest segment makes."""
        kept = self.kept(cuts)
        segments = [0] * (len(cuts) + 1)
        for value in self.saved - kept:
            segments[bisect_right(cuts, self.made_at[value])] += value.type.nbytes
        crossing = {v for v in kept if v in self.saved or self.last_read[v] > self.made_at[v]}
        return sum(value.type.nbytes for value in crossing) + max(segments)


def _cut(before: Sequence[int], crossing: Sequence[int], most: int) -> list[int]:
    """Segments that save about `most` bytes, from where least crosses in the second half of what they may be.

    Args:
        before: For each node what those before it save, then what all do.
    """
    cuts: list[int] = []
    start = 0
    while before[-1] - before[start] > most:
        stop = max(bisect_right(before, before[start] + most) - 1, start + 1)
        half = max(bisect_right(before, before[start] + most // 2) - 1, start + 1)
        start = min(range(half, stop + 1), key=lambda at: (crossing[at], -at))
        cuts.append(start)
    return cuts


def _made_again(graph: Graph, segment: Sequence[Node], back: list[Node], kept: set[Value]) -> list[Node]:
    """`back` with copies of a segment's nodes where it first reads what is not kept of it."""
    own = {out for node in segment for out in node.outputs if _root(out).node and _root(out) not in kept}
    wanted = {value for node in back for value in node.reads if value in own}
    again: list[Node] = []
    for node in reversed(segment):
        if not wanted.isdisjoint(node.outputs):
            wanted.update(value for value in node.reads if value in own)
            again.append(node)
    copies: dict[Value, Value] = {}
    nodes: list[Node] = []
    for node in reversed(again):
        copy = graph.node(node.op, [copies.get(v, v) for v in node.inputs], node.origin)
        copies |= zip(node.outputs, copy.outputs, strict=True)
        nodes.append(copy)
    first = next((at for at, node in enumerate(back) if not wanted.isdisjoint(node.reads)), len(back))
    for node in back:
        node.inputs = tuple(copies.get(value, value) for value in node.inputs)
    return [*back[:first], *nodes, *back[first:]]
