"""The lanes beside the rows of a model."""

from __future__ import annotations

import pytest

from nnctl.report.page.graph import graph, lanes
from nnctl.workflow.report import GraphNode

Found = list[tuple[int, tuple[int, ...], int]]


@pytest.mark.parametrize(
    ("reads", "expected"),
    [
        ([(), (0,), (1,)], []),
        # A residual: row 3 reads rows 2 and 0.
        ([(), (0,), (1,), (2, 0)], [(0, (3,), 0)]),
        # Two readers further down share a lane.
        ([(), (0,), (1, 0), (0,)], [(0, (2, 3), 0)]),
        # One lane within another is beside it; one that begins where another ends takes its place.
        ([(), (0,), (1,), (2, 1), (3, 0), (4,), (5, 4)], [(0, (4,), 0), (1, (3,), 1), (4, (6,), 0)]),
        # Two inputs: the second row hangs on nothing.
        ([(), (), (1, 0)], [(0, (2,), 0)]),
    ],
)
def test_lanes(reads: list[tuple[int, ...]], expected: Found) -> None:
    assert [(lane.start, lane.readers, lane.place) for lane in lanes(reads)] == expected


def test_a_row_hangs_on_the_one_above_it_only_if_it_reads_it() -> None:
    nodes = [GraphNode(n, "Dense", "", "(1)", 0, r, False) for n, r in (("a", ()), ("b", ()), ("c", (1, 0)))]
    first, second, third = graph(nodes).split("<li>")[1:]
    upper, lower = 'y1="0" y2="19"', 'y1="19" y2="100%"'
    assert [upper in row for row in (first, second, third)] == [False, False, True]
    assert [lower in row for row in (first, second, third)] == [False, True, False]
    assert ["<path" in row for row in (first, second, third)] == [True, False, True]
