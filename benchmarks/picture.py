"""The ratios of a run as a picture: how many of nnctl's steps fit in one of the fastest peer.

`python benchmarks/picture.py found.json docs/images/benchmarks.svg`: of the JSON that `run.py` printed. A bar
for each workload; light or dark, as the reader has chosen.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, ROW, TOP = 860, 110, 240, 22, 46
STYLE = """
<style>
svg {
  --ground: #fff; --text: #222; --faint: #767676; --line: #d5d5d5;
  --bar: #3b6ea5; --slow: #b3541e
}
@media (prefers-color-scheme: dark) {
  svg {
    --ground: #0d1117; --text: #e6e6e6; --faint: #9a9a9a; --line: #3a3f46;
    --bar: #6ea1d8; --slow: #e0874f
  }
}
.ground { fill: var(--ground) } .text { fill: var(--text) } .faint { fill: var(--faint) }
.bar { fill: var(--bar) } .slow { fill: var(--slow) }
.line { stroke: var(--line) } .one { stroke: var(--text) }
</style>"""


def picture(found: Mapping[str, Any]) -> str:
    """The drawing as SVG; `found` is what `run.py` prints."""
    rows = [
        (name, one["fastest"]["ratio"], one["fastest"]["library"])
        for name, one in found.get("workloads", {}).items()
        if one.get("fastest")
    ]
    most = max([1.0, *(ratio for _, ratio, _ in rows)])
    scale = (WIDTH - LEFT - RIGHT) / most
    bottom = TOP + ROW * len(rows)
    mean = found.get("summary", {}).get("training", {}).get("geometric_mean")
    title = "A training step: the fastest peer's time / nnctl's"
    if mean is not None:
        title += f" (geometric mean {mean:.2f})"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 12}" '
        'font-family="sans-serif" font-size="12">',
        STYLE.strip(),
        f'<rect class="ground" width="{WIDTH}" height="{bottom + 12}"/>',
        f'<text class="text" x="10" y="18" font-size="14">{escape(title)}</text>',
        *(_line(LEFT + scale * at, bottom, at) for at in range(1, int(most) + 1, _every(most))),
    ]
    for number, (name, ratio, library) in enumerate(rows):
        lines += _bar(TOP + ROW * number, scale * ratio, name, ratio, library)
    return "\n".join([*lines, "</svg>", ""])


def _every(most: float) -> int:
    """Between lines, so that there are at most ten."""
    return 1 + int(most) // 10


def _line(x: float, bottom: int, at: int) -> str:
    kind = "one" if at == 1 else "line"
    return (
        f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 6}" y2="{bottom}"/>'
        f'<text class="faint" x="{x:.1f}" y="{TOP - 10}" text-anchor="middle" font-size="10">{at}</text>'
    )


def _bar(top: int, length: float, name: str, ratio: float, library: str) -> list[str]:
    """A workload's row: its name, a bar as long as its ratio, the ratio and the peer."""
    kind = "bar" if ratio >= 1 else "slow"
    middle = top + ROW // 2 + 4
    return [
        f'<text class="text" x="{LEFT - 8}" y="{middle}" text-anchor="end">{escape(name)}</text>',
        f'<rect class="{kind}" x="{LEFT}" y="{top + 3}" width="{length:.1f}" height="{ROW - 6}" rx="2"/>',
        f'<text class="text" x="{LEFT + length + 6:.1f}" y="{middle}">{ratio:.2f} '
        f'<tspan class="faint">{escape(library)}</tspan></text>',
    ]


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(picture(json.loads(Path(sys.argv[1]).read_text())))
