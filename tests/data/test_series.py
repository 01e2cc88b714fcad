"""Which rows are taken for several series, and which for one: by hand, at the edges of each rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest

from nnctl.core.errors import Problem
from nnctl.data.reading.given import table_of
from nnctl.data.spec import DataSpec
from nnctl.data.warnings.base import DataCheck, Evidence
from nnctl.data.warnings.series import pieces_of_a_series, several_series


def warned(check: DataCheck, columns: dict[str, Any], **data: Any) -> list[Problem]:
    """What a check says of columns, `window: {length: 2}` over them."""
    spec = DataSpec.model_validate({"source": "a.csv", "window": {"length": 2}, **data})
    table = table_of(columns)
    rows = np.arange(table.longest)
    found: Iterator[Problem] = check(Evidence(spec, table, rows, cast(Any, None), cast(Any, None), True))
    return list(found)


def turns(count: int, rows: int) -> list[str]:
    """`count` words, one after another, again and again."""
    return [f"w{i % count:02}" for i in range(rows)]


def hours(*steps: float) -> list[str]:
    """Times with so many seconds from each to the next."""
    start = np.datetime64("2024-03-01T12:00:00")
    return [str(start + np.timedelta64(round(s), "s")) for s in np.cumsum([0, *steps])]


BACK = "goes back"
STILL = "stands still from row to row"
REVERSED = "runs backwards"


@pytest.mark.parametrize(
    ("columns", "how"),
    [
        ({"t": [5, 4, 3]}, REVERSED),
        ({"t": [5.5, 4.5, 3.5]}, REVERSED),
        ({"t": [5, 5, 4, 3]}, BACK),
        ({"t": [1, 2, 3, 2, 3]}, BACK),
        ({"t": [1, 1, 2, 2, 3]}, STILL),
        ({"t": [1.5, 1.5, 1.5]}, STILL),
        ({"time": [24, 1, 2]}, BACK),
        ({"when": hours(7200, -3601, 7200)}, BACK),
        ({"when": hours(7200, -7200, 60)}, BACK),
        ({"when": hours(3600, -3600, 180 * 86400 + 3600, -3600, 7200)}, BACK),
        ({"when": hours(60, 60, -120)}, None),
        ({"when": hours(60, -1, 60)}, None),
        ({"when": hours(7200, -3600, 7200)}, None),
        ({"when": hours(3600, 0, 1800, -2700, 3600, 60)}, None),
        ({"when": hours(3600, -3600, 180 * 86400 + 3601, -3600, 7200)}, None),
        ({"t": [1, 1, 2, 3]}, None),
        ({"t": [2, 1]}, None),
        ({"t": [1, 2, 3], "store": [1, 1, 2]}, None),
        ({"t": [1.0, np.nan, 0.5, 0.25]}, None),
        ({"t": np.array([[3, 1], [2, 0], [1, 0]])}, None),
        ({"time": [23, 1, 2]}, None),
        ({"day": ["2024-01-03", None, "2024-01-02", "2024-01-01"]}, None),
    ],
)
def test_times_that_are_not_of_one_series(columns: dict[str, Any], how: str | None) -> None:
    """An hour back, once in half a year, is the clocks'; numbers below 24 may be hours of a day."""
    name = next(iter(columns))
    found = [problem.message for problem in warned(several_series, columns)]
    assert found == (
        [] if how is None else [f"windows follow the rows, but the time in column '{name}' {how}"]
    )


def test_a_date_that_stands_still_beside_a_clock() -> None:
    day = ["2024-01-01"] * 3 + ["2024-01-02"] * 3
    assert len(warned(several_series, {"day": day, "a": [1, 2, 3, 1, 2, 3]})) == 1
    assert warned(several_series, {"day": day, "hour": [1, 2, 3, 1, 2, 3]}) == []


@pytest.mark.parametrize(
    ("name", "cells", "several"),
    [
        ("store", [1, 1, 2, 2], True),
        ("store", [1, 1, 1, 2, 3], False),
        ("store", [1, 2, 3, 3], False),
        ("store", [1, 1, 1, 1], False),
        ("store", [1.5, 1.5, 2.5, 2.5], False),
        ("store", ["a", "a", "b", "b"], True),
        ("size", [1, 1, 2, 2], False),
        ("place", turns(2, 6), True),
        ("place", turns(2, 5), False),
        ("place", turns(1, 6), False),
        ("place", turns(6, 18), True),
        ("place", turns(7, 28), False),
        ("place", turns(8, 24), True),
        ("place", turns(11, 33), True),
        ("place", turns(12, 48), False),
        ("place", turns(13, 39), True),
        ("place", ["a", "b", "a", "b", "b", "a"], False),
        ("quarter", ["Q1", "Q2", "Q3", "Q4"] * 4, False),
        ("clock", ["8:00", "20:00"] * 4, False),
    ],
)
def test_columns_that_say_that_there_are_several(name: str, cells: list[Any], several: bool) -> None:
    """Names of series with few values for many rows; words in strict turns, three rounds at least."""
    found = [problem.message for problem in warned(several_series, {name: cells})]
    said = f"windows follow the rows, but column '{name}' says that they are of several series"
    assert found == ([said] if several else [])


def test_the_way_out_names_the_column_if_it_is_known() -> None:
    def way(columns: dict[str, Any]) -> str | None:
        (problem,) = warned(several_series, columns)
        assert problem.path == ("data", "window")
        return problem.expected

    assert way({"t": [3, 2, 1]}) == "the oldest row first"
    assert way({"t": [1, 2, 1]}) == "window: {group: COLUMN}, with the rows sorted by it and by time"
    named = "window: {group: store}, with the rows sorted by it and by time"
    assert way({"t": [1, 2, 1, 2], "store": [1, 1, 2, 2]}) == named
    assert way({"store": [1, 1, 2, 2]}) == named


def test_no_windows_and_windows_with_a_group_are_no_matter() -> None:
    assert warned(several_series, {"t": [3, 2, 1]}, window=None) == []
    assert warned(several_series, {"t": [3, 2, 1]}, window={"length": 2, "group": "g"}) == []
    assert warned(pieces_of_a_series, {"g": ["a", "b", "a"]}) == []
    assert warned(pieces_of_a_series, {"g": ["a", "b", "a"]}, window=None) == []
    assert warned(pieces_of_a_series, {"h": ["a", "b", "a"]}, window={"length": 2, "group": "g"}) == []


@pytest.mark.parametrize(
    ("cells", "word", "pieces"),
    [
        (["a", "b", "b", "a"], "a", 2),
        (["a", "b", "a", "a"], "a", 2),
        (["b", "a", "c", "a", "c", "a"], "a", 3),
        ([None, "a", None, "b"], "(missing)", 2),
        (["a", "a", "b"], None, None),
    ],
)
def test_a_series_in_pieces(cells: list[Any], word: str | None, pieces: int | None) -> None:
    found = warned(pieces_of_a_series, {"g": cells}, window={"length": 2, "group": "g"})
    if word is None:
        assert found == []
        return
    (problem,) = found
    said = f"the rows of series '{word}' of column 'g' stand in {pieces} pieces"
    assert problem.message == f"{said}: no window runs from one into the next"
    assert problem.path == ("data", "window", "group")
    assert problem.expected == "rows sorted by 'g', then by time"
