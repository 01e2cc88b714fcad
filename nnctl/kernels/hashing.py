"""Fingerprints of whole numbers, by their decimal digits (`core/fingerprint.py`), and joined ones."""

from __future__ import annotations

import numpy as np

from nnctl.kernels.categories import at_most
from nnctl.kernels.jit import inline, kernel

_K0 = np.uint64(0xC3A5C85C97CB3127)
_K1 = np.uint64(0xB492B66FBE98F273)
_K2 = np.uint64(0x9AE16A3B2F90404F)
_CAT = np.uint64(0xC6A4A7935BD1E995)
_START = np.uint64(0xDECAFCAFFE)
"""What TensorFlow's crosses begin with."""
_TEN, _SIGN, _ZERO = np.uint64(10), np.uint8(45), np.uint64(48)
_S0, _S1 = np.uint64(0x736F6D6570736575), np.uint64(0x646F72616E646F6D)
_S2, _S3 = np.uint64(0x6C7967656E657261), np.uint64(0x7465646279746573)


@inline
def _turn(x, bits):
    return (x >> np.uint64(bits)) | (x << np.uint64(64 - bits))


@inline
def _fold(x):
    return x ^ (x >> np.uint64(47))


@inline
def _digits(x, text):
    """Write x in decimal digits to `text` (24,); how many bytes."""
    negative = x < 0
    rest = np.uint64(0) - np.uint64(x) if negative else np.uint64(x)
    size, left = 0, rest
    while True:
        size += 1
        left //= _TEN
        if left == np.uint64(0):
            break
    size += 1 if negative else 0
    if negative:
        text[0] = _SIGN
    for at in range(size - 1, 0 if negative else -1, -1):
        text[at] = np.uint8(_ZERO + rest % _TEN)
        rest //= _TEN
    return size


@inline
def _word(text, at, size):
    """Bytes `at` .. `at` + `size` - 1, the first one lowest."""
    word = np.uint64(0)
    for n in range(size):
        word |= np.uint64(text[at + n]) << np.uint64(8 * n)
    return word


@inline
def _mix(u, v, mul):
    a = _fold((u ^ v) * mul)
    b = _fold((v ^ a) * mul)
    return b * mul


@inline
def _farm(text, size):
    """FarmHash's fingerprint of 1 to 20 bytes."""
    length = np.uint64(size)
    mul = _K2 + length * np.uint64(2)
    if size > 16:
        a, b = _word(text, 0, 8) * _K1, _word(text, 8, 8)
        c, d = _word(text, size - 8, 8) * mul, _word(text, size - 16, 8) * _K2
        x = _turn(a + b, 43) + _turn(c, 30) + d
        return _mix(x, a + _turn(b + _K2, 18) + c, mul)
    if size >= 8:
        a, b = _word(text, 0, 8) + _K2, _word(text, size - 8, 8)
        return _mix(_turn(b, 37) * mul + a, (_turn(a, 25) + b) * mul, mul)
    if size >= 4:
        return _mix(length + (_word(text, 0, 4) << np.uint64(3)), _word(text, size - 4, 4), mul)
    y = np.uint64(text[0]) + (np.uint64(text[size // 2]) << np.uint64(8))
    z = length + (np.uint64(text[size - 1]) << np.uint64(2))
    return _fold(y * _K2 ^ z * _K0) * _K2


@inline
def _sip_rounds(a, b, c, d, count):
    for _ in range(count):
        a += b
        c += d
        b = _turn(b, 51) ^ a
        d = _turn(d, 48) ^ c
        a = _turn(a, 32)
        c += b
        a += d
        b = _turn(b, 47) ^ c
        d = _turn(d, 43) ^ a
        c = _turn(c, 32)
    return a, b, c, d


@inline
def _sip(text, size, k0, k1):
    """SipHash-2-4 of 1 to 20 bytes."""
    a, b, c, d = k0 ^ _S0, k1 ^ _S1, k0 ^ _S2, k1 ^ _S3
    for n in range(size // 8 + 1):
        if n == size // 8:
            word = _word(text, 8 * n, size - 8 * n) | (np.uint64(size) << np.uint64(56))
        else:
            word = _word(text, 8 * n, 8)
        d ^= word
        a, b, c, d = _sip_rounds(a, b, c, d, 2)
        a ^= word
    c ^= np.uint64(255)
    a, b, c, d = _sip_rounds(a, b, c, d, 4)
    return a ^ b ^ c ^ d


@kernel
def hash_bins(x, salted, k0, k1, bins, first, y):
    """y[i] = first + the hash of x[i]'s decimal digits, modulo bins; by the key (k0, k1) if `salted`."""
    text = np.empty(24, np.uint8)
    for i in range(x.shape[0]):
        size = _digits(x[i], text)
        found = _sip(text, size, np.uint64(k0), np.uint64(k1)) if salted else _farm(text, size)
        y[i] = first + np.int64(found % np.uint64(bins))


@kernel
def remainders(x, bins, first, y):
    """y[i] = first + x[i] modulo bins, which is not below 0."""
    for i in range(x.shape[0]):
        y[i] = first + x[i] % bins


@kernel
def cross(x, started, bins, y):
    """y[i] = the number that stands for what y[i] stood for and x[i]; modulo bins unless they are 0."""
    for i in range(x.shape[0]):
        result = (np.uint64(y[i]) if started else _START) ^ _CAT
        result ^= _fold(np.uint64(x[i]) * _CAT) * _CAT
        result *= _CAT
        result = _fold(_fold(result) * _CAT)
        y[i] = np.int64(result % np.uint64(bins)) if bins else np.int64(result)


@kernel
def look_up(x, tokens, places, y):
    """y[i] = places[n] where x[i] is tokens[n], else as it was; tokens rise, the last may come again."""
    for i in range(x.shape[0]):
        n = at_most(x[i], tokens) - 1
        if n >= 0 and tokens[n] == x[i]:
            y[i] = np.int64(places[n])


@kernel
def put_where(x, value, place, y):
    """y[i] = place where x[i] is the value."""
    for i in range(x.shape[0]):
        if x[i] == value:
            y[i] = place
