"""The arguments of recurrent kernels, in groups with names. Importable without numba.

Letters: B examples, T steps, U units, G gates (products of the input and of the state, side by side), P
values per unit that a step saves for its gradient. W is the kernel, b its bias, V the recurrent kernel; h is
the state that comes out, c a second one.

Arrays are flat, except V. What is empty has no elements. "By time" is the order of x; "by step" the order of
iteration, which is the other way round with `backwards`.
"""

from __future__ import annotations

from typing import NamedTuple

from nnctl.core.arrays import Array


class Setup(NamedTuple):
    """Sizes and settings."""

    batch: int
    steps: int
    units: int
    gates: int
    saved: int
    """P."""
    activation: int
    """A code of kernels/codes.py, as the next."""
    recurrent_activation: int
    backwards: int
    """1: from the last step to the first."""
    zero_masked: int
    """1: a masked step's output is zero; 0: that of the step before."""


class Layout(NamedTuple):
    """How the work is cut, and where what lies in scratch. By the CPU's tile; it changes no result."""

    blocks: int
    """Blocks of rows, of nearly equal length."""
    plane: int
    """Elements of V packed for one gate."""
    begin: int
    """Where the threads' parts begin."""
    size: int
    """Elements of a thread's part."""


class Given(NamedTuple):
    """What a recurrence computes from, beside its initial states."""

    xw: Array
    """x W + b (B, T, G U), by time."""
    v: Array
    """V (U, G U)."""
    extra: Array
    """A weight that only this cell has, of any shape (a GRU's recurrent bias); or empty."""
    mask: Array
    """(B, T) uint8, by time, 0 where the states stay as they are; or empty."""
    factors: Array
    """(G, B, U), what h is multiplied by before its product, by gate (recurrent dropout); or empty."""


class Saved(NamedTuple):
    """What steps keep for their gradients."""

    h: Array
    """h before each step (B, T, U), by time; empty if nothing is kept."""
    planes: Array
    """(T, B, P U), by step; a block of rows as P planes (rows, U). (B, P U) if nothing is kept."""
    source: Array
    """(B, T, U), by time: what one gate's product read, if that is not h; or empty."""


class Slopes(NamedTuple):
    """Gradients by time, beside those of the initial states."""

    xw: Array
    """Of x W + b (B, T, G U)."""
    hv: Array
    """Of h V (B, T, G U), if that is not the same; or empty."""


class Chunk(NamedTuple):
    """A few rows of the batch at one step, all units or some, and the memory of the thread that has them."""

    row: int
    """The first."""
    rows: int
    unit: int
    """The first. Only a single row may leave out units, and only on the way forward."""
    units: int
    t: int
    """The step, by time."""
    plane: int
    """Elements of V packed for one gate."""
    scratch: Array
