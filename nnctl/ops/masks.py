"""What masks (uint8: 1 counts, 0 does not) do: join, and say where a tensor keeps its numbers.

A mask has the leading axes of its tensor, as many as it says something of; an axis of length 1 stands for a
whole one. Masks of sequences are (B, T), masks of attention (B, heads or 1, T, S).
"""

from __future__ import annotations

from itertools import groupby
from math import prod
from typing import ClassVar

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.core.shapes import broadcast_shapes
from nnctl.ops.base import Arrays, Calls, Gradients, Graph, KernelCall, Node, Op, TensorType, Types, Value
from nnctl.ops.parallel import widened
from nnctl.ops.shape import broadcast_to, reshape


@record
class Either(Op):
    """y = m1 or m2, both masks of one shape."""

    kernel: ClassVar[str] = "elementwise.logical_or"

    def infer(self, *inputs: TensorType) -> Types:
        m1, m2 = inputs
        if m1 != m2 or m1.dtype != "uint8":
            raise ValueError(f"masks of {m1} and {m2} do not join")
        return (m1,)

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        m1, m2 = (m.reshape(-1) for m in inputs)
        return (KernelCall(self.kernel, (m1, m2, outputs[0].reshape(-1))),)


@record
class Both(Either):
    """y = m1 and m2, both masks of one shape."""

    kernel: ClassVar[str] = "elementwise.logical_and"


@record
class Select(Op):
    """y = x where the mask counts, else `value`; mask of x's leading axes, some of length 1."""

    value: float

    def infer(self, *inputs: TensorType) -> Types:
        mask, x = inputs
        fits = len(mask.shape) <= len(x.shape) and all(
            m in (1, n) for m, n in zip(mask.shape, x.shape, strict=False)
        )
        if mask.dtype != "uint8" or not fits or _form(mask.shape, x.shape) is None:
            raise ValueError(f"a mask of {mask} does not fit {x}")
        return (x,)

    def grad(self, node: Node, *dys: Value | None) -> Gradients:
        (dy,) = dys
        return None, select(node.inputs[0], dy, 0.0) if dy is not None else None

    def calls(self, inputs: Arrays, outputs: Arrays, scratch: Array, threads: int) -> Calls:
        mask, x = inputs
        form = _form(mask.shape, x.shape)
        assert form is not None
        before, repeats, after, inner = form
        if after == 1:
            kernel = "elementwise.select_rows"
            seen: tuple[int, ...] = (before,)
            wide: tuple[int, ...] = (before, repeats * inner)
        else:
            kernel = widened("elementwise.select_middle", x.size, threads)
            seen, wide = (before, after), (before, repeats, after)
        args = (mask.reshape(seen), x.reshape(wide), self.value, outputs[0].reshape(wide))
        return (KernelCall(kernel, args),)


def _form(mask: tuple[int, ...], x: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """x seen as (A, H, R, C) and the mask as (A, R), where H or C is 1; None where they cannot be seen so."""
    padded = (*mask, *(1,) * (len(x) - len(mask)))
    runs = groupby((pair for pair in zip(padded, x, strict=True) if pair[1] != 1), lambda pair: pair[0] != 1)
    sizes, at = [1, 1, 1, 1], 0
    for whole, run in runs:
        at += whole != (at % 2 == 0)
        if at > 3:
            return None
        sizes[at] = prod(n for _, n in run)
        at += 1
    before, repeats, after, inner = sizes
    return None if after != 1 and inner != 1 else (before, repeats, after, inner)


@record
class Band:
    """Which keys a query sees by their places: those at most so far before it and after it; None: any."""

    before: int | None = None
    after: int | None = None


def band(graph: Graph, queries: int, keys: int, before: int | None, after: int | None) -> Value:
    """The mask (T, S) of a `Band`, fixed."""
    steps = np.subtract.outer(np.arange(queries), np.arange(keys))
    seen = np.ones(steps.shape, np.uint8)
    if before is not None:
        seen &= steps <= before
    if after is not None:
        seen &= steps >= -after
    mask = graph.constant(seen)
    mask.type = TensorType((queries, keys), mask.dtype)
    graph.bands[mask] = Band(before, after)
    return mask


def either(m1: Value, m2: Value) -> Value:
    """The mask that counts where m1 or m2 does."""
    m1, m2 = _alike(m1, m2)
    return m1.graph.add1(Either(), m1, m2)


def both(m1: Value, m2: Value) -> Value:
    """The mask that counts where m1 and m2 do."""
    m1, m2 = _alike(m1, m2)
    return m1.graph.add1(Both(), m1, m2)


def stretched(mask: Value, shape: tuple[int, ...]) -> Value:
    """The mask for every axis of `shape`, whose leading axes it has."""
    return broadcast_to(reshape(mask, (*mask.shape, *(1,) * (len(shape) - len(mask.shape)))), shape)


def _alike(*masks: Value) -> list[Value]:
    """The masks in one shape, in which each of them fits."""
    rank = max(len(mask.shape) for mask in masks)
    padded = [(*mask.shape, *(1,) * (rank - len(mask.shape))) for mask in masks]
    return [stretched(mask, broadcast_shapes(*padded)) for mask in masks]


def select(mask: Value, x: Value, value: float) -> Value:
    """x where the mask (its leading axes, some of length 1) counts, `value` elsewhere."""
    if _form(mask.shape, x.shape) is None:
        mask = stretched(mask, x.shape)
    return x.graph.add1(Select(float(value)), mask, x)
