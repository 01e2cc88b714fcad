"""Numbers in decimal digits to float64, correctly rounded: the same bits as Python's float().

Source: D. Lemire, "Number parsing at a gigabyte per second", 2021; he and N. Mushtak proved that 128 bits of
a power of five always suffice for digits of 64 bits. W. Clinger, 1990, for the short way.
"""

from __future__ import annotations

import numpy as np

from nnctl.kernels.bits import from_bits
from nnctl.kernels.jit import inline

_LOWEST, _HIGHEST = -342, 308
"""Powers of ten beyond which a float64 is 0 or infinite, whatever 64 bits of digits it is of."""
_EXACT_POWERS = 22
"""Powers of ten up to this one are float64 numbers."""
_DIGITS = 19
"""So many digits fit into 64 bits."""

_ONE, _HALF = np.uint64(1), np.uint64(0xFFFFFFFF)
_ALL = np.uint64(2**64 - 1)
_SHIFT = np.uint64(32)
_ROUNDING = np.uint64(0x1FF)
_EXACT = np.uint64(2**53)
_ZERO, _POINT, _PLUS, _MINUS, _SMALL_E, _LARGE_E = 48, 46, 43, 45, 101, 69


def _power(exponent: int) -> tuple[int, int]:
    """The first 128 bits of 5^exponent: cut off, but from -27 to -1 rounded up."""
    if exponent >= 0:
        five = 5**exponent
        shift = five.bit_length() - 128
        first = five >> shift if shift > 0 else five << -shift
    else:
        five = 5**-exponent
        first = (1 << (five.bit_length() + 127)) // five + (exponent >= -27)
    return first >> 64, first & (2**64 - 1)


_POWERS = np.array([_power(q) for q in range(_LOWEST, _HIGHEST + 1)], np.uint64)
_TENS = np.array([float(10**q) for q in range(_EXACT_POWERS + 1)])


@inline
def _product(a, b):
    """The high and the low 64 bits of a product."""
    a_low, a_high, b_low, b_high = a & _HALF, a >> _SHIFT, b & _HALF, b >> _SHIFT
    low, one, other = a_low * b_low, a_high * b_low, a_low * b_high
    middle = (low >> _SHIFT) + (one & _HALF) + (other & _HALF)
    return a_high * b_high + (one >> _SHIFT) + (other >> _SHIFT) + (middle >> _SHIFT), a * b


@inline
def _leading_zeros(word):
    """How many of the 64 bits stand before the first 1; `word` is not 0."""
    count = 0
    for step in (32, 16, 8, 4, 2, 1):
        if word >> np.uint64(64 - step) == np.uint64(0):
            word <<= np.uint64(step)
            count += step
    return count


@inline
def _rounded(digits, exponent):
    """The bits of digits 10^exponent (digits not 0); -1 for what is not a normal float64."""
    if exponent < _LOWEST or exponent > _HIGHEST:
        return np.int64(-1)
    zeros = _leading_zeros(digits)
    word = digits << np.uint64(zeros)
    high, low = _product(word, _POWERS[exponent - _LOWEST, 0])
    if high & _ROUNDING == _ROUNDING:
        carried, _ = _product(word, _POWERS[exponent - _LOWEST, 1])
        low += carried
        if low < carried:
            high += _ONE
    upper = high >> np.uint64(63)
    mantissa = high >> (upper + np.uint64(9))
    # 217706 / 2^16 is just above the logarithm of 10 to the base 2.
    power = ((217706 * exponent) >> 16) + 63 + np.int64(upper) - zeros + 1023
    if power <= 0:
        return np.int64(-1)
    if low <= _ONE and -4 <= exponent <= 23 and mantissa & np.uint64(3) == _ONE:
        # Half way between two numbers: to the even one.
        if mantissa << (upper + np.uint64(9)) == high:
            mantissa &= ~_ONE
    mantissa = (mantissa + (mantissa & _ONE)) >> _ONE
    if mantissa >= _EXACT:
        mantissa = _ONE << np.uint64(52)
        power += 1
    if power >= 2047:
        return np.int64(-1)
    return np.int64((mantissa & ~(_ONE << np.uint64(52))) | (np.uint64(power) << np.uint64(52)))


@inline
def _scaled(digits, exponent, cut):
    """(whether it is known, digits 10^exponent). If digits were `cut` off, it is where they do not matter."""
    if digits == np.uint64(0):
        return not cut, 0.0
    if not cut and digits <= _EXACT and -_EXACT_POWERS <= exponent <= _EXACT_POWERS:
        value = np.float64(np.int64(digits))
        return True, value * _TENS[exponent] if exponent >= 0 else value / _TENS[-exponent]
    found = _rounded(digits, exponent)
    if found < 0 or (cut and _rounded(digits + _ONE, exponent) != found):
        return False, 0.0
    return True, from_bits(found)


@inline
def _digits_from(text, at, stop, digits):
    """Where the digits end that begin at `at`, and these behind those of `digits`, modulo 2^64."""
    while at < stop:
        digit = np.uint64(text[at]) - np.uint64(_ZERO)
        if digit > np.uint64(9):
            break
        digits = digits * np.uint64(10) + digit
        at += 1
    return at, digits


@inline
def _first_digits(text, at, stop):
    """The first 19 digits that count, the power of ten that they are multiples of, whether others follow."""
    digits, count, exponent, cut, point = np.uint64(0), 0, 0, False, False
    for i in range(at, stop):
        if text[i] == _POINT:
            point = True
            continue
        digit = np.uint64(text[i]) - np.uint64(_ZERO)
        if count < _DIGITS:
            digits = digits * np.uint64(10) + digit
            count += digits != np.uint64(0)
            exponent -= point
        else:
            cut |= digit != np.uint64(0)
            exponent += not point
    return digits, exponent, cut


@inline
def number(text, start, stop):
    """(whether a known number begins at `start`, its value, where it ends: at `stop` at the latest).

    Known are all decimal numbers but those too small or too large for a normal float64 and those of more than
    19 digits where the further ones decide. Words for what is infinite or none are left to the caller, too.
    """
    at = start
    negative = at < stop and text[at] == _MINUS
    if at < stop and (negative or text[at] == _PLUS):
        at += 1
    first, exponent, cut = at, 0, False
    at, digits = _digits_from(text, at, stop, np.uint64(0))
    count = at - first
    if at < stop and text[at] == _POINT:
        point = at + 1
        at, digits = _digits_from(text, point, stop, digits)
        exponent = point - at
        count -= exponent
    if count == 0:
        return False, 0.0, at
    if count > _DIGITS:
        digits, exponent, cut = _first_digits(text, first, at)
    if at < stop and (text[at] == _SMALL_E or text[at] == _LARGE_E):
        at += 1
        down = at < stop and text[at] == _MINUS
        if at < stop and (down or text[at] == _PLUS):
            at += 1
        first = at
        at, told = _digits_from(text, at, stop, np.uint64(0))
        if at == first or at - first > 9:
            return False, 0.0, at
        exponent += -np.int64(told) if down else np.int64(told)
    known, value = _scaled(digits, exponent, cut)
    return known, -value if negative else value, at
