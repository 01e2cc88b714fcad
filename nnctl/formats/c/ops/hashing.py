"""Whole numbers as bins of their hashes, as crosses, as places in a vocabulary (`ops/hashing.py`)."""

from __future__ import annotations

import numpy as np

from nnctl.formats.c.emitters import emits
from nnctl.formats.c.helpers import helper
from nnctl.formats.c.writer import Writer
from nnctl.ops.base import Node, Value
from nnctl.ops.hashing import Bucket, Cross, Hash, LookUp

helper(
    "turn",
    """
static uint64_t turn(uint64_t x, int bits) { return x >> bits | x << (64 - bits); }
""",
)
helper(
    "fold",
    """
static uint64_t fold(uint64_t x) { return x ^ x >> 47; }
""",
)
helper(
    "digits",
    """
/* x in decimal digits; how many bytes. */
static int digits(int64_t x, uint8_t *text) {
    const int negative = x < 0;
    uint64_t rest = negative ? 0 - (uint64_t)x : (uint64_t)x, left = rest;
    int size = negative, at;
    do {
        size++;
        left /= 10;
    } while (left);
    text[0] = '-';
    for (at = size - 1; at >= negative; at--, rest /= 10)
        text[at] = (uint8_t)('0' + rest % 10);
    return size;
}
""",
)
helper(
    "word",
    """
/* `size` bytes, the first one lowest. */
static uint64_t word(const uint8_t *text, int size) {
    uint64_t found = 0;
    int n;
    for (n = 0; n < size; n++)
        found |= (uint64_t)text[n] << (8 * n);
    return found;
}
""",
)
helper(
    "farm_mix",
    """
static uint64_t farm_mix(uint64_t u, uint64_t v, uint64_t by) {
    const uint64_t a = fold((u ^ v) * by), b = fold((v ^ a) * by);
    return b * by;
}
""",
)
helper(
    "farm",
    """
/* FarmHash's fingerprint of 1 to 20 bytes. */
static uint64_t farm(const uint8_t *text, int size) {
    const uint64_t k0 = UINT64_C(0xc3a5c85c97cb3127), k1 = UINT64_C(0xb492b66fbe98f273);
    const uint64_t k2 = UINT64_C(0x9ae16a3b2f90404f), length = (uint64_t)size, by = k2 + length * 2;
    uint64_t y, z;
    if (size > 16) {
        const uint64_t a = word(text, 8) * k1, b = word(text + 8, 8);
        const uint64_t c = word(text + size - 8, 8) * by, d = word(text + size - 16, 8) * k2;
        return farm_mix(turn(a + b, 43) + turn(c, 30) + d, a + turn(b + k2, 18) + c, by);
    }
    if (size >= 8) {
        const uint64_t a = word(text, 8) + k2, b = word(text + size - 8, 8);
        return farm_mix(turn(b, 37) * by + a, (turn(a, 25) + b) * by, by);
    }
    if (size >= 4)
        return farm_mix(length + (word(text, 4) << 3), word(text + size - 4, 4), by);
    y = text[0] + ((uint64_t)text[size / 2] << 8);
    z = length + ((uint64_t)text[size - 1] << 2);
    return fold(y * k2 ^ z * k0) * k2;
}
""",
)
helper(
    "sip_rounds",
    """
static void sip_rounds(uint64_t *v, int count) {
    for (; count > 0; count--) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = turn(v[1], 51) ^ v[0];
        v[3] = turn(v[3], 48) ^ v[2];
        v[0] = turn(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = turn(v[1], 47) ^ v[2];
        v[3] = turn(v[3], 43) ^ v[0];
        v[2] = turn(v[2], 32);
    }
}
""",
)
helper(
    "sip",
    """
/* SipHash-2-4. */
static uint64_t sip(const uint8_t *text, int size, uint64_t k0, uint64_t k1) {
    uint64_t v[4];
    int n;
    v[0] = k0 ^ UINT64_C(0x736f6d6570736575);
    v[1] = k1 ^ UINT64_C(0x646f72616e646f6d);
    v[2] = k0 ^ UINT64_C(0x6c7967656e657261);
    v[3] = k1 ^ UINT64_C(0x7465646279746573);
    for (n = 0; n <= size / 8; n++) {
        uint64_t part = word(text + 8 * n, n == size / 8 ? size % 8 : 8);
        if (n == size / 8)
            part |= (uint64_t)size << 56;
        v[3] ^= part;
        sip_rounds(v, 2);
        v[0] ^= part;
    }
    v[2] ^= 255;
    sip_rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
""",
)
helper(
    "remainder_bin",
    """
/* x modulo bins, not below 0. */
static int64_t remainder_bin(int64_t x, int64_t bins) {
    const int64_t left = x % bins;
    return left < 0 ? left + bins : left;
}
""",
)
helper(
    "farm_bin",
    """
static int64_t farm_bin(int64_t x, uint64_t bins) {
    uint8_t text[24];
    const int size = digits(x, text);
    return (int64_t)(farm(text, size) % bins);
}
""",
)
helper(
    "sip_bin",
    """
static int64_t sip_bin(int64_t x, uint64_t k0, uint64_t k1, uint64_t bins) {
    uint8_t text[24];
    const int size = digits(x, text);
    return (int64_t)(sip(text, size, k0, k1) % bins);
}
""",
)
helper(
    "crossed",
    """
/* What stands for both what `before` stood for and x. */
static uint64_t crossed(uint64_t before, uint64_t x) {
    const uint64_t cat = UINT64_C(0xc6a4a7935bd1e995);
    const uint64_t result = (before ^ cat ^ fold(x * cat) * cat) * cat;
    return fold(fold(result) * cat);
}
""",
)
helper(
    "place_of",
    """
/* Where x is among the rising tokens, the last of equal ones; -1 where it is not. */
static int place_of(int64_t x, const int64_t *tokens, int count) {
    int low = 0, high = count;
    while (low < high) {
        const int middle = (low + high) / 2;
        if (x < tokens[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return low > 0 && tokens[low - 1] == x ? low - 1 : -1;
}
""",
)


def _bin(w: Writer, bucket: Bucket) -> str:
    """The bin of x[i]."""
    if bucket.by == "remainder":
        name, given = "remainder_bin", ""
    elif bucket.salt is None:
        name, given = "farm_bin", ""
    else:
        name, given = "sip_bin", "".join(f"UINT64_C({int(np.uint64(k))}), " for k in bucket.salt)
    w.helpers.need(name)
    return f"{bucket.first} + {name}(x[i], {given}{bucket.bins})"


@emits(Hash)
def _hash(w: Writer, node: Node) -> None:
    op, (x,), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, Hash)
    value = _bin(w, op.bucket)
    if op.masked is not None:
        value = f"x[i] == INT64_C({op.masked}) ? 0 : {value}"
    w.loop(x.type.size, f"y[i] = {value}", x=x, y=y)


@emits(Cross)
def _cross(w: Writer, node: Node) -> None:
    op, (y,) = node.op, node.outputs
    assert isinstance(op, Cross)
    w.helpers.need("crossed")
    value, given = "UINT64_C(0xdecafcaffe)", dict[str, Value]()
    for at, x in enumerate(node.inputs):
        given[f"x{at}"] = x
        value = f"crossed({value}, (uint64_t)x{at}[i])"
    w.loop(y.type.size, f"y[i] = (int64_t)({value} % {op.bins})", **given, y=y)


@emits(LookUp)
def _look_up(w: Writer, node: Node) -> None:
    op, (x, tokens, places), (y,) = node.op, node.inputs, node.outputs
    assert isinstance(op, LookUp)
    w.helpers.need("place_of")
    found = f"place_of(x[i], tokens, {tokens.type.size})"
    value = f"{found} >= 0 ? (int64_t)places[{found}] : {_bin(w, op.others)}"
    if op.masked is not None:
        value = f"x[i] == INT64_C({op.masked}) ? {op.masked_place} : {value}"
    w.loop(x.type.size, f"y[i] = {value}", x=x, tokens=tokens, places=places, y=y)
