"""JSON of strangers: of a size, a depth and a number of values that cannot hurt, and each key once."""

from __future__ import annotations

import json
import re
from typing import Any

from nnctl.core.errors import RunError

MAX_BYTES = 16 << 20
"""The longest text; a config of Keras has about a thousand bytes a layer."""
MAX_DEPTH = 200
"""How deep lists and mappings may stand in each other."""
MAX_VALUES = 1_000_000
"""How many values there may be."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
"""A text, or what begins as one and has no end; found in one pass whatever stands in it."""
_BRACKET = re.compile(rb"[\[\]{}]")


def parse_json(text: bytes, file: str) -> Any:
    """The value that a JSON text holds.

    Args:
        file: What errors call it.

    Raises:
        RunError: it is no JSON, or more than is read.
    """
    if len(text) > MAX_BYTES:
        raise RunError(f"{file}: {len(text):,} bytes of JSON are more than nnctl reads ({MAX_BYTES:,})")
    if (
        sum(map(text.count, (b",", b"[", b"{"))) > MAX_VALUES
        or sum(map(text.count, (b"]", b"}"))) > MAX_VALUES
    ):
        raise RunError(f"{file}: its JSON has more values than nnctl reads ({MAX_VALUES:,})")
    if (deepest := _depth(text)) > MAX_DEPTH:
        raise RunError(f"{file}: its JSON is nested {deepest:,} deep, deeper than nnctl reads ({MAX_DEPTH})")
    try:
        return json.loads(text.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{file} is no JSON: {error}") from None


def _depth(text: bytes) -> int:
    depth = deepest = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", text)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice in one mapping")
    return found
