"""Numbers that stand for bytes, the same on every machine: FarmHash, and SipHash-2-4 by a key.

They are those of TensorFlow (`tf.strings.to_hash_bucket_fast` and `to_hash_bucket_strong`), and so of Keras's
Hashing. `kernels/hashing.py` computes them for whole numbers. No defence against who chooses the bytes, but
for SipHash with a key that nobody knows.

Source: Pike, FarmHash (farmhashna::Hash64); Aumasson, Bernstein: SipHash, a fast short-input PRF (2012).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

SaltWord = Annotated[int, Field(ge=0, lt=1 << 63)]
Salt = SaltWord | tuple[SaltWord, SaltWord]
"""The key of SipHash as a config has it: its two halves, or one number that is both."""

_MASK = (1 << 64) - 1
K0, K1, K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
"""FarmHash's primes."""


def key_of(salt: Salt | None) -> tuple[int, int] | None:
    """The two halves of SipHash's key; None: FarmHash, which has none."""
    return (salt, salt) if isinstance(salt, int) else salt


def farm_hash(data: bytes) -> int:
    """Fingerprint64 of the bytes, in [0, 2^64)."""
    size = len(data)
    if size <= 16:
        return _to_16(data)
    mul = (K2 + size * 2) & _MASK
    if size <= 32:
        a, b = _word(data, 0) * K1, _word(data, 8)
        c, d = _word(data, size - 8) * mul, _word(data, size - 16) * K2
        x = _turn(a + b, 43) + _turn(c, 30) + d
        return _mix_16(x, a + _turn(b + K2, 18) + c, mul)
    if size <= 64:
        return _to_64(data, mul)
    return _longer(data)


def sip_hash(data: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 of the bytes by a key of two words, in [0, 2^64)."""
    k0, k1 = key
    state = [
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    ]
    whole = len(data) // 8 * 8
    last = int.from_bytes(data[whole:], "little") | (len(data) & 255) << 56
    for word in (*(_word(data, at) for at in range(0, whole, 8)), last):
        state[3] ^= word
        _rounds(state, 2)
        state[0] ^= word
    state[2] ^= 255
    _rounds(state, 4)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def joined(first: int, second: int) -> int:
    """FingerprintCat64: one number for two, in this order."""
    mul = 0xC6A4A7935BD1E995
    result = first ^ mul
    result ^= _fold(second * mul & _MASK) * mul & _MASK
    result = result * mul & _MASK
    result = _fold(result) * mul & _MASK
    return _fold(result)


def _word(data: bytes, at: int, size: int = 8) -> int:
    return int.from_bytes(data[at : at + size], "little")


def _turn(x: int, bits: int) -> int:
    """x turned to the right."""
    x &= _MASK
    return (x >> bits | x << (64 - bits)) & _MASK


def _fold(x: int) -> int:
    return x ^ x >> 47


def _mix_16(u: int, v: int, mul: int) -> int:
    u, v = u & _MASK, v & _MASK
    a = _fold((u ^ v) * mul & _MASK)
    b = _fold((v ^ a) * mul & _MASK)
    return b * mul & _MASK


def _to_16(data: bytes) -> int:
    size = len(data)
    mul = (K2 + size * 2) & _MASK
    if size >= 8:
        a, b = _word(data, 0) + K2, _word(data, size - 8)
        return _mix_16(_turn(b, 37) * mul + a, (_turn(a, 25) + b) * mul, mul)
    if size >= 4:
        return _mix_16(size + (_word(data, 0, 4) << 3), _word(data, size - 4, 4), mul)
    if size:
        y, z = data[0] + (data[size >> 1] << 8), size + (data[-1] << 2)
        return _fold(y * K2 & _MASK ^ z * K0 & _MASK) * K2 & _MASK
    return K2


def _to_64(data: bytes, mul: int) -> int:
    size = len(data)
    a, b = _word(data, 0) * K2, _word(data, 8)
    c, d = _word(data, size - 8) * mul, _word(data, size - 16) * K2
    y = _turn(a + b, 43) + _turn(c, 30) + d
    z = _mix_16(y, a + _turn(b + K2, 18) + c, mul)
    e, f = _word(data, 16) * mul, _word(data, 24)
    g, h = (y + _word(data, size - 32)) * mul, (z + _word(data, size - 24)) * mul
    return _mix_16(_turn(e + f, 43) + _turn(g, 30) + h, e + _turn(f + a, 18) + g, mul)


def _longer(data: bytes) -> int:
    """Of more than 64 bytes: 64 at a time, the last 64 once more."""
    x, y = (81 * K2 + _word(data, 0)) & _MASK, (81 * K1 + 113) & _MASK
    z = _fold((y * K2 + 113) & _MASK) * K2 & _MASK
    v = w = (0, 0)
    for at in range(0, (len(data) - 1) // 64 * 64, 64):
        x, y, z, v, w = _stirred(data, at, x, y, z, v, w, K1, 1)
    mul = K1 + ((z & 0xFF) << 1)
    rest = (len(data) - 1) & 63
    first = w[0] + rest
    v = ((v[0] + first) & _MASK, v[1])
    w = ((first + v[0]) & _MASK, w[1])
    x, y, z, v, w = _stirred(data, len(data) - 64, x, y, z, v, w, mul, 9)
    return _mix_16(
        _mix_16(v[0], w[0], mul) + _fold(y & _MASK) * K0 + z,
        _mix_16(v[1], w[1], mul) + x,
        mul,
    )


def _stirred(
    data: bytes,
    at: int,
    x: int,
    y: int,
    z: int,
    v: tuple[int, int],
    w: tuple[int, int],
    mul: int,
    times: int,
) -> tuple[int, int, int, tuple[int, int], tuple[int, int]]:
    x = _turn(x + y + v[0] + _word(data, at + 8), 37) * mul & _MASK
    y = _turn(y + v[1] + _word(data, at + 48), 42) * mul & _MASK
    x ^= w[1] * times & _MASK
    y = (y + v[0] * times + _word(data, at + 40)) & _MASK
    z = _turn(z + w[0], 33) * mul & _MASK
    v = _weak(data, at, v[1] * mul, x + w[0])
    w = _weak(data, at + 32, z + w[1], y + _word(data, at + 16))
    return z, y, x, v, w


def _weak(data: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_word(data, at + step) for step in (0, 8, 16, 24))
    a += w
    b = _turn(b + a + z, 21)
    c = a
    a += x + y
    b += _turn(a, 44)
    return (a + z) & _MASK, (b + c) & _MASK


def _rounds(v: list[int], count: int) -> None:
    for _ in range(count):
        v[0] = (v[0] + v[1]) & _MASK
        v[2] = (v[2] + v[3]) & _MASK
        v[1] = _turn(v[1], 51) ^ v[0]
        v[3] = _turn(v[3], 48) ^ v[2]
        v[0] = _turn(v[0], 32)
        v[2] = (v[2] + v[1]) & _MASK
        v[0] = (v[0] + v[3]) & _MASK
        v[1] = _turn(v[1], 47) ^ v[2]
        v[3] = _turn(v[3], 43) ^ v[0]
        v[2] = _turn(v[2], 32)
