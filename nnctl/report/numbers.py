"""Numbers as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_BARS = "▁▂▃▄▅▆▇█"


def number(value: float) -> str:
    """Four significant digits, as short as they come."""
    if value != value:
        return "nan"
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.4f}" if abs(value) < 10 else f"{value:.6g}"
    return f"{value:.3e}"


def columns(logs: Mapping[str, float]) -> str:
    """`loss=0.1234 accuracy=0.9876`."""
    return " ".join(f"{name}={number(value)}" for name, value in logs.items())


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
    """The last `width` values as bars; equal values are a flat line."""
    shown = [v for v in values[-width:] if v == v]
    if not shown:
        return ""
    low, high = min(shown), max(shown)
    span = high - low
    return "".join(_BARS[round((v - low) / span * 7)] if span else _BARS[0] for v in shown)
