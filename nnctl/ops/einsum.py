"""Products of two tensors whose axes are named: Einstein's sums, composed of moved axes and one product."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from nnctl.ops.base import Value
from nnctl.ops.linear import linear, matmul
from nnctl.ops.shape import reshape
from nnctl.ops.sums import sum_axes
from nnctl.ops.transpose import permute

Labels = Sequence[str]
"""A name for each axis, none twice."""


def einsum(a: Value, b: Value, a_axes: Labels, b_axes: Labels, out: Labels) -> Value:
    """y with the axes `out`: products of a and b, summed over all axes that are not among these.

    Every axis of b is one of a or of `out`.
    """
    a, a_axes = _summed(a, a_axes, [axis for axis in a_axes if axis not in (*b_axes, *out)])
    lengths = dict(zip(b_axes, b.shape, strict=True)) | dict(zip(a_axes, a.shape, strict=True))
    both = [axis for axis in a_axes if axis in b_axes and axis in out]
    inner = [axis for axis in a_axes if axis in b_axes and axis not in out]
    rows = [axis for axis in a_axes if axis not in b_axes]
    columns = [axis for axis in b_axes if axis not in a_axes]

    def as_one(x: Value, axes: Labels, *groups: Labels) -> Value:
        order = [axes.index(axis) for group in groups for axis in group]
        return reshape(permute(x, order), tuple(prod(lengths[axis] for axis in group) for group in groups))

    left, right = as_one(a, a_axes, both, rows, inner), as_one(b, b_axes, both, inner, columns)
    if both:
        y = matmul(left, right)
    else:
        y = linear(reshape(left, left.shape[1:]), reshape(right, right.shape[1:]))
    made = [*both, *rows, *columns]
    return permute(reshape(y, tuple(lengths[axis] for axis in made)), [made.index(axis) for axis in out])


def _summed(x: Value, axes: Labels, gone: Labels) -> tuple[Value, Labels]:
    """x summed over the axes `gone`, and the names of those left."""
    for axis in gone:
        x, axes = sum_axes(x, (axes.index(axis),)), [other for other in axes if other != axis]
    return x, axes
