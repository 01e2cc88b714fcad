"""Draws the packages of nnctl in the order in which they may import each other, and the imports there are."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from html import escape
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "nnctl"

ROW, LEFT, BOX, GAP, WIDTH = 46, 250, 86, 6, 1010
"""Pixels: from row to row, of the arcs, of a box, between boxes, of all."""


def rows() -> list[list[str]]:
    """The packages that the import contract names, from the top."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return [
        [name.strip().removeprefix("nnctl.") for name in row.split(":")] for row in contracts[0]["layers"]
    ]


def imports() -> Counter[tuple[str, str]]:
    """How many modules of one package import something of another one."""
    found: Counter[tuple[str, str]] = Counter()
    for file in PACKAGE.rglob("*.py"):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] == "__init__":
            continue
        names: set[str] = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                names.update(f"{node.module}.{alias.name}" for alias in node.names)
            elif isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
        others = {name.split(".")[1] for name in names if name.startswith("nnctl.")} - {parts[0]}
        found.update((parts[0], other) for other in others)
    return found


def holds(package: str) -> str:
    """The first sentence of what a package says of itself."""
    init = PACKAGE / package / "__init__.py"
    file = init if init.exists() else PACKAGE / f"{package}.py"
    text = ast.get_docstring(ast.parse(file.read_text())) or ""
    return text.split("\n")[0].rstrip(".")


def picture() -> str:
    """The drawing as SVG."""
    levels = rows()
    row_of = {name: number for number, row in enumerate(levels) for name in row}
    weights: Counter[tuple[int, int]] = Counter()
    for (origin, target), count in imports().items():
        if origin in row_of and target in row_of and row_of[origin] != row_of[target]:
            weights[row_of[origin], row_of[target]] += count
    height = ROW * len(levels) + 20
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        *(_arc(*ends, count) for ends, count in sorted(weights.items())),
    ]
    for number, row in enumerate(levels):
        lines += _row(number, row)
    return "\n".join([*lines, "</svg>", ""])


def _middle(row: int) -> int:
    return 10 + ROW * row + ROW // 2


def _arc(origin: int, target: int, count: int) -> str:
    """Imports of a row's modules from a lower row; the more modules, the thicker."""
    top, bottom = _middle(origin), _middle(target)
    reach = LEFT - 8 - (LEFT - 30) * (target - origin) / len(rows())
    # In steps of a doubling, so that the picture does not change with every import.
    thick = 0.7 * count.bit_length()
    colour = "#3b6ea5" if origin < target else "#c00"
    return (
        f'<path d="M {LEFT - 4} {top} C {reach:.0f} {top}, {reach:.0f} {bottom}, {LEFT - 4} {bottom}" '
        f'fill="none" stroke="{colour}" stroke-opacity="0.45" stroke-width="{thick:.1f}"/>'
    )


def _row(number: int, names: list[str]) -> list[str]:
    """The boxes of a row, and beside them what they hold."""
    lines, x, y = [], LEFT, 10 + ROW * number
    many = len(names) > 2
    wide = (WIDTH - LEFT - 10 - GAP * (len(names) // 2)) // ((len(names) + 1) // 2) if many else BOX
    for index, name in enumerate(names):
        second = many and index >= (len(names) + 1) // 2
        if many and index == (len(names) + 1) // 2:
            x = LEFT
        tall = (ROW - 10) // 2 if many else ROW - 14
        top = y + 4 + (tall + 2 if second else 0) if many else y + 7
        lines.append(
            f'<rect x="{x}" y="{top}" width="{wide}" height="{tall}" rx="3" fill="#eef3f9" stroke="#3b6ea5"/>'
            f'<text x="{x + wide / 2:.0f}" y="{top + tall / 2 + 4:.0f}" font-size="12" text-anchor="middle">'
            f"{name}</text>"
        )
        x += wide + GAP
    if not many:
        for index, name in enumerate(names):
            said = f"{name}: {holds(name)}" if len(names) > 1 else holds(name)
            if len(said) > 95:
                said = re.split(r"[,:][^,:]*$", said[:95])[0]
            height = y + ROW // 2 + 4 + 7 * (2 * index - len(names) + 1)
            lines.append(f'<text x="{x + 6}" y="{height}" font-size="11" fill="#444">{escape(said)}</text>')
    return lines
