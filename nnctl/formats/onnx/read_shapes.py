"""What moves and joins: axes change places without a layer where they can."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from nnctl.formats.onnx.flows import Flow
from nnctl.formats.onnx.read_constants import axes_of
from nnctl.formats.onnx.read_file import FileNode
from nnctl.formats.onnx.reading import BATCH, Reading, Unread, reads


@reads("Transpose")
def transpose(r: Reading, node: FileNode) -> None:
    """The axes are called otherwise; nothing moves before somebody asks for an order."""
    flow = r.flows.get(r.input(node, 0))
    if flow is None:
        raise Unread("it reads a constant where nnctl's layer reads another layer")
    order = node.ints("perm") or tuple(reversed(range(flow.rank)))
    if sorted(order) != list(range(flow.rank)):
        raise Unread("its axes are not those of its input")
    if flow.order is not None:
        flow = r.plain(flow)
    halves = None if flow.halves is None else order.index(flow.halves)
    r.give(node, r.same(node, flow, axes=tuple(flow.axes[axis] for axis in order), halves=halves))


@reads("Squeeze")
def squeeze(r: Reading, node: FileNode) -> None:
    """Axes of length 1 go."""
    flow = r.flow(node)
    axes = axes_of(r, node)
    if axes is None and 1 in r.batches:
        raise Unread("it drops the batch where that is one example")
    gone = (
        [a for a in range(flow.rank) if flow.length(a) == 1]
        if axes is None
        else [a % flow.rank for a in axes]
    )
    if any(flow.length(axis) != 1 for axis in gone):
        raise Unread("it drops an axis that may be longer than 1")
    if flow.order is not None:
        flow = r.plain(flow)
    kept = [axis for axis in range(flow.rank) if axis not in gone]
    r.give(node, _without(r, node, flow, gone, tuple(flow.axes[axis] for axis in kept)))


def _without(r: Reading, node: FileNode, flow: Flow, gone: list[int], axes: tuple[int | None, ...]) -> Flow:
    """A flow without some of the file's axes, which are of length 1."""
    here = sorted(flow.axes[axis] or 0 for axis in gone if flow.axes[axis] is not None)
    if not here:
        return r.same(node, flow, axes=axes)
    entry = r.alone(node)
    places = [0, *(at for at in range(1, len(flow.shape) + 1) if at not in here)]
    left = tuple(None if a is None else places.index(a) for a in axes)
    shape = tuple(flow.shape[at - 1] for at in places[1:])
    if entry is not None and entry["type"].startswith("Global") and len(places) == 2:
        # All that was pooled over: without these axes it is the layer's own default.
        entry.pop("keepdims", None)
        return replace(flow, shape=shape, axes=left)
    if sum(n is None for n in shape) > 1:
        raise Unread("two lengths vary where an axis is dropped")
    made = r.layer("Reshape", [flow], target_shape=[-1 if n is None else n for n in shape])
    return replace(made, axes=left, positive=flow.positive, whole=flow.whole)


@reads("Unsqueeze")
def unsqueeze(r: Reading, node: FileNode) -> None:
    """Axes of length 1 come: they are only noted."""
    flow = r.flow(node)
    axes = axes_of(r, node) or []
    rank = flow.rank + len(axes)
    new = {axis % rank for axis in axes}
    if flow.order is not None:
        flow = r.plain(flow)
    old = iter(flow.axes)
    r.give(node, r.same(node, flow, axes=tuple(None if at in new else next(old) for at in range(rank))))


@reads("Flatten")
def flatten(r: Reading, node: FileNode) -> None:
    """All behind the batch in a row."""
    flow = r.flow(node)
    if node.get("axis", 1) % max(flow.rank, 1) != 1 and flow.rank != 1:
        raise Unread("it leaves more than the batch standing")
    r.give(node, _in_a_row(r, node, flow, 2))


def _in_a_row(r: Reading, node: FileNode, flow: Flow, rank: int) -> Flow:
    """A flow (B, ...) as (B, N), or with axes of length 1 between."""
    if flow.order is not None:
        return r.same(node, flow, axes=(0, *(None,) * (rank - 2), 1))
    entry = r.alone(node)
    if entry is not None and entry["type"].startswith("Global") and entry.get("keepdims"):
        entry.pop("keepdims")
        return replace(flow, shape=flow.shape[-1:], axes=(0, *(None,) * (rank - 2), 1))
    return r.flat(flow, rank)


@reads("Reshape")
def reshape(r: Reading, node: FileNode) -> None:
    """Another shape behind the batch."""
    flow = r.flows.get(r.input(node, 0))
    if flow is None:
        raise Unread("it reads a constant where nnctl's layer reads another layer")
    target = _target(r, node)
    if flow.halves is not None:
        _joined_directions(r, node, flow, target)
        return
    if node.get("allowzero", 0) and 0 in target:
        raise Unread("it makes an axis of length 0")
    lengths = flow.lengths()
    if flow.axes[:1] != (0,):
        r.give(node, _but_directions(r, node, flow, target))
        return
    wanted = [flow.length(at) if n == 0 and at < flow.rank else n for at, n in enumerate(target)]
    if not _is_batch(r, target[:1], lengths, wanted[1:]):
        raise Unread("it mixes the batch with other axes")
    behind = [-1 if n is None and target[at] != 0 else n for at, n in enumerate(wanted)][1:]
    known = [n for n in lengths if n is not None]
    if behind.count(-1) == 1 and len(known) == len(lengths):
        rest = prod(n for n in behind if n not in (-1, None))
        behind[behind.index(-1)] = prod(known) // rest if rest else 0
    if behind == lengths:
        r.give(node, r.same(node, flow))
    elif len(behind) == 1 or all(n == 1 for n in behind[:-1]):
        r.give(node, _in_a_row(r, node, flow, len(behind) + 1))
    elif _but_ones(behind) == _but_ones(lengths) and flow.order is None:
        _with_other_ones(r, node, flow, behind)
    else:
        whole = r.plain(flow)
        if sum(n in (-1, None) for n in behind) > 1:
            raise Unread("two of its lengths vary")
        made = r.layer(
            "Reshape", [whole], r.called(node), target_shape=[-1 if n is None else n for n in behind]
        )
        r.give(node, replace(made, positive=flow.positive, whole=flow.whole))


def _but_directions(r: Reading, node: FileNode, flow: Flow, target: list[Any]) -> Flow:
    """A flow whose batch is not its first axis, in a shape that only has other axes of length 1."""
    kept = [axis for axis, here in enumerate(flow.axes) if here is not None]
    places = [at for at, n in enumerate(target) if n != 1 or len(target) == len(kept)]
    if len(places) != len(kept):
        raise Unread("the batch is not its first axis")
    axes: list[int | None] = [None] * len(target)
    for axis, at in zip(kept, places, strict=True):
        wanted, length = target[at], flow.length(axis)
        batch = flow.axes[axis] == 0 and (wanted in (0, -1, None, BATCH) or wanted in r.batches)
        if not batch and wanted not in (0, -1, None, length):
            raise Unread("the batch is not its first axis")
        axes[at] = flow.axes[axis]
    return r.same(node, flow, axes=tuple(axes))


def _target(r: Reading, node: FileNode) -> list[Any]:
    name = r.input(node, 1)
    if name in r.sizes:
        return list(r.sizes[name])
    if "shape" in node.attributes:
        return list(node.ints("shape"))
    found: list[Any] = r.need_constant(node, 1, "shape").reshape(-1).tolist()
    return found


def _is_batch(r: Reading, first: list[Any], lengths: list[int | None], behind: list[Any]) -> bool:
    """Whether the first number of a shape stands for the batch."""
    if not first or first[0] in (0, BATCH):
        return bool(first)
    known = [n for n in behind if isinstance(n, int)]
    if first[0] in (-1, None):
        return (
            None not in lengths
            and len(known) == len(behind)
            and -1 not in known
            and prod(known) == prod(n for n in lengths if n is not None)
        )
    return first[0] in r.batches


def _but_ones(lengths: list[Any]) -> list[Any]:
    return [n for n in lengths if n != 1]


def _with_other_ones(r: Reading, node: FileNode, flow: Flow, behind: list[Any]) -> None:
    """A shape that differs in axes of length 1."""
    ones = [axis for axis in range(1, flow.rank) if flow.length(axis) == 1]
    there = [here for axis, here in enumerate(flow.axes) if axis not in ones and axis > 0]
    left = _without(r, node, flow, ones, (0, *there))
    rest = iter(left.axes[1:])
    r.give(node, replace(left, axes=(0, *(None if n == 1 else next(rest) for n in behind))))


def _joined_directions(r: Reading, node: FileNode, flow: Flow, target: list[Any]) -> None:
    """Both directions of a recurrence side by side: their axis goes into the features' behind it."""
    at = flow.halves
    last = flow.rank - 1
    if at != last - 1 or len(target) != last:
        raise Unread("both directions of a recurrence are seen otherwise than side by side")
    made = r.layer("Concatenate", flow.parts)
    axes = (*flow.axes[:at], len(made.shape))
    r.give(node, replace(made, axes=axes))


@reads("Concat")
def concat(r: Reading, node: FileNode) -> None:
    """Flows side by side along an axis."""
    if any(r.constant(node, at) is not None for at in range(len(node.inputs))):
        raise Unread("it joins flows with constants")
    flows = [r.flow(node, at) for at in range(len(node.inputs))]
    first = flows[0]
    axis = node.get("axis", 0) % first.rank
    if any(flow.rank != first.rank for flow in flows):
        raise Unread("its inputs have unlike numbers of axes")
    turned = any(flow.order is not None for flow in flows)
    if turned or None in first.axes or any(flow.axes != first.axes for flow in flows):
        order = _places(first) if not turned and None not in first.axes else list(range(first.rank))
        flows = [r.arranged(flow, order) for flow in flows]
        first = flows[0]
    here = first.axes[axis]
    if not here:
        raise Unread("it joins along the batch")
    if len(flows) == 1:
        r.give(node, r.same(node, first))
        return
    fields = {} if here == len(first.shape) else {"axis": here}
    made = r.layer("Concatenate", flows, r.called(node), **fields)
    r.give(node, r.like(made, first, positive=all(flow.positive for flow in flows)))


def _places(flow: Flow) -> list[int]:
    """The file's axes in the order in which they stand here."""
    return [int(axis) for axis in np.argsort([here or 0 for here in flow.axes])]
