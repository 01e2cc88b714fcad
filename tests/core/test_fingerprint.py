"""The hashes of bytes are those of TensorFlow, for every length that is treated by itself."""

from __future__ import annotations

import json
from pathlib import Path

from nnctl.core.fingerprint import farm_hash, joined, sip_hash

KNOWN = json.loads((Path(__file__).parent / "hashes_of_tensorflow.json").read_text(encoding="utf-8"))
BUCKETS = 2**63 - 1


def test_hashes_are_those_of_tensorflow() -> None:
    sizes = set()
    for word, farm, sip in KNOWN["words"]:
        data = word.encode()
        sizes.add(len(data))
        assert farm_hash(data) % BUCKETS == farm, word
        assert sip_hash(data, tuple(KNOWN["salt"])) % BUCKETS == sip, word
    assert sizes >= {0, 1, 3, 4, 7, 8, 16, 17, 32, 33, 64, 65, 128, 129}


def test_crosses_are_those_of_tensorflow() -> None:
    numbers = [number % 2**64 for number, *_ in KNOWN["numbers"]]
    for first, second, found in zip(numbers, reversed(numbers), KNOWN["cross"], strict=True):
        assert joined(joined(0xDECAFCAFFE, first), second) % 1000 == found
