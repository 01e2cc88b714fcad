"""Sine and cosine by their series: a machine's own may differ in the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnctl.core.arrays import Array


def sin_turns(x: Any) -> Array:
    """sin(2 pi x) of each number, in float64; exact at quarters, and never above 1."""
    x = np.asarray(x, np.float64)
    x = x - np.floor(x + 0.5)
    x = np.where(x > 0.25, 0.5 - x, np.where(x < -0.25, -0.5 - x, x))
    size = np.abs(x)
    # Beyond an eighth, a cosine of what is left to a quarter: small numbers only, so few terms.
    made: Array = np.where(size > 0.125, np.copysign(_series(0.25 - size, 0), x), _series(x, 1))
    return made


def cos_turns(x: Any) -> Array:
    """cos(2 pi x) of each number, in float64; see `sin_turns`."""
    return sin_turns(0.25 + np.asarray(x, np.float64))


def _series(x: Array, odd: int) -> Array:
    """sin(2 pi x) from its odd powers, or cos(2 pi x) from the even ones, for |x| up to 1/8."""
    t = 2.0 * np.pi * x
    square = t * t
    rest = np.ones_like(t)
    for n in range(16 + odd, odd, -2):  # The smallest terms first.
        rest = 1.0 - square / (n * (n - 1)) * rest
    return t * rest if odd else rest
