"""The memory plan: every buffer's place in one arena, by lifetime, before the first step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nnctl.ops.base import Graph, Node, Value
from nnctl.program.slices import repeated

ALIGNMENT = 64


@dataclass(eq=False)
class _Buffer:
    """Memory shared by a value, its views, and what is written over it in place."""

    nbytes: int
    start: int
    end: int
    offset: int = field(init=False)
    """Where it lies in the arena, unless it is external."""
    external: Value | None = None
    """The leaf (variable, constant) or pinned value whose memory lies outside the arena."""


@dataclass
class MemoryPlan:
    """Offsets (bytes) in the arena for values and for each node's scratch, and the arena's exact size."""

    size: int
    offsets: dict[Value, int]
    external: dict[Value, Value]
    """Values that live outside: the leaf or pinned value whose memory they are."""
    scratch: dict[Node, tuple[int, int]] = field(default_factory=dict)
    """(offset, bytes) a node that needs some."""

    def scratch_of(self, node: Node) -> tuple[int, int]:
        """Offset and bytes of a node's scratch, of whatever node."""
        return self.scratch.get(node, (0, 0))


def plan_memory(
    graph: Graph,
    outputs: Sequence[Value],
    pinned: Mapping[Value, str],
    threads: int,
    scratch_of: Callable[[Node], int] | None = None,
) -> MemoryPlan:
    """Place every value of `graph`.

    Args:
        outputs: Values that are read after the last node.
        pinned: Values whose memory is given from outside (gradients in the flat buffer).
        threads: How many threads the kernels' scratch is for.
        scratch_of: Bytes of scratch that a node needs, where that is not the kernels'.
    """
    buffers: dict[Value, _Buffer] = {}
    last = _last_uses(graph, outputs)
    outside = [*graph.variables.values(), *graph.constants]
    for leaf in [*outside, *graph.inputs.values()]:
        buffers[leaf] = _Buffer(leaf.type.nbytes, -1, last.get(leaf, -1))
    for leaf in outside:
        buffers[leaf].external = leaf
    buffers |= _wholes(graph, buffers, last)
    arena = [b for b in dict.fromkeys(buffers.values()) if b.external is None]
    scratch: dict[Node, _Buffer] = {}
    for at, node in enumerate(graph.nodes):
        for out in node.outputs:
            buffer = buffers.get(out) or _shared(node, out, at, buffers, pinned)
            if buffer is None:
                buffer = _Buffer(out.type.nbytes, at, at)
                if out in pinned:
                    buffer.external = out
                else:
                    arena.append(buffer)
            buffer.end = max(buffer.end, last.get(out, at))
            buffers[out] = buffer
        need = scratch_of(node) if scratch_of is not None else _scratch(node, threads)
        if need:
            scratch[node] = _Buffer(need, at, at)
            arena.append(scratch[node])
    size = _place(arena)
    return MemoryPlan(
        size,
        {v: b.offset for v, b in buffers.items() if b.external is None},
        {v: b.external for v, b in buffers.items() if b.external is not None},
        {n: (b.offset, b.nbytes) for n, b in scratch.items()},
    )


def _scratch(node: Node, threads: int) -> int:
    """Bytes of scratch that a node's kernels need."""
    return node.op.scratch([v.type for v in node.inputs], [v.type for v in node.outputs], threads)


def _wholes(
    graph: Graph, buffers: Mapping[Value, _Buffer], last: Mapping[Value, int]
) -> dict[Value, _Buffer]:
    """Buffers of what slices read and make of all examples, which are there from the first to the last slice;
    a part shares its whole's."""
    made: dict[Value, _Buffer] = {}
    repeats = repeated(graph)
    for part, whole in graph.slices.wholes.items() if graph.slices is not None else ():
        buffer = buffers.get(whole) or _Buffer(whole.type.nbytes, repeats.start, repeats.stop)
        buffer.end = max(buffer.end, last.get(whole, -1), repeats.stop)
        made |= {part: buffer, whole: buffer}
    return made


def _last_uses(graph: Graph, outputs: Sequence[Value]) -> dict[Value, int]:
    """The index of the last node that reads a value, through views too."""
    last: dict[Value, int] = dict.fromkeys([*outputs, *_kept(graph)], len(graph.nodes))
    for at, node in enumerate(graph.nodes):
        for value in node.reads:
            last[value] = max(last.get(value, at), at)
    return last


def _kept(graph: Graph) -> list[Value]:
    """What nodes that run again read of those that do not."""
    made = {value for node in graph.nodes[: graph.settled] for value in node.outputs}
    return [value for node in graph.nodes[graph.settled :] for value in node.reads if value in made]


def _shared(
    node: Node,
    out: Value,
    at: int,
    buffers: Mapping[Value, _Buffer],
    pinned: Mapping[Value, str],
) -> _Buffer | None:
    """The buffer that `out` may take over: its view's base, or an input that dies at this node."""
    if node.op.view:
        return buffers[node.inputs[0]]
    if out in pinned:
        return None
    for out_index, in_index in node.op.inplace:
        if out_index != out.index or in_index >= len(node.inputs):
            continue
        value = node.inputs[in_index]
        buffer = buffers[value]
        if (
            buffer.external is None
            and buffer.end == at
            and value.type == out.type
            and sum(v is value or buffers[v] is buffer for v in node.inputs) == 1
            and not any(buffers.get(o) is buffer for o in node.outputs)
        ):
            return buffer
    return None


def _place(buffers: Sequence[_Buffer]) -> int:
    """Give every buffer an offset, largest first, each as low as its lifetime allows; the arena's size."""
    # Of what is placed: start, end, offset, and where the next may begin behind it.
    placed = np.zeros((4, len(buffers)), np.int64)
    size = 0
    order = sorted(range(len(buffers)), key=lambda i: (-buffers[i].nbytes, buffers[i].start, i))
    for count, index in enumerate(order):
        buffer = buffers[index]
        starts, ends, offsets, behind = placed[:, :count]
        rivals = np.flatnonzero((starts <= buffer.end) & (buffer.start <= ends))
        rivals = rivals[np.argsort(offsets[rivals], kind="stable")]
        # The lowest place behind each rival and all below it, and the first of them with room enough above.
        lowest = np.maximum.accumulate(np.concatenate([[0], behind[rivals]]))
        room = np.flatnonzero(offsets[rivals] >= lowest[:-1] + buffer.nbytes)
        buffer.offset = int(lowest[room[0] if room.size else -1])
        end = _aligned(buffer.offset + buffer.nbytes)
        placed[:, count] = buffer.start, buffer.end, buffer.offset, end
        size = max(size, end)
    return size


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT
