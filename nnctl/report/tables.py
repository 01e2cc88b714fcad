"""Plain text tables: columns lined up, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnctl.report.numbers import number


def table(header: Sequence[str], rows: Sequence[Sequence[Any]], *, right: Sequence[int] = ()) -> list[str]:
    """Lines of a table; columns named in `right` are right-aligned."""
    cells = [[str(c) for c in row] for row in (header, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = []
    for row in cells:
        parts = [
            c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(parts).rstrip())
    lines.insert(1, "  ".join("-" * w for w in widths))
    return lines


def evaluation_lines(result: Any) -> list[str]:
    """What `eval` prints."""
    width = max((len(name) for name in result.metrics), default=0)
    head = f"{result.run}, {result.split}, {result.examples} examples"
    return [head, *(f"  {name:<{width}}  {number(value)}" for name, value in result.metrics.items())]
