"""Convolutions, pooling, zeros around: channels come first in the file, last here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nnctl.formats.onnx.flows import Flow
from nnctl.formats.onnx.read_file import FileNode
from nnctl.formats.onnx.reading import Reading, Unread, reads

Pairs = list[tuple[int, int]]


def _spatial(r: Reading, node: FileNode) -> tuple[Flow, int]:
    flow = r.flow(node)
    if not 3 <= flow.rank <= 5:
        raise Unread(f"its input has {flow.rank} axes", "one to three besides the batch and the channels")
    return r.channels_last(flow), flow.rank - 2


def _back(flow: Flow, made: Flow, **changes: Any) -> Flow:
    """A layer's output as the file has it: channels first."""
    rank = len(made.shape) + 1
    return replace(made, axes=(0, rank - 1, *range(1, rank - 1)), **changes)


def _each(node: FileNode, name: str, count: int, default: int = 1) -> list[int]:
    given = list(node.ints(name)) or [default] * count
    if len(given) != count or any(n < 0 for n in given):
        raise Unread(f"its {name} are not {count} numbers")
    return given


def _around(
    node: FileNode, sizes: Sequence[int | None], windows: Sequence[int], strides: Sequence[int]
) -> Pairs | str:
    """What is around each axis; `same` or `valid` where nnctl has a word for it."""
    auto = node.get("auto_pad", "NOTSET")
    if auto == "SAME_UPPER":
        return "same"
    if auto == "VALID":
        return "valid"
    if auto != "NOTSET":
        raise Unread("it puts the odd zero before", "auto_pad SAME_UPPER")
    count = len(windows)
    pads = _each(node, "pads", 2 * count, 0)
    pairs = list(zip(pads[:count], pads[count:], strict=True))
    if not any(pads):
        return "valid"
    same = [_same(n, w, s) for n, w, s in zip(sizes, windows, strides, strict=True)]
    return "same" if pairs == same else pairs


def _same(size: int | None, window: int, stride: int) -> tuple[int, int] | None:
    if size is None and stride > 1:
        return None
    total = window - 1 if size is None else max((-(-size // stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def _padded(r: Reading, flow: Flow, pairs: Pairs) -> Flow:
    count = len(pairs)
    padding: Any = [list(pair) for pair in pairs]
    made = r.layer(f"ZeroPadding{count}D", [flow], padding=padding[0] if count == 1 else padding)
    return replace(made, axes=flow.axes, positive=flow.positive)


def _said(name: str, values: Sequence[int], default: int = 1) -> dict[str, Any]:
    """A field, one number where all are alike; nothing where it is the default."""
    if set(values) == {default}:
        return {}
    return {name: values[0] if len(set(values)) == 1 else list(values)}


@reads("Conv")
def convolution(r: Reading, node: FileNode) -> None:
    """Conv1D to Conv3D; of each channel by itself a DepthwiseConv."""
    x, count = _spatial(r, node)
    kernel = r.need_constant(node, 1, "kernel")
    if kernel.ndim != count + 2:
        raise Unread("its kernel has not the axes of its input")
    filters, per_group, *taps = kernel.shape
    groups, channels = node.get("group", 1), x.shape[-1]
    strides, dilations = _each(node, "strides", count), _each(node, "dilations", count)
    windows = [(k - 1) * d + 1 for k, d in zip(taps, dilations, strict=True)]
    around = _around(node, x.shape[:-1], windows, strides)
    if not isinstance(around, str):
        x, around = _padded(r, x, around), "valid"
    bias = r.need_constant(node, 2, "bias") if r.input(node, 2) else None
    fields: dict[str, Any] = {**_said("strides", strides), **_said("dilation_rate", dilations)}
    fields |= {"padding": around} if around != "valid" else {}
    fields |= {} if bias is not None else {"use_bias": False}
    size = taps[0] if len(set(taps)) == 1 else list(taps)
    if groups < 1 or per_group * groups != channels or filters % groups:
        raise Unread(
            f"its kernel of {list(kernel.shape)} in {groups} groups does not fit {channels} channels"
        )
    if groups == channels and groups > 1 and count < 3:
        moved = np.moveaxis(kernel, (0, 1), (-2, -1)).reshape(*taps, groups, filters // groups)
        more = {} if filters == groups else {"depth_multiplier": filters // groups}
        type, fields = f"DepthwiseConv{count}D", {"kernel_size": size, **more, **fields}
    else:
        moved = np.moveaxis(kernel, (1, 0), (-2, -1))
        type = f"Conv{count}D"
        fields = {
            "filters": filters,
            "kernel_size": size,
            **fields,
            **({"groups": groups} if groups > 1 else {}),
        }
    weights = {"kernel": moved} | ({} if bias is None else {"bias": bias})
    r.give(node, _back(x, r.layer(type, [x], r.owner(node, 1), weights, **fields)))


@reads("ConvTranspose")
def transposed(r: Reading, node: FileNode) -> None:
    """All that is spread, and what of it is cut off."""
    x, count = _spatial(r, node)
    kernel = r.need_constant(node, 1, "kernel")
    if kernel.ndim != count + 2 or node.get("group", 1) != 1:
        raise Unread("its kernel has not the axes of its input, or it is in groups")
    if node.ints("output_shape") or node.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise Unread("it says the output's shape", "pads and output_padding")
    filters, taps = kernel.shape[1], list(kernel.shape[2:])
    strides, dilations = _each(node, "strides", count), _each(node, "dilations", count)
    windows = [(k - 1) * d + 1 for k, d in zip(taps, dilations, strict=True)]
    pads, more = _each(node, "pads", 2 * count, 0), _each(node, "output_padding", count, 0)
    # nnctl's `valid` fills up to the stride where the window is shorter.
    rest = zip(pads[count:], more, strides, windows, strict=True)
    cut = list(zip(pads[:count], [p - m + max(s - w, 0) for p, m, s, w in rest], strict=True))
    if any(after < 0 for _, after in cut):
        raise Unread("its output is longer than what is spread over it")
    same = [(w - s, (w - s) // 2) for w, s in zip(windows, strides, strict=True)]
    padding = "same" if all(w >= s for w, s in zip(windows, strides, strict=True)) and cut == [
        (half, total - half) for total, half in same
    ] and any(total for total, _ in same) else "valid"  # fmt: skip
    bias = r.need_constant(node, 2, "bias") if r.input(node, 2) else None
    weights = {"kernel": np.moveaxis(kernel, (1, 0), (-2, -1))} | ({} if bias is None else {"bias": bias})
    size = taps[0] if len(set(taps)) == 1 else taps
    fields: dict[str, Any] = {"filters": filters, "kernel_size": size, **_said("strides", strides)}
    fields |= _said("dilation_rate", dilations) | ({} if bias is not None else {"use_bias": False})
    fields |= {"padding": padding} if padding == "same" else {}
    made = r.layer(f"Conv{count}DTranspose", [x], r.owner(node, 1), weights, **fields)
    if padding == "valid" and any(any(pair) for pair in cut):
        cropping: Any = [list(pair) for pair in cut]
        made = r.layer(f"Cropping{count}D", [made], cropping=cropping[0] if count == 1 else cropping)
    r.give(node, _back(x, made))


@reads("MaxPool", "AveragePool")
def pool(r: Reading, node: FileNode) -> None:
    """Windows; zeros around them are no candidates for a largest number, unless none is below 0."""
    x, count = _spatial(r, node)
    size, strides = _each(node, "kernel_shape", count), _each(node, "strides", count)
    largest = node.operator == "MaxPool"
    if set(_each(node, "dilations", count)) != {1}:
        raise Unread("its windows have gaps")
    if len(node.outputs) > 1 and r.left[node.outputs[1]]:
        raise Unread("the places of the largest numbers are read")
    around = _around(node, x.shape[:-1], size, strides)
    if node.get("ceil_mode", 0):
        around = _rounded_up(x, size, strides, around, largest)
    if not isinstance(around, str):
        if largest and not x.positive:
            raise Unread("what is around its input is below all numbers", "no padding, or a relu before it")
        if not largest and not node.get("count_include_pad", 0):
            raise Unread(
                "what is around its input does not count in means", "count_include_pad, or no padding"
            )
        x, around = _padded(r, x, around), "valid"
    elif around == "same" and not largest and node.get("count_include_pad", 0):
        same = [_same(n, w, s) for n, w, s in zip(x.shape[:-1], size, strides, strict=True)]
        x, around = _padded(r, x, [pair or (0, 0) for pair in same]), "valid"
    fields: dict[str, Any] = {"pool_size": size[0] if len(set(size)) == 1 else size}
    fields |= {} if size == strides else {"strides": strides[0] if len(set(strides)) == 1 else strides}
    fields |= {"padding": around} if around != "valid" else {}
    type = f"{'Max' if largest else 'Average'}Pooling{count}D"
    r.give(node, _back(x, r.layer(type, [x], r.called(node), **fields), positive=x.positive))


def _rounded_up(
    x: Flow, size: list[int], strides: list[int], around: Pairs | str, largest: bool
) -> Pairs | str:
    """The same where no window hangs over the end; else what has to be there for it."""
    pairs = [(0, 0)] * len(size) if around == "valid" else around
    if isinstance(pairs, str):
        return around
    made = []
    for n, w, s, (before, after) in zip(x.shape, size, strides, pairs, strict=False):
        if n is None:
            raise Unread("it rounds up how often windows fit into a length that varies")
        over = (n + before + after - w) % s
        more = s - over if over else 0
        if more and (not largest or n + after + more - w >= n):
            raise Unread("its last window hangs over the end", "ceil_mode 0")
        made.append((before, after + more))
    return made if made != pairs else around


@reads("GlobalAveragePool", "GlobalMaxPool")
def global_pool(r: Reading, node: FileNode) -> None:
    """Over all places of each channel."""
    x, count = _spatial(r, node)
    type = "GlobalAveragePooling" if "Average" in node.operator else "GlobalMaxPooling"
    made = r.layer(f"{type}{count}D", [x], r.called(node), keepdims=True)
    r.give(node, _back(x, made, positive=x.positive))


@reads("ReduceMean", "ReduceMax")
def reduced(r: Reading, node: FileNode) -> None:
    """Over all axes but the batch and one, as a pooling."""
    from nnctl.formats.onnx.read_constants import axes_of

    flow = r.flow(node)
    named = axes_of(r, node)
    if not named:
        raise Unread("it works along all axes, the batch included")
    gone = sorted(axis % flow.rank for axis in named)
    left = [axis for axis in range(1, flow.rank) if axis not in gone]
    if len(left) != 1 or not 1 <= len(gone) <= 3 or flow.axes[:1] != (0,):
        raise Unread("it works along other axes than all but the batch and the channels")
    x = r.arranged(flow, [0, *gone, *left])
    type = "GlobalAveragePooling" if node.operator == "ReduceMean" else "GlobalMaxPooling"
    keep = bool(node.get("keepdims", 1))
    fields: dict[str, Any] = {"keepdims": True} if keep else {}
    made = r.layer(f"{type}{len(gone)}D", [x], r.called(node), **fields)
    axes = tuple(x.axes[axis] for axis in range(flow.rank)) if keep else (0, 1)
    r.give(node, replace(made, axes=axes, positive=flow.positive))


@reads("Pad")
def pad(r: Reading, node: FileNode) -> None:
    """Zeros around the axes behind the batch, not around channels."""
    flow = r.flow(node)
    if node.get("mode", "constant") != "constant":
        raise Unread("it puts something else than zeros around")
    value = r.constant(node, 2)
    if (value is not None and value.size and float(value.reshape(-1)[0]) != 0.0) or node.get("value", 0.0):
        raise Unread("it puts something else than zeros around")
    pads = list(node.ints("pads")) or r.need_constant(node, 1, "padding").reshape(-1).tolist()
    axes = range(flow.rank)
    if r.input(node, 3):
        axes = [int(a) % flow.rank for a in r.need_constant(node, 3, "list of axes").reshape(-1)]  # type: ignore[assignment]
    if len(pads) != 2 * len(axes) or min(pads, default=0) < 0:
        raise Unread("it cuts something off")
    wide = {a: (pads[i], pads[i + len(axes)]) for i, a in enumerate(axes) if pads[i] or pads[i + len(axes)]}
    if not wide:
        r.give(node, r.same(node, flow))
        return
    here = {flow.axes[axis]: pair for axis, pair in wide.items()}
    count = len(flow.shape) - 1
    if None in here or 0 in here or count + 1 in here or not 1 <= count <= 3 or flow.order is not None:
        x = r.channels_last(flow)
        here, count = {x.axes[axis]: pair for axis, pair in wide.items()}, len(x.shape) - 1
        if 0 in here or count + 1 in here or not 1 <= count <= 3:
            raise Unread("it puts zeros around the batch or the channels")
        flow = x
    pairs = [here.get(axis, (0, 0)) for axis in range(1, count + 1)]
    r.give(node, _padded(r, flow, pairs))


@reads("Resize", "Upsample")
def resize(r: Reading, node: FileNode) -> None:
    """Whole times as many places, each repeated, or by straight lines between centers."""
    flow = r.flow(node)
    scales = r.constant(node, 2 if node.operator == "Resize" else 1)
    if scales is None or scales.size != flow.rank or not 3 <= flow.rank <= 5:
        raise Unread("it does not say how many times as large it makes each axis")
    times = [float(n) for n in scales.reshape(-1)]
    if times[:2] != [1.0, 1.0] or any(n != int(n) or n < 1 for n in times):
        raise Unread("it makes axes other than whole times as large")
    mode, how = node.get("mode", "nearest"), node.get("coordinate_transformation_mode", "half_pixel")
    repeats = mode == "nearest" and (
        node.operator == "Upsample"
        or (how == "asymmetric" and node.get("nearest_mode", "round_prefer_floor") == "floor")
    )
    lines = mode == "linear" and how == "half_pixel" and flow.rank == 4
    if not repeats and not lines:
        raise Unread(f"it finds new places by '{mode}' and '{how}'", "nearest, asymmetric and floor")
    x, count = _spatial(r, node)
    sizes = [int(n) for n in times[2:]]
    size = sizes[0] if len(set(sizes)) == 1 else sizes
    more: dict[str, Any] = {"interpolation": "bilinear"} if lines else {}
    made = r.layer(f"UpSampling{count}D", [x], r.called(node), size=size, **more)
    r.give(node, _back(x, made, positive=x.positive))


@reads("Slice")
def slice_(r: Reading, node: FileNode) -> None:
    """Neighbouring places of an axis as what a cropping leaves."""
    flow = r.flow(node)
    starts, ends = (_list(r, node, at, name) for at, name in ((1, "starts"), (2, "ends")))
    axes = _list(r, node, 3, "axes") or list(range(len(starts)))
    steps = _list(r, node, 4, "steps") or [1] * len(starts)
    if set(steps) != {1} or not len(starts) == len(ends) == len(axes) == len(steps):
        raise Unread("it leaves places out, or turns an axis over")
    cut: dict[int, tuple[int, int]] = {}
    for start, end, axis in zip(starts, ends, axes, strict=True):
        pair = _cut(flow, axis % flow.rank, start, end)
        if any(pair):
            cut[axis % flow.rank] = pair
    if not cut:
        r.give(node, r.same(node, flow))
        return
    here = {flow.axes[axis] or 0: pair for axis, pair in cut.items()}
    count = len(flow.shape) - 1
    if 0 in here or count + 1 in here or not 1 <= count <= 3 or flow.order is not None:
        raise Unread("it cuts off a part of the batch or of the channels")
    cropping: Any = [list(here.get(axis, (0, 0))) for axis in range(1, count + 1)]
    made = r.layer(f"Cropping{count}D", [flow], cropping=cropping[0] if count == 1 else cropping)
    r.give(node, r.like(made, flow, positive=flow.positive))


def _list(r: Reading, node: FileNode, at: int, name: str) -> list[int]:
    """An input since opset 10, an attribute before."""
    if r.input(node, at):
        found: list[int] = r.need_constant(node, at, name).reshape(-1).tolist()
        return found
    return list(node.ints(name))


def _cut(flow: Flow, axis: int, start: int, end: int) -> tuple[int, int]:
    """How much goes before and after."""
    length = flow.length(axis)
    if length is None:
        if start >= 0 and (end >= 1 << 30 or end < 0):
            return start, -end if end < 0 else 0
        raise Unread("how much it leaves follows from a length that varies")
    first, last = (min(max(n + length if n < 0 else n, 0), length) for n in (start, end))
    if last <= first:
        raise Unread("it leaves nothing")
    return first, length - last
