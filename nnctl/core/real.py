"""exp, log, cos and powers of Python floats, the same bits on every machine.

`math.exp` and its kin belong to the C library, whose last bit depends on its version and on the CPU. These
use only +, -, * and /, which IEEE 754 rounds in one way. Schedules and metrics call them a few times per step
or epoch, so speed does not matter; the error is a few units in the last place.
"""

from __future__ import annotations

import math

_LN2_HIGH = float.fromhex("0x1.62e42fefa2p-1")  # n * _LN2_HIGH is exact for every exponent n
_LN2_LOW = 7.371002565167799e-13
_EXP = tuple(1.0 / math.factorial(n) for n in range(16))
_COS = tuple((-1.0) ** n / math.factorial(2 * n) for n in range(11))
_SIN = tuple((-1.0) ** n / math.factorial(2 * n + 1) for n in range(11))


def _polynomial(x: float, coefficients: tuple[float, ...]) -> float:
    """The polynomial with `coefficients` (lowest first) at x, by Horner's rule."""
    y = 0.0
    for c in reversed(coefficients):
        y = y * x + c
    return y


def exp(x: float) -> float:
    """e^x; infinity above 709.8, 0 below -745."""
    if x > 709.79:
        return math.inf
    if x < -745.2:
        return 0.0
    n = math.floor(x * 1.4426950408889634 + 0.5)
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    return math.ldexp(_polynomial(r, _EXP), n)


def log(x: float) -> float:
    """The natural logarithm. Raises ValueError for x <= 0, as `math.log`."""
    if not x > 0.0:
        raise ValueError("math domain error")
    m, n = math.frexp(x)
    if m < 0.7071067811865476:
        m, n = m * 2.0, n - 1
    s = (m - 1.0) / (m + 1.0)  # log m = 2 atanh s, |s| <= 0.172
    z = s * s
    series = _polynomial(z, tuple(2.0 / (2 * k + 1) for k in range(13)))
    return n * _LN2_HIGH + (n * _LN2_LOW + s * series)


def power(x: float, p: float) -> float:
    """x^p for x >= 0: whole powers by squaring, others by exp and log."""
    if p == math.floor(p) and abs(p) < 2**53:
        n = int(p)
        return power_int(x, n) if n >= 0 else 1.0 / power_int(x, -n)
    if x == 0.0:
        return 0.0 if p > 0.0 else math.inf
    return exp(p * log(x))


def power_int(x: float, n: int) -> float:
    """x^n for an integer n >= 0, by squaring."""
    y = 1.0
    while n:
        if n & 1:
            y *= x
        x *= x
        n >>= 1
    return y


def cos_pi(x: float) -> float:
    """cos(pi x); exact at whole and half numbers."""
    x = abs(x) % 2.0
    if x > 1.0:
        x = 2.0 - x
    sign = 1.0
    if x > 0.5:
        x, sign = 1.0 - x, -1.0
    if x <= 0.25:
        a = math.pi * x
        return sign * _polynomial(a * a, _COS)
    a = math.pi * (0.5 - x)
    return sign * a * _polynomial(a * a, _SIN)
