"""The functions that formulas use: names that are compiled in kernels and that Python can call too.

A formula (`kernels/formula_text.py`) stands in a file that must not import Numba, since `check` reads it.
What it calls is here: in a kernel each name is the approximation of `mathfn.py` or `special.py`, the same
bits on every machine; called from Python it is the plain function in double precision, which tests use.
"""

from __future__ import annotations

import math


def exp(x: float) -> float:
    """e^x."""
    return math.exp(x)


def exp_negative(x: float) -> float:
    """e^x for x that is not above 0: the bits of `exp` with less work."""
    return math.exp(x)


def expm1(x: float) -> float:
    """e^x - 1, exact near zero."""
    return math.expm1(x)


def log(x: float) -> float:
    """Natural logarithm; -inf at 0, NaN below."""
    if x > 0:
        return math.log(x)
    return -math.inf if x == 0 else math.nan


def log1p(x: float) -> float:
    """log(1 + x), exact near zero; -inf at -1, NaN below."""
    if x > -1:
        return math.log1p(x)
    return -math.inf if x == -1 else math.nan


def tanh(x: float) -> float:
    """Hyperbolic tangent."""
    return math.tanh(x)


def sigmoid(x: float) -> float:
    """1 / (1 + e^-x)."""
    z = math.exp(-abs(x))
    return (z if x < 0 else 1) / (1 + z)


def softplus(x: float) -> float:
    """log(1 + e^x)."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def erf(x: float) -> float:
    """The error function."""
    return math.erf(x)


def power(x: float, y: float) -> float:
    """x^y; 1 where y is 0 or x is 1, NaN of an x below 0 where y is no integer."""
    if y == 0:
        return 1.0
    if x == 0:
        return 0.0 if y > 0 else math.inf
    return x**y if x > 0 or y == math.floor(y) else math.nan


def arctan2(y: float, x: float) -> float:
    """The angle of the point (x, y) from -pi to pi."""
    return math.atan2(y, x)


def sqrt(x: float) -> float:
    """The square root; NaN below 0."""
    return math.sqrt(x) if x >= 0 else math.nan


def sign(x: float) -> float:
    """-1, 0 or 1; NaN of NaN."""
    return math.copysign(1.0, x) if x < 0 or x > 0 else x * 0.0 if x == x else x


def fma(a: float, b: float, c: float) -> float:
    """a b + c; rounded once in kernels."""
    return a * b + c


def floor(x: float) -> float:
    """The largest whole number that is not above x."""
    return float(math.floor(x)) if math.isfinite(x) else x


def sin_turns(x: float) -> float:
    """sin(2 pi x)."""
    return math.sin(2 * math.pi * x)


def cos_turns(x: float) -> float:
    """cos(2 pi x)."""
    return math.cos(2 * math.pi * x)
