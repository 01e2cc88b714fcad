"""exp, log, tanh, erf and their kin in C: the arithmetic of `kernels/mathfn.py` and `kernels/special.py`.

Each function is there for the model's float type (`exp_r`), and those that others take in double precision
in any model, for double (`exp_d`). The coefficients are the kernels' own.
"""

from __future__ import annotations

from string import Template
from typing import Any

from nnctl.formats.c.helpers import helper
from nnctl.formats.c.text import number

_BY_TYPE: dict[str, str] = {
    "bits": """
static inline $uint bits_$s($real x) { $uint i; memcpy(&i, &x, sizeof i); return i; }
""",
    "from_bits": """
static inline $real from_bits_$s($uint i) { $real x; memcpy(&x, &i, sizeof x); return x; }
""",
    "select": """
/* The first where `which` is 1, the second where it is 0: no compiler makes a branch of it. */
static inline $real select_$s(int which, $real first, $real second) {
    const $uint mask = ($uint)0 - ($uint)which;
    return from_bits_$s((bits_$s(first) & mask) | (bits_$s(second) & ~mask));
}
""",
    "expm1_reduced": """
/* e^r - 1, where x = n ln 2 + r, n a whole number, |r| <= ln 2 / 2. */
static inline $real expm1_reduced_$s($real x, $int *n) {
    const $real shifted = $fma(x, $LOG2E, $SHIFT), whole = shifted - $SHIFT;
    const $real r = $fma(-whole, $LN2_LOW, $fma(-whole, $LN2_HIGH, x));
    *n = ($int)(bits_$s(shifted) - $SHIFT_BITS);
    return $fma(r * r, $POLY_EXP_r, r);
}
""",
    "power_of_two": """
/* 2^n for a number n that a float has as its exponent. */
static inline $real power_of_two_$s($int n) { return from_bits_$s(($uint)n << $MANTISSA); }
""",
    "exp": """
static inline $real exp_$s($real x) {
    $int n, half;
    $real q;
    x = select_$s(x < $EXP_LOW, $EXP_LOW, x);
    x = select_$s(x > $EXP_HIGH, $EXP_HIGH, x);
    q = expm1_reduced_$s(x, &n);
    half = n >> 1; /* two factors reach subnormal numbers and overflow */
    return ($ONE + q) * power_of_two_$s(half + $BIAS) * power_of_two_$s(n - half + $BIAS);
}
""",
    "exp_negative": """
/* e^x for x that is not above 0. */
static inline $real exp_negative_$s($real x) {
    $int n;
    $real q;
    x = select_$s(x < $EXP_LOW, $EXP_LOW, x);
    q = expm1_reduced_$s(x, &n);
    return ($ONE + q) * power_of_two_$s(n + $RAISED) * $DOWN;
}
""",
    "expm1_bounded": """
/* e^x - 1 between $EXPM1_LOW and overflow. */
static inline $real expm1_bounded_$s($real x) {
    $int n;
    const $real q = expm1_reduced_$s(x, &n), scale = power_of_two_$s(n + $BIAS);
    return $fma(scale, q, scale - $ONE);
}
""",
    "expm1": """
static inline $real expm1_$s($real x) {
    $int n;
    $real q, scale, usual, large;
    x = select_$s(x < $EXPM1_LOW, $EXPM1_LOW, x);
    x = select_$s(x > $EXP_HIGH, $EXP_HIGH, x);
    q = expm1_reduced_$s(x, &n);
    scale = power_of_two_$s(n > $BIAS ? $BIAS + $BIAS : n + $BIAS);
    usual = $fma(scale, q, scale - $ONE);
    large = $TWO * $fma(scale, q, scale); /* 2^n itself would overflow */
    return select_$s(x == $ZERO, x, select_$s(n > $BIAS, large, usual));
}
""",
    "log_reduced": """
/* k ln 2 + log(1 + f) for |f| <= 1/3. */
static inline $real log_reduced_$s($real f, $real k) {
$LOG_BODY
}
""",
    "log": """
static inline $real log_$s($real x) {
    const int tiny = x < $NORMAL;
    const $real lifted = x * $LIFT, a = select_$s(tiny, lifted, x);
    const $uint i = (bits_$s(a) - $TWO_THIRDS) & $MASK;
    $real k = from_bits_$s(($uint)(($int)i >> $MANTISSA) + $SHIFT_BITS) - $SHIFT, y;
    k = k - select_$s(tiny, $LIFTED_BY, $ZERO);
    y = log_reduced_$s(from_bits_$s(bits_$s(a) - i) - $ONE, k);
    y = select_$s(x == ($real)INFINITY, x, y);
    y = select_$s(x == $ZERO, ($real)-INFINITY, y);
    return select_$s(!(x >= $ZERO), ($real)NAN, y);
}
""",
    "log1p": """
static inline $real log1p_$s($real x) {
    const $real u = $ONE + x;
    const $uint i = (bits_$s(u) - $TWO_THIRDS) & $MASK; /* the exponent k of u, in place */
    const $real k = from_bits_$s(($uint)(($int)i >> $MANTISSA) + $SHIFT_BITS) - $SHIFT;
    const $real power = from_bits_$s($FOUR_BITS - i);
    const $real scaled = from_bits_$s(bits_$s(x) - i); /* i may be 0 */
    $real y = log_reduced_$s(scaled + $fma($QUARTER, power, -$ONE), k);
    y = select_$s((x == ($real)INFINITY) | ($abs(x) < $TINY), x, y);
    y = select_$s(x == -$ONE, ($real)-INFINITY, y);
    return select_$s(!(x >= -$ONE), ($real)NAN, y);
}
""",
    "tanh": """
static inline $real tanh_$s($real x) {
    $real a = $abs(x), z = a * a, e, far;
    const $real near = $fma(a * z, $POLY_TANH_z, a);
    const int is_near = a < $HALF;
    a = select_$s(a > $TANH_TOP, $TANH_TOP, a);
    e = expm1_bounded_$s($TWO * a);
    far = e / (e + $TWO);
    return $copysign(select_$s(is_near, near, far), x);
}
""",
    "sigmoid": """
static inline $real sigmoid_$s($real x) {
    const $real z = exp_negative_$s(-$abs(x)), total = $ONE + z;
    const $real lost = z - (total - $ONE); /* what rounding 1 + z took away */
    const $real y = select_$s(x < $ZERO, z, $ONE) / total, rest = $ONE - y;
    return $fma(-(y * lost), select_$s(x < $ZERO, rest, y), y);
}
""",
    "softplus": """
static inline $real softplus_$s($real x) {
    return select_$s(x < $ZERO, $ZERO, x) + log1p_$s(exp_negative_$s(-$abs(x)));
}
""",
    "sign": """
static inline $real sign_$s($real x) { return x > $ZERO ? $ONE : x < $ZERO ? -$ONE : x * $ZERO; }
""",
    "erf": """
static inline $real erf_$s($real x) {
    $real t = $abs(x), far;
    const int is_near = t < $ERF_EDGE;
    const $real near = $fma(t, $POLY_ERF_tt, t);
    t = select_$s(t > $ERF_TOP, $ERF_TOP, t);
    far = $ERF_FAR;
    return $copysign(select_$s(is_near, near, far), x);
}
""",
    "sincos_turns": """
/* sin(2 pi x), and cos(2 pi x) to *cosine. */
static inline $real sincos_turns_$s($real x, $real *cosine) {
    const $real shifted = $fma(x, $FOUR, $SHIFT);
    const $uint quadrant = bits_$s(shifted); /* its low bits count quarter turns */
    const $real r = $fma(shifted - $SHIFT, -$QUARTER, x), z = r * r;
    const $real s = r * $POLY_SIN_z, c = $fma(z, $POLY_COS_z, $ONE);
    const int odd = (quadrant & 1) != 0;
    *cosine = from_bits_$s(bits_$s(select_$s(odd, s, c)) ^ (((quadrant + 1) & 2) << $TO_SIGN));
    return from_bits_$s(bits_$s(select_$s(odd, c, s)) ^ ((quadrant & 2) << $TO_SIGN));
}
""",
    "sin_turns": """
static inline $real sin_turns_$s($real x) { $real c; return sincos_turns_$s(x, &c); }
""",
    "cos_turns": """
static inline $real cos_turns_$s($real x) { $real c; (void)sincos_turns_$s(x, &c); return c; }
""",
    "power": """
/* x^y, by way of double. */
static inline $real power_$s($real x, $real y) {
    const double n = y, z = exp_d(n * log_d(fabs((double)x)));
    const double below = n * 0.5 == floor(n * 0.5) ? z : n == floor(n) ? -z : NAN;
    return y == $ZERO || x == $ONE ? $ONE : ($real)(x < $ZERO ? below : z);
}
""",
    "arctan2": """
/* The angle of (x, y), by way of double. */
static inline $real arctan2_$s($real y, $real x) {
    const double a = fabs((double)x), b = fabs((double)y);
    const int steep = b > a, left = copysign(1.0, (double)x) < 0.0;
    double low = steep ? a : b, high = steep ? b : a, z, square, angle, eighths, base, rest;
    int far;
    if (high == INFINITY) {
        low = low == INFINITY ? 1.0 : low / high;
        high = 1.0;
    } else if (high == 0.0) {
        high = 1.0;
    } else if (high > $LARGE) {
        low *= 0.25;
        high *= 0.25;
    }
    far = low > 0.5 * high;
    z = (far ? low - high : low) / (far ? low + high : high);
    square = z * z;
    angle = fma(z, square * $POLY_ATAN_square, z);
    eighths = far ? 1.0 : 0.0;
    if (steep) { eighths = 2.0 - eighths; angle = -angle; }
    if (left) { eighths = 4.0 - eighths; angle = -angle; }
    base = eighths * $EIGHTH;
    rest = fma(eighths, $EIGHTH_LOW, fma(eighths, $EIGHTH, -base));
    return ($real)copysign(base + (rest + angle), (double)y);
}
""",
}

_LOG_BODIES = {
    "float32": """    return $fma(k, $LN2_HIGH, $fma(k, $LN2_LOW, $fma(f * f, $POLY_LOG_f, f)));""",
    "float64": """    const double s = f / (2.0 + f), z = s * s, square = 0.5 * f * f;
    const double tail = fma(s, fma(z, $POLY_LOG_z, square), k * $LN2_LOW);
    return fma(k, $LN2_HIGH, f - (square - tail));""",
}
_ERF_FAR = {
    "float32": "$ONE - exp_negative_$s($fma(-t, t, $POLY_ERFC_centered))",
    "float64": "$ONE - exp_negative_$s(-t * t) * $POLY_ERFC_ratio",
}
_ARGUMENTS = {"tt": "t * t", "centered": "t - $CENTER", "ratio": "(t - $CENTER) / (t + $CENTER)"}


def _polynomial(argument: str, coefficients: tuple[float, ...], dtype: str, fma: str) -> str:
    """From the highest term down, one fma a term."""
    made = number(coefficients[-1], dtype)
    for c in reversed(coefficients[:-1]):
        made = f"{fma}({made}, {argument}, {number(c, dtype)})"
    return made


def _words(dtype: str) -> dict[str, str]:
    """What the texts' words stand for."""
    from nnctl.kernels import mathfn, special

    single = dtype == "float32"
    f = mathfn._SINGLE if single else mathfn._DOUBLE
    integer, end = ("int32_t", "f") if single else ("int64_t", "")
    low, high, lift = (-104.0, 89.0, 64) if single else (-746.0, 710.0, 512)

    def real(value: Any) -> str:
        return number(float(value), dtype)

    def whole(value: int) -> str:
        return f"UINT32_C({value})" if single else f"UINT64_C({value})"

    return {
        "real": "float" if single else "double",
        "int": integer,
        "uint": f"u{integer}",
        "fma": f"fma{end}",
        "abs": f"fabs{end}",
        "copysign": f"copysign{end}",
        "MANTISSA": str(f.mantissa),
        "BIAS": str(f.bias),
        "RAISED": str(f.bias + lift),
        "DOWN": real(2.0**-lift),
        "SHIFT": real(f.shift),
        "SHIFT_BITS": whole(f.shift_bits),
        "LOG2E": real(f.log2e),
        "LN2_HIGH": real(f.ln2_high),
        "LN2_LOW": real(f.ln2_low),
        "EXP_LOW": real(low),
        "EXP_HIGH": real(high),
        "EXPM1_LOW": real(-30.0 if single else -50.0),
        "ZERO": real(0),
        "ONE": real(1),
        "TWO": real(2),
        "FOUR": real(4),
        "HALF": real(0.5),
        "QUARTER": real(0.25),
        "NORMAL": real(2.0 ** (1 - f.bias)),
        "LIFT": real(2.0 ** (f.mantissa + 2)),
        "LIFTED_BY": real(f.mantissa + 2),
        "TWO_THIRDS": whole(mathfn._two_thirds_bits(f)),
        "MASK": whole(-(1 << f.mantissa) % (1 << (32 if single else 64))),
        "FOUR_BITS": whole((f.bias + 2) << f.mantissa),
        "TINY": real(2.0 ** -(f.mantissa + 3)),
        "TANH_TOP": real(10.0 if single else 20.0),
        "ERF_EDGE": real(0.9277 if single else 1.0),
        "ERF_TOP": real(4.0 if single else 6.0),
        "CENTER": real(2.46 if single else 2.5),
        "TO_SIGN": str(f.mantissa + (7 if single else 10)),
        "LARGE": number(1e300, "float64"),
        "EIGHTH": number(special._EIGHTH, "float64"),
        "EIGHTH_LOW": number(special._EIGHTH_LOW, "float64"),
        "LOG_BODY": _LOG_BODIES[dtype],
        "ERF_FAR": _ERF_FAR[dtype],
    }


def _coefficients(name: str, dtype: str) -> tuple[float, ...]:
    from nnctl.kernels import mathfn, special

    if name == "ATAN":
        return special._ATAN
    module: Any = special if name in ("ERF", "ERFC", "SIN", "COS") else mathfn
    found: tuple[float, ...] = getattr(module, f"_{name}{'32' if dtype == 'float32' else '64'}")
    return found


class _Filled(dict[str, str]):
    """The words, and polynomials: `POLY_EXP_r` is that of exp at r."""

    def __init__(self, dtype: str, suffix: str) -> None:
        super().__init__(_words(dtype) | {"s": suffix})
        self.dtype = dtype

    def __missing__(self, key: str) -> str:
        _, name, argument = key.split("_", 2)
        dtype = "float64" if name == "ATAN" else self.dtype
        fma = "fma" if dtype == "float64" else "fmaf"
        at = f"({_ARGUMENTS[argument]})" if argument in _ARGUMENTS else argument
        return _polynomial(at, _coefficients(name, dtype), dtype, fma)


def _made(text: str, dtype: str, suffix: str) -> str:
    words = _Filled(dtype, suffix)
    while "$" in text:
        text = Template(text).substitute(words)
    return text


def _register(name: str, text: str) -> None:
    helper(f"{name}_r", lambda dtype: _made(text, dtype, "r"))
    helper(f"{name}_d", lambda _: _made(text, "float64", "d"))


for _name, _text in _BY_TYPE.items():
    _register(_name, _text)
