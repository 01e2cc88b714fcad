"""JSON of what grows by a row an epoch: each row is put into words once, not at every checkpoint again.

Without this the checkpoints of a run of many short epochs cost the square of their number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_MANY = 8
"""Lists shorter than this are not worth a look."""
_MOST = 1 << 18
"""So many rows are remembered at the most."""

_KNOWN: dict[int, tuple[dict[str, Any], dict[str, Any], str]] = {}
"""By identity: a row, what it held when it was put into words, and these words."""


def dumps(value: Any) -> str:
    """What `json.dumps` gives for `value`, found faster where it has long lists of rows."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(k))}: {dumps(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        rows = len(value) >= _MANY and all(type(row) is dict for row in value)
        return "[" + ", ".join([_row(row) if rows else dumps(row) for row in value]) + "]"
    return json.dumps(value)


def _row(row: dict[str, Any]) -> str:
    known = _KNOWN.get(id(row))
    # The row itself is kept, so no other has its identity; the copy tells whether it has changed since.
    if known is not None and known[0] is row and known[1] == row:
        return known[2]
    text = json.dumps(row)
    if any(isinstance(v, dict | list) for v in row.values()):
        # A change further inside would not show in the copy.
        return text
    if len(_KNOWN) >= _MOST:
        _KNOWN.clear()
    _KNOWN[id(row)] = row, dict(row), text
    return text
