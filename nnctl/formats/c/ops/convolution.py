"""Convolutions (`ops/convolution.py`), the direct sums of `kernels/convolution.py`.

An output begins with its bias and takes one chain of fused multiply-adds: taps ascending, channels ascending
within a tap; taps outside the image are left out. An input gradient is the same with the taps in the order of
the source.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnctl.core.arrays import Array
from nnctl.formats.c.emitters import emits
from nnctl.formats.c.helpers import helper
from nnctl.formats.c.ops.winograd import winograd, winograd_room
from nnctl.formats.c.writer import Writer
from nnctl.kernels.axes import Axis
from nnctl.kernels.convolution_plan import AxisClass, Geometry, forward_axis, gradient_axis
from nnctl.kernels.winograd_plan import Winograd
from nnctl.ops.base import Node, Value
from nnctl.ops.convolution import Convolution, ConvolutionInputGrad, _forward, _input_gradient

helper(
    "keep_within",
    """
/* y, or the bound that it is beyond. */
static void keep_within(int count, real low, real high, real *y) {
    int i;
    for (i = 0; i < count; i++) {
        const real value = y[i] < low ? low : y[i];
        y[i] = value > high ? high : value;
    }
}
""",
)
helper(
    "convolution",
    """
/* y (*outs, groups * columns) = bias + the sum over taps and channels of x (*sizes, groups * length) times
   w (taps, length, groups * columns), over three axes. `taps` has, for each axis and each output along it,
   how many taps reach the source, then the number of each and where it reads. Taps side by side along the
   last axis that read neighbours are one sum, and two outputs side by side that have the same taps are made
   together. */
static void convolution(const real *x, const real *w, const real *bias, const int *const taps[3],
                        const int *kernel, const int *sizes, const int *outs, int groups, int length,
                        int columns, real *y) {
    const int filters = groups * columns, channels = groups * length, next = 1 + 2 * kernel[2];
    const int *down, *along, *across, *first, *second, *third;
    int p, q, r, i, j, k, g, c, together;
    for (p = 0, down = taps[0]; p < outs[0]; p++, down += 1 + 2 * kernel[0])
        for (q = 0, along = taps[1]; q < outs[1]; q++, along += 1 + 2 * kernel[1])
            for (r = 0, across = taps[2]; r < outs[2]; r += together, across += together * next) {
                const int same = r + 1 < outs[2] && across[0] == across[next] &&
                                 across[1] == across[next + 1];
                const int further = same ? (across[next + 2] - across[2]) * channels : 0;
                together = same ? 2 : 1;
                for (c = 0; c < together * filters; c++)
                    y[c] = bias ? bias[c % filters] : 0;
                for (i = 0, first = down + 1; i < down[0]; i++, first += 2)
                    for (j = 0, second = along + 1; j < along[0]; j++, second += 2)
                        for (k = 0, third = across + 1; k < across[0]; k++, third += 2) {
                            const int tap = (first[0] * kernel[1] + second[0]) * kernel[2] + third[0];
                            const int at = (first[1] * sizes[1] + second[1]) * sizes[2] + third[1];
                            int run = length;
                            for (; groups == 1 && k + 1 < across[0] && third[2] == third[0] + 1 &&
                                   third[3] == third[1] + 1; k++, third += 2)
                                run += length;
                            for (g = 0; g < groups; g++)
                                add_rows(x + at * channels + g * length, further, together, 1, run,
                                         w + tap * length * filters + g * columns, filters, columns,
                                         y + g * columns, filters);
                        }
                y += together * filters;
            }
}
""",
)
helper(
    "depthwise",
    """
/* `convolution` where each channel is a group and has one filter: w (taps, channels). */
static void depthwise(const real *restrict x, const real *restrict w, const real *bias,
                      const int *const taps[3], const int *kernel, const int *sizes, const int *outs,
                      int channels, real *restrict y) {
    const int *down, *along, *across, *first, *second, *third;
    int p, q, r, i, j, k, c;
    for (p = 0, down = taps[0]; p < outs[0]; p++, down += 1 + 2 * kernel[0])
        for (q = 0, along = taps[1]; q < outs[1]; q++, along += 1 + 2 * kernel[1])
            for (r = 0, across = taps[2]; r < outs[2]; r++, across += 1 + 2 * kernel[2], y += channels) {
                for (c = 0; c < channels; c++)
                    y[c] = bias ? bias[c] : 0;
                for (i = 0, first = down + 1; i < down[0]; i++, first += 2)
                    for (j = 0, second = along + 1; j < along[0]; j++, second += 2)
                        for (k = 0, third = across + 1; k < across[0]; k++, third += 2) {
                            const int tap = (first[0] * kernel[1] + second[0]) * kernel[2] + third[0];
                            const int at = (first[1] * sizes[1] + second[1]) * sizes[2] + third[1];
                            const real *from = x + at * channels, *by = w + tap * channels;
                            for (c = 0; c < channels; c++)
                                y[c] = FMA(from[c], by[c], y[c]);
                        }
            }
}
""",
)


def _reached(classes: Sequence[AxisClass], outs: int, taps: int) -> Array:
    """Of each output along an axis: how many taps reach the source, the number and the place of each."""
    table = np.zeros((outs, 1 + 2 * taps), np.int32)
    for each in classes:
        for k in range(each.members):
            row = table[each.start + k * each.step]
            row[0] = len(each.taps)
            for n, (tap, shift) in enumerate(each.taps):
                row[1 + 2 * n : 3 + 2 * n] = tap, each.source + k * each.source_step + shift
    return table


def _three(axes: Sequence[Axis]) -> list[Axis]:
    """As many axes as the function has."""
    return [Axis(1, 1, 1)] * (3 - len(axes)) + list(axes)


def _direct(
    w: Writer, g: Geometry, x: Value, kernel: str, bias: Value | None, y: Value, gradient: bool
) -> None:
    axes = _three(g.axes)
    outs, sizes = [a.size if gradient else a.out for a in axes], [a.out if gradient else a.size for a in axes]
    taps = [
        w.integers(_reached(gradient_axis(a) if gradient else forward_axis(a), out, a.kernel), "taps")
        for a, out in zip(axes, outs, strict=True)
    ]
    length, columns = (n // g.groups for n in (g.filters, g.channels)[:: 1 if gradient else -1])
    many = {"kernel": [a.kernel for a in axes], "sizes": sizes, "outs": outs}
    image, made = x.type.size // g.batch, y.type.size // g.batch
    with w.block():
        w.line(f"static const int *const taps[3] = {{{', '.join(taps)}}};")
        for name, numbers in many.items():
            w.line(f"static const int {name}[3] = {{{', '.join(map(str, numbers))}}};")
        with w.times(g.batch) as of:
            given = (of(x, image), kernel, bias, "taps", "kernel", "sizes", "outs")
            if 1 < g.groups == g.channels == g.filters:
                w.call("depthwise", *given, g.channels, of(y, made))
            else:
                w.call("convolution", *given, g.groups, length, columns, of(y, made))


def _forward_room(node: Node) -> int:
    op = node.op
    assert isinstance(op, Convolution)
    g = op.window.geometry(node.inputs[0].type, node.inputs[1].type)
    plan = _forward(g, np.dtype(node.inputs[0].dtype).itemsize, op.window.direct)
    return winograd_room(plan) if isinstance(plan, Winograd) else 0


@emits(Convolution, room=_forward_room)
def _convolution(w: Writer, node: Node) -> None:
    op, (x, kernel, *rest), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, Convolution)
    bias = rest[0] if rest else None
    g = op.window.geometry(x.type, kernel.type)
    plan = _forward(g, np.dtype(x.dtype).itemsize, op.window.direct)
    if isinstance(plan, Winograd):
        winograd(w, node, plan, x, kernel, bias, y)
    else:
        _direct(w, g, x, w.at(kernel), bias, y, False)
    if op.bounds is not None:
        w.call("keep_within", y.type.size, *map(float, op.bounds), y)


def _gradient_room(node: Node) -> int:
    op = node.op
    assert isinstance(op, ConvolutionInputGrad)
    g = op._geometry([v.type for v in node.inputs])
    plan = _input_gradient(g, np.dtype(node.inputs[0].dtype).itemsize, op.window.direct)
    return winograd_room(plan) if isinstance(plan, Winograd) else 0


@emits(ConvolutionInputGrad, room=_gradient_room)
def _transposed(w: Writer, node: Node) -> None:
    op, (dy, kernel), (dx,) = node.op, node.inputs, node.outputs
    assert isinstance(op, ConvolutionInputGrad)
    g = op._geometry([v.type for v in node.inputs])
    plan = _input_gradient(g, np.dtype(dy.dtype).itemsize, op.window.direct)
    if isinstance(plan, Winograd):
        winograd(w, node, plan, dy, kernel, None, dx)
        return
    known = w.known(kernel)
    if known is None:
        raise w.refused(node, "its kernel is no weight")
    if 1 < g.groups == g.channels == g.filters:
        turned = known
    else:
        # (taps, C / groups, F) with each group's filters in front of its channels: (taps, F / groups, C).
        split = known.reshape(-1, known.shape[-2], g.groups, g.filters // g.groups)
        turned = np.ascontiguousarray(split.transpose(0, 3, 2, 1))
    _direct(w, g, dy, w.constant(turned, f"{kernel.name} turned"), None, dx, True)
