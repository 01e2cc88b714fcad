"""The kernel calls of training steps under the machine's roof, as a picture.

Across, how many operations a kind of call makes for a byte that it reads or writes; up, how many it makes in
a second. The roof is the lower of the measured peak and of what memory can bring (Williams, Waterman and
Patterson, Roofline, 2009). What caches hold may lie above the slope.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

from benchmarks.picture import STYLE

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 860, 420, 60, 44, 46, 20
LOW, HIGH = 0.05, 1000.0
"""Operations a byte, at the edges."""
SHOWN = 0.04
"""The least part of a step that a dot stands for."""


def roofline(found: Mapping[str, Any]) -> str:
    """The drawing as SVG; `found` is what `run.py` prints, with the parts `peak` and `calls`."""
    peak = found["peak"]
    chart = _Chart(peak["gflops"] / 2000, 1.6 * peak["gflops"])
    corner = peak["gflops"] / peak["gigabytes"]
    roof = [(LOW, LOW * peak["gigabytes"]), (corner, peak["gflops"]), (HIGH, peak["gflops"])]
    points = " ".join(f"{chart.x(a):.1f},{chart.y(b):.1f}" for a, b in roof)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            'font-family="sans-serif" font-size="12">',
            STYLE.strip(),
            f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>',
            '<text class="text" x="10" y="18" font-size="14">Calls of training steps: GFLOP/s by operations '
            "for a byte (area: share of the step)</text>",
            *chart.grid(),
            *_dots(found["workloads"], chart),
            f'<polyline class="one" fill="none" stroke-width="1.5" points="{points}"/>',
            "</svg>",
            "",
        ]
    )


class _Chart:
    """Two logarithmic axes."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def x(self, value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * _part(value, LOW, HIGH)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * _part(value, self.low, self.high)

    def grid(self) -> Iterator[str]:
        """A line and its number for each power of ten."""
        bottom = HEIGHT - BOTTOM
        for at in _powers(LOW, HIGH):
            x = self.x(at)
            yield f'<line class="line" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>'
            yield f'<text class="faint" x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{at:g}</text>'
        for at in _powers(self.low, self.high):
            y = self.y(at)
            yield f'<line class="line" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
            yield f'<text class="faint" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{at:g}</text>'


def _dots(workloads: Mapping[str, Mapping[str, Any]], chart: _Chart) -> Iterator[str]:
    """A circle for each kind of call that takes some part of its step; what it is, when pointed at."""
    for name, one in workloads.items():
        calls = one.get("calls", ())
        whole = sum(kind["ms"] for kind in calls)
        for kind in calls:
            if not kind["megabytes"]:  # it only looks at the result of another
                continue
            share, rate = kind["ms"] / whole, kind["flops"] / kind["ms"] / 1e6
            intensity = kind["flops"] / kind["megabytes"] / 1e6
            if share < SHOWN or intensity < LOW:
                continue
            text = f"{name}: {kind['kernel']} ({kind['op']}), {share:.0%}, {rate:.3g} GFLOP/s"
            yield (
                f'<circle class="bar" fill-opacity="0.55" cx="{chart.x(intensity):.1f}" '
                f'cy="{chart.y(rate):.1f}" r="{12 * math.sqrt(share):.1f}">'
                f"<title>{escape(text)}</title></circle>"
            )


def _part(value: float, low: float, high: float) -> float:
    """Where a value lies between two others, from 0 to 1, by logarithms; what is outside is at the edge."""
    return min(1.0, max(0.0, math.log(value / low) / math.log(high / low)))


def _powers(low: float, high: float) -> list[float]:
    """The powers of ten from low to high."""
    return [10.0**n for n in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]
