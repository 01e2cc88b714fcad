"""exp, log, tanh, erf and their kin: the same bits on every machine, and vectorisable.

Each is a polynomial or rational approximation with explicit fma, written without branches
or tables, so that LLVM vectorises a loop over it. One name serves float32 and float64; the
type decides at compile time. The error is at most 2 units in the last place over the whole
range, infinities, NaN, subnormal numbers and overflow included; tests/kernels/test_mathfn.py
holds each function to it. Coefficients: interpolation at Chebyshev nodes of the interval
named beside them, computed with 60 digits, then rounded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from nnctl.kernels import functions
from nnctl.kernels.bits import bits, from_bits, polynomial
from nnctl.kernels.functions import exp, exp_negative, expm1, log, log1p, sigmoid, softplus, tanh
from nnctl.kernels.jit import inline
from nnctl.kernels.simd import fma

_OPTIONS: Any = {"error_model": "numpy", "fastmath": False, "forceinline": True}


class _Format:
    """Constants of one float type: layout, rounding shift, ln 2 in two parts, ranges."""

    def __init__(self, real: Any, integer: Any, mantissa: int, bias: int) -> None:
        self.real, self.integer, self.mantissa, self.bias = real, integer, mantissa, bias
        self.one = real(1.0)
        self.shift = real(1.5 * 2.0**mantissa)  # adding it rounds to an integer
        self.shift_bits = bias + mantissa << mantissa | 1 << (mantissa - 1)
        self.log2e = real(1.4426950408889634)
        single = real is np.float32
        # n * ln2_high is exact for every exponent n
        self.ln2_high = real(float.fromhex("0x1.62e4p-1" if single else "0x1.62e42fefa2p-1"))
        self.ln2_low = real(1.42860682e-06 if single else 7.371002565167799e-13)


_SINGLE = _Format(np.float32, np.int32, 23, 127)
_DOUBLE = _Format(np.float64, np.int64, 52, 1023)


def _format_of(x: Any) -> _Format:
    return _SINGLE if x == types.float32 else _DOUBLE


def _by_type(stub: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate `choose(_Format) -> implementation` as the compiled form of `stub`."""

    def decorate(choose: Callable[[_Format], Callable[..., Any]]) -> Callable[..., Any]:
        @overload(stub, jit_options=_OPTIONS, strict=False)
        def implementation(x: Any) -> Any:
            return choose(_format_of(x)) if x in (types.float32, types.float64) else None

        return choose

    return decorate


def _expm1_reduced(x: Any) -> Any:
    """(e^r - 1, n) with x = n ln 2 + r, n an integer, |r| <= ln 2 / 2."""
    raise NotImplementedError("compiled only")


# (e^r - 1 - r) / r^2 on |r| <= 0.35
_EXP32 = (0.5, 0.166665733, 0.0416665487, 0.00836377405, 0.00139269268)
_EXP64 = (
    0.5, 0.1666666666666667, 0.04166666666666667, 0.008333333333325544, 0.0013888888888883327,
    0.00019841269876864356, 2.4801587327007187e-05, 2.755725283351691e-06,
    2.75572718102198e-07, 2.5106274733573296e-08, 2.0915442297780116e-09,
)  # fmt: skip


@_by_type(_expm1_reduced)
def _(f: _Format) -> Callable[..., Any]:
    coefficients = _EXP32 if f is _SINGLE else _EXP64
    integer, shift, shift_bits, log2e = f.integer, f.shift, f.shift_bits, f.log2e
    ln2_high, ln2_low = f.ln2_high, f.ln2_low

    def implementation(x):
        shifted = fma(x, log2e, shift)
        n = shifted - shift
        r = fma(-n, ln2_low, fma(-n, ln2_high, x))
        return fma(r * r, polynomial(r, coefficients), r), integer(bits(shifted) - shift_bits)

    return implementation


@_by_type(exp)
def _(f: _Format) -> Callable[..., Any]:
    integer, mantissa, bias, one = f.integer, f.mantissa, f.bias, f.one
    low, high = (f.real(-104.0), f.real(89.0)) if f is _SINGLE else (f.real(-746.0), f.real(710.0))

    def implementation(x):
        x = low if x < low else x
        x = high if x > high else x
        q, n = _expm1_reduced(x)
        half = integer(n >> 1)  # two factors reach subnormal numbers and overflow
        rest = integer(n - half)
        return (
            (one + q)
            * from_bits(integer((half + bias) << mantissa))
            * from_bits(integer((rest + bias) << mantissa))
        )

    return implementation


@_by_type(exp_negative)
def _(f: _Format) -> Callable[..., Any]:
    integer, mantissa, one = f.integer, f.mantissa, f.one
    low, lift = (f.real(-104.0), 64) if f is _SINGLE else (f.real(-746.0), 512)
    raised, down = f.bias + lift, f.real(2.0**-lift)

    def implementation(x):
        x = low if x < low else x
        q, n = _expm1_reduced(x)
        # 2^n may be no normal number, 2^(n + lift) is one: the last product rounds, as in `exp`.
        return (one + q) * from_bits(integer((n + raised) << mantissa)) * down

    return implementation


def _expm1_bounded(x: Any) -> Any:
    """e^x - 1 for x between -30 (float32; -50 in float64) and overflow."""
    raise NotImplementedError("compiled only")


@_by_type(_expm1_bounded)
def _(f: _Format) -> Callable[..., Any]:
    integer, mantissa, bias, one = f.integer, f.mantissa, f.bias, f.one

    def implementation(x):
        q, n = _expm1_reduced(x)
        scale = from_bits(integer((n + bias) << mantissa))
        return fma(scale, q, scale - one)

    return implementation


@_by_type(expm1)
def _(f: _Format) -> Callable[..., Any]:
    integer, mantissa, bias, one, two = f.integer, f.mantissa, f.bias, f.one, f.real(2.0)
    low, high = (f.real(-30.0), f.real(89.0)) if f is _SINGLE else (f.real(-50.0), f.real(710.0))

    def implementation(x):
        x = low if x < low else x
        x = high if x > high else x
        q, n = _expm1_reduced(x)
        top = n > bias  # 2^n itself would overflow
        scale = from_bits(integer((integer(bias + bias) if top else integer(n + bias)) << mantissa))
        y = two * fma(scale, q, scale) if top else fma(scale, q, scale - one)
        return x if x == 0 else y

    return implementation


def _log_reduced(f: Any, k: Any) -> Any:
    """k ln 2 + log(1 + f) for |f| <= 1/3 and an integer k held as a float."""
    raise NotImplementedError("compiled only")


# (log(1 + f) - f) / f^2 on |f| <= 1/3
_LOG32 = (
    -0.5, 0.333333343, -0.249999434, 0.199999481, -0.16673328, 0.142918885,
    -0.122884706, 0.109152399, -0.124237128, 0.11332956,
)  # fmt: skip
# (2 atanh(s) / s - 2) / s^2 in z = s^2, z <= 0.04
_LOG64 = (
    0.6666666666666666, 0.4000000000000794, 0.28571428567275936, 0.2222222304835159,
    0.18181737626302924, 0.15388867805614162, 0.13209708242052065, 0.13609030262907734,
)  # fmt: skip


@overload(_log_reduced, jit_options=_OPTIONS, strict=False)
def _log_reduced_by_type(f: Any, k: Any) -> Any:
    form = _format_of(f)
    ln2_high, ln2_low, half, two = form.ln2_high, form.ln2_low, form.real(0.5), form.real(2.0)

    def single(f, k):
        y = fma(f * f, polynomial(f, _LOG32), f)
        return fma(k, ln2_high, fma(k, ln2_low, y))

    def double(f, k):
        s = f / (two + f)
        z = s * s
        square = half * f * f
        tail = fma(s, fma(z, polynomial(z, _LOG64), square), k * ln2_low)
        return fma(k, ln2_high, f - (square - tail))

    return single if form is _SINGLE else double


def _two_thirds_bits(f: _Format) -> int:
    return 0x3F2AAAAB if f is _SINGLE else 0x3FE5555555555555


@_by_type(log)
def _(f: _Format) -> Callable[..., Any]:
    integer, mantissa, one, zero, shift = f.integer, f.mantissa, f.one, f.real(0.0), f.shift
    offset, mask, shift_bits = _two_thirds_bits(f), -(1 << f.mantissa), f.shift_bits
    normal, lift = f.real(2.0 ** (1 - f.bias)), f.real(2.0 ** (f.mantissa + 2))
    lifted_by, infinity, nan = f.real(f.mantissa + 2), f.real(np.inf), f.real(np.nan)

    def implementation(x):
        tiny = x < normal
        a = x * lift if tiny else x
        i = integer(integer(bits(a) - offset) & mask)
        k = from_bits(integer((i >> mantissa) + shift_bits)) - shift
        k = k - lifted_by if tiny else k
        y = _log_reduced(from_bits(integer(bits(a) - i)) - one, k)
        y = x if x == infinity else y
        y = -infinity if x == zero else y
        return nan if not (x >= zero) else y

    return implementation


@_by_type(log1p)
def _(f: _Format) -> Callable[..., Any]:
    integer, mantissa, one, _zero, shift = f.integer, f.mantissa, f.one, f.real(0.0), f.shift
    offset, mask, shift_bits = _two_thirds_bits(f), -(1 << f.mantissa), f.shift_bits
    four_bits, quarter = (f.bias + 2) << f.mantissa, f.real(0.25)
    infinity, nan, tiny = f.real(np.inf), f.real(np.nan), f.real(2.0 ** -(f.mantissa + 3))

    def implementation(x):
        u = one + x
        i = integer(integer(bits(u) - offset) & mask)  # the exponent k of u, in place
        k = from_bits(integer((i >> mantissa) + shift_bits)) - shift
        # (1 + x) 2^-k - 1 with one rounding: x 2^-k by its exponent, 2^-k - 1 exactly
        power = from_bits(integer(four_bits - i))
        scaled = x if i == 0 else from_bits(integer(bits(x) - i))
        y = _log_reduced(scaled + fma(quarter, power, -one), k)
        y = x if x == infinity or abs(x) < tiny else y
        y = -infinity if x == -one else y
        return nan if not (x >= -one) else y

    return implementation


# (tanh(x) / x - 1) / x^2 in x^2, |x| <= 0.5
_TANH32 = (-0.333333313, 0.133332253, -0.0539334677, 0.0214706827, -0.00694294181)
_TANH64 = (
    -0.3333333333333333, 0.13333333333329825, -0.05396825396361009, 0.021869488297234514,
    -0.008863229270067843, 0.0035920334653723896, -0.001454959384380447, 0.0005849653729021945,
    -0.00022107222975850652, 5.946956589763009e-05,
)  # fmt: skip


@_by_type(tanh)
def _(f: _Format) -> Callable[..., Any]:
    coefficients = _TANH32 if f is _SINGLE else _TANH64
    half, two, top = f.real(0.5), f.real(2.0), f.real(10.0 if f is _SINGLE else 20.0)

    def implementation(x):
        a = abs(x)
        z = a * a
        near = fma(a * z, polynomial(z, coefficients), a)
        a = top if a > top else a
        e = _expm1_bounded(two * a)
        return np.copysign(near if a < half else e / (e + two), x)

    return implementation


@_by_type(sigmoid)
def _(f: _Format) -> Callable[..., Any]:
    one = f.one

    def implementation(x):
        z = exp_negative(-abs(x))
        total = one + z
        lost = z - (total - one)  # what rounding 1 + z took away
        y = (z if x < 0 else one) / total
        return fma(-(y * lost), one - y if x < 0 else y, y)

    return implementation


@_by_type(softplus)
def _(f: _Format) -> Callable[..., Any]:
    zero = f.real(0.0)

    def implementation(x):
        return (zero if x < zero else x) + log1p(exp_negative(-abs(x)))

    return implementation


@_by_type(functions.sqrt)
def _(f: _Format) -> Callable[..., Any]:
    return lambda x: np.sqrt(x)


@_by_type(functions.floor)
def _(f: _Format) -> Callable[..., Any]:
    return lambda x: np.floor(x)


@_by_type(functions.sign)
def _(f: _Format) -> Callable[..., Any]:
    one, zero = f.one, f.real(0.0)

    def implementation(x):
        return one if x > zero else (-one if x < zero else x * zero)

    return implementation


@overload(functions.fma, jit_options=_OPTIONS, strict=False)
def _fma(a: Any, b: Any, c: Any) -> Any:
    return lambda a, b, c: fma(a, b, c)


@inline
def power_int(x, n):
    """x^n for an integer n >= 0, by squaring, in the type of x."""
    y = type(x)(1.0)
    while n > 0:
        if n & 1:
            y = y * x
        x = x * x
        n >>= 1
    return y
