"""The model as a graph: a row for each call in order, and beside the rows lines for what each of them reads.

A row that reads the one above it hangs on it by a straight line. What is read further down runs there in a
lane of its own, as branches do beside a history of commits; a lane that has ended is used again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nnctl.core.records import record
from nnctl.report.page.markup import Markup, tag
from nnctl.workflow.report import GraphNode

_TRUNK, _DOT, _BEND = 8, 19, 17
"""Where the trunk is from the left, a row's dot from its top, and how long a line takes to bend away."""
_ROOM, _APART = 96, 12
"""Pixels that all lanes have together, and that two have between them where there is room."""


@record
class Lane:
    """The line from one row to all that read it further down.

    Attributes:
        readers: Those rows, in order.
        place: Which lane it is, from the left.
    """

    start: int
    readers: tuple[int, ...]
    place: int

    @property
    def end(self) -> int:
        """The last row that it leads to."""
        return self.readers[-1]


def lanes(reads: Sequence[Sequence[int]]) -> list[Lane]:
    """The lanes of rows that read these rows each; each takes the first place that is free."""
    readers: dict[int, list[int]] = {}
    for row, sources in enumerate(reads):
        for source in sources:
            if source != row - 1:
                readers.setdefault(source, []).append(row)
    taken: list[int] = []
    found = []
    for start in sorted(readers):
        place = next((p for p, end in enumerate(taken) if end <= start), len(taken))
        taken[place : place + 1] = [readers[start][-1]]
        found.append(Lane(start, tuple(readers[start]), place))
    return found


def graph(nodes: Sequence[GraphNode]) -> Markup:
    """The rows of a model."""
    found = lanes([node.reads for node in nodes])
    count = max((lane.place + 1 for lane in found), default=0)
    apart = min(_APART, _ROOM / count) if count else 0.0
    rows = []
    for number, node in enumerate(nodes):
        hangs = number - 1 in node.reads
        holds = number + 1 < len(nodes) and number in nodes[number + 1].reads
        lines = [*_trunk(hangs, holds), *_beside(number, found, apart)]
        dot = tag("circle", cx=_TRUNK, cy=_DOT, r=4.5, class_="output" if node.output else None)
        rail = tag("svg", *lines, dot, width=round(2 * _TRUNK + count * apart, 1), aria_hidden="true")
        rows.append(tag("li", rail, _what(node), _numbers(node)))
    return tag("ol", *rows, class_="graph")


def _trunk(hangs: bool, holds: bool) -> Iterator[Markup]:
    if hangs:
        yield tag("line", x1=_TRUNK, x2=_TRUNK, y1=0, y2=_DOT)
    if holds:
        yield tag("line", x1=_TRUNK, x2=_TRUNK, y1=_DOT, y2="100%")


def _beside(row: int, found: Sequence[Lane], apart: float) -> Iterator[Markup]:
    """What of the lanes is seen beside a row."""
    for lane in found:
        x = round(_TRUNK + (lane.place + 1) * apart, 1)
        if lane.start == row:
            yield tag("path", d=f"M{_TRUNK} {_DOT}C{x} {_DOT} {x} {_DOT} {x} {_DOT + _BEND}")
            yield tag("line", x1=x, x2=x, y1=_DOT + _BEND, y2="100%")
        if row in lane.readers:
            yield tag("path", d=f"M{x} 0C{x} {_DOT} {x} {_DOT} {_TRUNK} {_DOT}")
        if lane.start < row < lane.end:
            yield tag("line", x1=x, x2=x, y1=0, y2="100%")


def _what(node: GraphNode) -> Markup:
    settings = tag("div", node.settings, class_="note") if node.settings else None
    return tag(
        "div", tag("b", node.name), " ", tag("span", node.type, class_="muted"), settings, class_="what"
    )


def _numbers(node: GraphNode) -> Markup:
    count = f"{node.parameters:,} parameters" if node.parameters else ""
    return tag("div", tag("div", node.shape), tag("div", count, class_="note"), class_="numbers")
