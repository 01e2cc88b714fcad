"""erf, its inverse, powers, angles, and sine and cosine of turns: see mathfn.py for the rules they follow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from nnctl.kernels.bits import bits, from_bits, polynomial
from nnctl.kernels.functions import arctan2, cos_turns, erf, power, sin_turns
from nnctl.kernels.mathfn import _OPTIONS, _SINGLE, _by_type, _Format, exp, exp_negative, log
from nnctl.kernels.simd import fma

# erf(x) / x - 1 in x^2, |x| <= 0.9277 (float32), 1 (float64)
_ERF32 = (
    0.128379166, -0.376126349, 0.112836935, -0.0268592779, 0.0052006836, -0.000813827035,
    8.34969542e-05,
)  # fmt: skip
_ERF64 = (
    0.1283791670955126, -0.3761263890318375, 0.11283791670954879, -0.026866170645076792,
    0.0052239776248180145, -0.000854832698083379, 0.00012055331111642709,
    -1.4925595266831128e-05, 1.6461000484120588e-06, -1.6350312701047032e-07,
    1.4659775273999306e-08, -1.137284885661678e-09, 5.957176147469267e-11,
)  # fmt: skip
# log(erfc(t)) + t^2 in t - 2.46, 0.92 <= t <= 4
_ERFC32 = (
    -1.54261756, -0.357221842, 0.0574303418, -0.0112117976, 0.0022512814, -0.000439144875,
    8.10541387e-05, -1.38324613e-05, 1.6435697e-06,
)  # fmt: skip
# erfc(t) e^(t^2) in (t - 2.5) / (t + 2.5), 1 <= t <= 6
_ERFC64 = (
    0.2108063640611436, -0.37173673394897294, 0.2517131932174488, -0.12503305237891782,
    0.03992253907546523, -0.003993701160123029, -0.0026423659518134547, 0.0008759152875774328,
    0.0002283799633257643, -0.00012887483134837842, -3.4175718896856294e-05,
    1.8596747731144528e-05, 7.499735050763299e-06, -2.2328516517555215e-06,
    -1.587633893127344e-06,
)  # fmt: skip


@_by_type(erf)
def _(f: _Format) -> Callable[..., Any]:
    one, edge, top = f.one, f.real(0.9277), f.real(4.0)
    center = f.real(2.46 if f is _SINGLE else 2.5)

    def single(x):
        t = abs(x)
        near = fma(t, polynomial(t * t, _ERF32), t)
        t = top if t > top else t
        far = one - exp_negative(fma(-t, t, polynomial(t - center, _ERFC32)))
        return np.copysign(near if t < edge else far, x)

    def double(x):
        t = abs(x)
        near = fma(t, polynomial(t * t, _ERF64), t)
        t = 6.0 if t > 6.0 else t
        far = one - exp_negative(-t * t) * polynomial((t - center) / (t + center), _ERFC64)
        return np.copysign(near if t < one else far, x)

    return single if f is _SINGLE else double


def erfinv_central(x: Any) -> Any:
    """Inverse of erf for |x| <= erf(sqrt 2), the part within two standard deviations."""
    raise NotImplementedError("compiled only")


# erfinv(x) / x - 1 in w - 0.5, w = -log(1 - x^2) <= 2.42
_ERFINV32 = (
    0.00482268398, 0.241762489, 0.00791411009, -0.00247185724, -8.459946e-06, 4.72900938e-05,
    -1.50987933e-06, -1.02849015e-06, 1.18961523e-07,
)  # fmt: skip
_ERFINV64 = (
    0.00482268397713, 0.24176249324891644, 0.007914108355434322, -0.0024718596040254493,
    -8.44196791689248e-06, 4.7276047095532294e-05, -1.5434220371424459e-06,
    -9.561609009503103e-07, 6.294321019941551e-08, 1.945850165659452e-08,
    -1.962973817725626e-09, -3.9054883943386685e-10, 5.5546641573451384e-11,
    7.592136432268875e-12, -1.4610636724887987e-12, -1.7610276118635674e-13,
    5.973944240065845e-14, -4.380390462076854e-15,
)  # fmt: skip


@_by_type(erfinv_central)
def _(f: _Format) -> Callable[..., Any]:
    coefficients = _ERFINV32 if f is _SINGLE else _ERFINV64
    one, center = f.one, f.real(0.5)

    def implementation(x):
        w = -log((one - x) * (one + x))
        return fma(x, polynomial(w - center, coefficients), x)

    return implementation


# sin(2 pi r) / r and (cos(2 pi r) - 1) / r^2 in r^2, |r| <= 1/8
_SIN32 = (6.28318548, -41.3417015, 81.6052017, -76.6978683, 41.4728317)
_COS32 = (-19.7392082, 64.9393921, -85.4567947, 60.2404518, -26.1192188)
_SIN64 = (
    6.283185307179586, -41.34170224039976, 81.60524927607493, -76.70585975299812,
    42.05869392898878, -15.094640403891546, 3.8197881201632113, -0.7116358090781661,
)  # fmt: skip
_COS64 = (
    -19.739208802178716, 64.9393940226683, -85.45681720669369, 60.24464137185456,
    -26.4262567778174, 7.90353561233896, -1.714333269420992, 0.27974078606575026,
)  # fmt: skip


def sincos_turns(x: Any) -> Any:
    """(sin(2 pi x), cos(2 pi x)) for |x| below 2^20 (float32), 2^49 (float64)."""
    raise NotImplementedError("compiled only")


@_by_type(sincos_turns)
def _(f: _Format) -> Callable[..., Any]:
    sine, cosine = (_SIN32, _COS32) if f is _SINGLE else (_SIN64, _COS64)
    integer, shift, one, four, quarter = f.integer, f.shift, f.one, f.real(4.0), f.real(0.25)
    to_sign = f.mantissa + (7 if f is _SINGLE else 10)  # from bit 1 to the sign bit

    def implementation(x):
        shifted = fma(x, four, shift)
        quadrant = bits(shifted)  # its low bits count quarter turns
        r = fma(shifted - shift, -quarter, x)
        z = r * r
        s = r * polynomial(z, sine)
        c = fma(z, polynomial(z, cosine), one)
        odd = (quadrant & 1) != 0
        sin_sign = integer((quadrant & 2) << to_sign)
        cos_sign = integer(((quadrant + 1) & 2) << to_sign)
        first = integer(bits(c if odd else s) ^ sin_sign)
        second = integer(bits(s if odd else c) ^ cos_sign)
        return from_bits(first), from_bits(second)

    return implementation


@overload(power, jit_options=_OPTIONS, strict=False)
def _power(x: Any, y: Any) -> Any:
    """By way of float64; the error of a float64 result grows with |y log x|."""
    if x not in (types.float32, types.float64):
        return None
    real = np.float32 if x == types.float32 else np.float64

    def implementation(x, y):
        n = np.float64(y)
        z = exp(n * log(abs(np.float64(x))))
        below = z if n * 0.5 == np.floor(n * 0.5) else (-z if n == np.floor(n) else np.nan)
        return real(1.0) if y == 0 or x == 1 else real(below if x < 0 else z)

    return implementation


# (atan(z) / z - 1) / z^2 in z^2, |z| <= 1 / 2
_ATAN = (
    -0.3333333333333333, 0.19999999999999488, -0.14285714285599188, 0.11111111100917376,
    -0.09090908620322523, 0.07692294712540285, -0.06666435677235948, 0.05879578429582425,
    -0.05240099507994713, 0.04628024868570153, -0.03806653672057366, 0.025006503566489507,
    -0.009215792047089858,
)  # fmt: skip
_EIGHTH, _EIGHTH_LOW = 0.7853981633974483, 3.061616997868383e-17  # of a turn: pi / 4


@overload(arctan2, jit_options=_OPTIONS, strict=False)
def _arctan2(y: Any, x: Any) -> Any:
    """In float64; the angle within the first eighth of a turn, then put where it belongs by eighths."""
    if x not in (types.float32, types.float64):
        return None
    real = np.float32 if x == types.float32 else np.float64

    def implementation(y, x):
        a, b = abs(np.float64(x)), abs(np.float64(y))
        steep, left = b > a, np.copysign(1.0, np.float64(x)) < 0.0
        low, high = (a, b) if steep else (b, a)
        if high == np.inf:  # NaN stays
            low, high = 1.0 if low == np.inf else low / high, 1.0
        elif high == 0.0:
            high = 1.0
        elif high > 1e300:  # the sum below stays finite
            low, high = low * 0.25, high * 0.25
        far = low > 0.5 * high
        z = (low - high if far else low) / (low + high if far else high)
        square = z * z
        angle = fma(z, square * polynomial(square, _ATAN), z)
        eighths = 1.0 if far else 0.0
        eighths, angle = (2.0 - eighths, -angle) if steep else (eighths, angle)
        eighths, angle = (4.0 - eighths, -angle) if left else (eighths, angle)
        base = eighths * _EIGHTH
        rest = fma(eighths, _EIGHTH_LOW, fma(eighths, _EIGHTH, -base))
        return real(np.copysign(base + (rest + angle), np.float64(y)))

    return implementation


@_by_type(sin_turns)
def _(f: _Format) -> Callable[..., Any]:
    return lambda x: sincos_turns(x)[0]


@_by_type(cos_turns)
def _(f: _Format) -> Callable[..., Any]:
    return lambda x: sincos_turns(x)[1]
