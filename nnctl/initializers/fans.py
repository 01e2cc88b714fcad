"""How many numbers flow into and out of each unit of a weight."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod


def fans(
    shape: tuple[int, ...],
    input_axes: Sequence[int] | None = None,
    output_axes: Sequence[int] | None = None,
) -> tuple[int, int]:
    """(fan_in, fan_out) of a weight of `shape`, as Keras counts them.

    Kernels of convolutions (..., I, O) count every tap of the window. The axes can be named instead.
    """
    if input_axes is not None and output_axes is not None:
        return prod(shape[a] for a in input_axes), prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    taps = prod(shape[:-2])
    return shape[-2] * taps, shape[-1] * taps
