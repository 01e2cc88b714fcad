"""Sine and cosine by their series: a machine's own may differ in the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnctl.core.arrays import Array


def sin_turns(x: Any) -> Array:
    """sin(2 pi x) of each number, in float64."""
    x = np.asarray(x, np.float64)
    x = x - np.floor(x + 0.5)
    x = np.where(x > 0.25, 0.5 - x, np.where(x < -0.25, -0.5 - x, x))
    t = 2.0 * np.pi * x
    square = t * t
    term = total = t
    for n in range(2, 24, 2):
        term = term * -square / (n * (n + 1))
        total = total + term
    made: Array = total
    return made


def cos_turns(x: Any) -> Array:
    """cos(2 pi x) of each number, in float64."""
    return sin_turns(0.25 + np.asarray(x, np.float64))
