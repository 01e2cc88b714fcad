"""Moving one axis of a tensor to another place, composed of views and one swap."""

from __future__ import annotations

from math import prod

from nnctl.ops.base import Value
from nnctl.ops.shape import reshape, swap_axes


def move_axis(x: Value, source: int, target: int) -> Value:
    """x with axis `source` at place `target`, the others in their order; both count from 0."""
    if source == target:
        return x
    shape = list(x.shape)
    shape.insert(target, shape.pop(source))
    low, high = sorted((source, target))
    # The axis changes places with the run of axes between: (A, R, S, B) becomes (A, S, R, B).
    split = source + 1 if source == low else source
    before, first, second = prod(x.shape[:low]), prod(x.shape[low:split]), prod(x.shape[split : high + 1])
    after = prod(x.shape[high + 1 :])
    return reshape(swap_axes(reshape(x, (before, first, second, after)), 1), tuple(shape))
