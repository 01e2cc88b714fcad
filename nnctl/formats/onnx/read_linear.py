"""Products with weights, rows of tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nnctl.core.arrays import Array
from nnctl.formats.onnx.flows import Flow
from nnctl.formats.onnx.read_file import FileNode
from nnctl.formats.onnx.reading import Reading, Unread, reads


@reads("Gemm")
def gemm(r: Reading, node: FileNode) -> None:
    """alpha A B + beta C as a Dense."""
    if node.get("transA", 0):
        raise Unread("it turns its input over")
    kernel = r.need_constant(node, 1, "matrix")
    if kernel.ndim != 2:
        raise Unread("its matrix has not two axes")
    kernel = _times(kernel.T if node.get("transB", 0) else kernel, node.get("alpha", 1.0))
    bias = None
    if r.input(node, 2):
        given = r.need_constant(node, 2, "bias")
        if given.size not in (1, kernel.shape[1]) or (given.ndim > 1 and given.shape[0] != 1):
            raise Unread("it adds a number to each place, not one to each column")
        bias = _times(np.broadcast_to(given.reshape(-1), (kernel.shape[1],)), node.get("beta", 1.0))
    _dense(r, node, r.flow(node), kernel, bias)


def _times(array: Array, factor: float) -> Array:
    """Where the factor is 1, as mostly, without a copy of what may be large."""
    return array if factor == 1 else array * np.float32(factor)


@reads("MatMul")
def matmul(r: Reading, node: FileNode) -> None:
    """A product with a weight as a Dense; one of two flows as a Dot."""
    kernel = r.constant(node, 1)
    if kernel is not None:
        if kernel.ndim != 2:
            raise Unread("its weight has not two axes")
        _dense(r, node, r.flow(node), kernel, None)
        return
    if r.constant(node, 0) is not None:
        raise Unread("its first factor is constant")
    flows = [r.plain(r.flow(node, at)) for at in (0, 1)]
    if any(flow.rank != 3 for flow in flows):
        raise Unread("it is a product of two inputs in several axes", "three axes each, the batch included")
    r.give(node, r.layer("Dot", flows, r.called(node), axes=[2, 1]))


def _dense(r: Reading, node: FileNode, flow: Flow, kernel: Array, bias: Array | None) -> None:
    here = flow.axes[-1]
    if here is None or here != len(flow.shape):
        flow = r.plain(flow)
    if flow.order is not None:
        kernel = kernel[flow.order] if len(flow.order) == len(kernel) else kernel
    weights = {"kernel": kernel} | ({} if bias is None else {"bias": bias})
    fields = {"units": kernel.shape[1]} | ({"use_bias": False} if bias is None else {})
    if flow.shape[-1] != kernel.shape[0]:
        raise Unread(f"its matrix of {list(kernel.shape)} does not fit {flow.shape[-1]} numbers")
    made = r.layer("Dense", [flow], r.owner(node, 1), weights, **fields)
    r.give(node, replace(made, axes=flow.axes))


@reads("Gather")
def gather(r: Reading, node: FileNode) -> None:
    """Rows of a constant table by whole numbers as an Embedding; a direction of a recurrence."""
    table = r.constant(node, 0)
    if table is None:
        _place(r, node)
        return
    if table.ndim != 2 or node.get("axis", 0) % table.ndim != 0:
        raise Unread("its table has not two axes, or is not read by rows")
    flow = r.plain(r.flow(node, 1))
    if not flow.whole:
        raise Unread("its numbers are not whole")
    sizes = {"input_dim": table.shape[0], "output_dim": table.shape[1]}
    r.give(node, r.layer("Embedding", [flow], r.owner(node, 0), {"embeddings": table}, **sizes))


def _place(r: Reading, node: FileNode) -> None:
    name, at = r.input(node, 0), r.need_constant(node, 1, "place")
    flow = r.flows.get(name)
    if flow is None or at.size != 1:
        raise Unread("it picks several places of what follows from the input")
    axis, place = node.get("axis", 0) % flow.rank, int(at.reshape(-1)[0])
    kept = (axis,) if at.ndim else ()
    if flow.halves is not None and axis == flow.halves:
        part = flow.parts[place]
        axes = [here for a, here in enumerate(flow.axes) if a != axis or kept]
        r.give(
            node, replace(part, axes=tuple(None if a in kept else n for a, n in enumerate(axes)), entry=None)
        )
        return
    if flow.halves is None and flow.axes[axis] is None and place in (0, -1):
        r.give(
            node, r.same(node, flow, axes=flow.axes if kept else (*flow.axes[:axis], *flow.axes[axis + 1 :]))
        )
        return
    if flow.halves is None and flow.order is None and flow.axes[axis] == 1 and len(flow.shape) == 2:
        r.give(node, _step(r, node, flow, axis, place, bool(kept)))
        return
    raise Unread("it picks a place of what follows from the input")


def _step(r: Reading, node: FileNode, flow: Flow, axis: int, place: int, keep: bool) -> Flow:
    """One step of a sequence (B, T, C): the last one of a recurrence is what it gives without its steps."""
    entry, length = r.alone(node), flow.shape[0]
    axes = [n if n is None or n == 0 else n - 1 for a, n in enumerate(flow.axes) if a != axis]
    if keep:
        axes.insert(axis, None)
    last = place == -1 or (length is not None and place == length - 1)
    if last and entry is not None and entry["type"] in ("LSTM", "GRU", "SimpleRNN"):
        entry.pop("return_sequences", None)
        return replace(flow, shape=flow.shape[1:], axes=tuple(axes), entry=None)
    if length is None or not -length <= place < length:
        raise Unread("it picks a step of a sequence whose length varies")
    before = place % length
    made = r.layer("Cropping1D", [flow], cropping=[before, length - 1 - before])
    made = r.layer("Reshape", [made], target_shape=[flow.shape[1]])
    return replace(made, axes=tuple(axes), positive=flow.positive)
