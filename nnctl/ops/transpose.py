"""Moving axes of a tensor to other places, composed of views and swaps."""

from __future__ import annotations

from collections.abc import Sequence
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


def permute(x: Value, order: Sequence[int]) -> Value:
    """x with its axes in another order: axis i is axis `order[i]` of x."""
    left = list(range(len(order)))
    for place, axis in enumerate(order):
        at = left.index(axis)
        x = move_axis(x, at, place)
        left.insert(place, left.pop(at))
    return x


def gather_axes(x: Value, axes: Sequence[int], last: int) -> Value:
    """x with its `axes` (ascending) side by side, ending at place `last`; the others keep their order."""
    for at in _moves(axes, last):
        x = move_axis(x, at, last)
    return x


def scatter_axes(x: Value, axes: Sequence[int], last: int) -> Value:
    """The axes side by side up to `last` back at the places `axes`: the inverse of `gather_axes`."""
    for at in reversed(_moves(axes, last)):
        x = move_axis(x, last, at)
    return x


def _moves(axes: Sequence[int], last: int) -> list[int]:
    """From where each axis is moved to `last`, one after the other; nothing where they stand there."""
    there = list(axes) == list(range(last - len(axes) + 1, last + 1))
    return [] if there else [axis - done for done, axis in enumerate(axes)]
