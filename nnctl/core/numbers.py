"""Numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

_BARS = "▁▂▃▄▅▆▇█"


def number(value: float) -> str:
    """Four significant digits, as short as they come."""
    if value != value:
        return "nan"
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.4f}" if abs(value) < 10 else f"{value:.6g}"
    return f"{value:.3e}"


def log_number(name: str, value: float) -> str:
    """A logged number; a learning rate is short as it is."""
    return f"{value:.4g}" if name == "learning_rate" else number(value)


def columns(logs: Mapping[str, float]) -> str:
    """`loss=0.1234 accuracy=0.9876`."""
    return " ".join(f"{name}={log_number(name, value)}" for name, value in logs.items())


def duration(seconds: float) -> str:
    """12 ms, 3.4 s, 2:05, 1:02:03."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(count: float) -> str:
    """Bytes with a binary unit: 1.5 MiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError


def sparkline(values: Sequence[float], width: int = 24) -> str:
    """Values as at most `width` bars, each the mean of its share of them; equal values are a flat line."""
    finite = [v for v in values if math.isfinite(v)]
    count = min(width, len(finite))
    edges = [i * len(finite) // count for i in range(count + 1)] if count else []
    shown = [sum(finite[a:b]) / (b - a) for a, b in pairwise(edges)]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    span = high - low
    return "".join(_BARS[round((v - low) / span * 7)] if span else _BARS[0] for v in shown)
