"""stdout holds a command's result alone."""

from __future__ import annotations

import json
import math
from typing import Any

import typer


def write_json(value: Any) -> None:
    """One JSON object on stdout; what JSON cannot hold (NaN, infinities) becomes null."""
    typer.echo(json.dumps(_plain(value), allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
