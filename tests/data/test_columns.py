"""What warnings say of single columns, at the edges of each rule; and where in the config they stand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pytest

from nnctl.data.table import Numbers
from nnctl.data.warnings.columns import row_numbers, text_or_ids_as_classes
from nnctl.data.warnings.disk import slow_random_order
from nnctl.data.warnings.idle import idle_pattern
from nnctl.data.warnings.misread import names_of_times_or_numbers
from tests.data.given import evidence


def names(distinct: int, rows: int, words: int = 1) -> list[str]:
    """As many different cells, each of so many words, over the rows."""
    return [" ".join([f"k{i % distinct:02}"] * words) for i in range(rows)]


TEXT, ROWS = "columns: {x: {type: text, ...}}", "{type: number} for what is a number"


@pytest.mark.parametrize(
    ("cells", "way"),
    [
        (names(20, 20), ROWS),
        (names(18, 20), ROWS),
        (names(17, 20), None),
        (names(19, 19), None),
        (names(20, 20, 4), TEXT),
        (names(20, 20, 3), ROWS),
        (names(11, 20, 4), TEXT),
        (names(10, 20, 4), None),
    ],
)
def test_text_and_ids(cells: list[str], way: str | None) -> None:
    """Of twenty rows nine of ten have their own; texts have four words, and half the rows their own."""
    found = list(text_or_ids_as_classes(evidence({"x": cells, "y": np.arange(len(cells)) % 7})))
    assert [str(problem.expected).partition(", or")[0] for problem in found] == ([] if way is None else [way])


def test_missing_cells_are_no_text_and_a_head_shows_no_ids() -> None:
    columns = {"x": [*names(19, 19, 4), ""], "y": np.arange(20) % 7}
    (text,) = text_or_ids_as_classes(evidence(columns, columns={"x": {"missing": "other"}}))
    assert text.message == (
        "column 'x' holds text (19 different ones in 20 rows), and enters as a category: "
        "each text is a class of its own"
    )
    (ids,) = text_or_ids_as_classes(evidence({"x": names(20, 20), "y": np.arange(20) % 7}))
    assert ids.message == (
        "column 'x' has 20 classes in 20 training rows: it names rows, and says nothing about others"
    )
    assert list(text_or_ids_as_classes(evidence({"x": names(20, 20), "y": np.arange(20)}, whole=False))) == []


def test_columns_that_count_rows() -> None:
    """Among arrays and other columns; not as a category, and not of nineteen rows."""
    y = np.arange(20) % 7
    columns = {"id": np.ones((20, 2)), "key": y, "idx": np.arange(5, 25), "nr": np.arange(20), "y": y}
    found = [problem.message for problem in row_numbers(evidence(columns))]
    assert found == [f"column '{name}' counts the rows, and enters as a number" for name in ("idx", "nr")]
    category = {"id": {"type": "category"}}
    assert list(row_numbers(evidence({"id": np.arange(20), "y": y}, columns=category))) == []
    assert list(row_numbers(evidence({"id": np.arange(19), "y": y[:19]}))) == []


@pytest.mark.parametrize(
    ("words", "form"),
    [
        (["12.12.2024", "1.2.2024"], "%d.%m.%Y"),
        (["13.12.2024", "1.2.2024"], "%d.%m.%Y"),
        (["12/13/2024", "1/2/2024"], "%m/%d/%Y"),
        (["1-13-2024", "1-2-2024"], "%m-%d-%Y"),
        (["1.2.2024 8:30", "3.2.2024 18:30"], "%d.%m.%Y %H:%M"),
        (["1.2.2024 8:30:15", "3.2.2024 18:30:00"], "%d.%m.%Y %H:%M:%S"),
        (["13.13.2024", "1.2.2024"], None),
        (["1.2.2024", "1/3/2024"], None),
        (["1.2.2024", "1.3.2024 8:30"], None),
        (["1.2.2024", "soon"], None),
    ],
)
def test_times_of_other_formats(words: list[str], form: str | None) -> None:
    """The day first where both could be; one mark and one clock for all."""
    found = list(names_of_times_or_numbers(evidence({"x": words * 2, "y": [1, 2, 3, 4]})))
    way = f'columns: {{x: {{type: time, format: "{form}", parts: [month, weekday, hour], scale: standard}}}}'
    assert [problem.expected for problem in found] == ([] if form is None else [way])


def test_where_the_config_speaks_of_a_column() -> None:
    columns = {"a": [1, 2, 3], "b": [3, 1, 2], "y": [1, 5, 4]}
    paths: list[tuple[dict[str, Any], str, tuple[str | int, ...]]] = [
        ({}, "a", ("source",)),
        ({"source": None, "train": "a.csv"}, "a", ("train",)),
        ({"columns": {"a": "number"}}, "a", ("columns", "a")),
        ({}, "y", ("target",)),
        ({"target": None, "targets": {"first": "b", "out": "y"}}, "y", ("targets", "out")),
        ({"inputs": "a"}, "a", ("inputs",)),
        ({"inputs": ["b", "a"]}, "a", ("inputs", 1)),
        ({"inputs": {"one": "b", "two": "a"}}, "a", ("inputs", "two")),
        ({"inputs": {"one": ["b", "a"]}}, "a", ("inputs", "one", 1)),
        ({"inputs": "*"}, "a", ("inputs",)),
    ]
    for config, name, path in paths:
        assert evidence(columns, **config).column_path(name) == ("data", *path)


def test_a_pattern_that_reaches_nothing_is_told_at_its_name() -> None:
    (problem,) = idle_pattern(evidence({"a": [1, 2], "y": [1, 2]}, columns={"y*": "number", "a*": "number"}))
    assert (problem.message, problem.path) == ("'y*' reaches no input", ("data", "columns", "y*"))
    assert problem.at_key


DOUBLE = np.dtype("f8")


@dataclass(frozen=True)
class OnDisk:
    """So much of an array on disk as the warning looks at: 8 GiB."""

    chunk_rows: int
    shape: tuple[int, ...] = (1 << 20, 1 << 10)
    dtype: Any = DOUBLE


@pytest.mark.parametrize(
    ("chunk", "shuffle", "said"), [(16, True, True), (15, True, False), (16, False, False)]
)
def test_a_random_order_over_large_chunks(chunk: int, shuffle: bool, said: bool) -> None:
    seen = evidence({"a": [1.0, 2.0], "y": [1, 2]}, shuffle=shuffle)
    table = replace(seen.table, columns=seen.table.columns | {"a": Numbers(cast(Any, OnDisk(chunk)))})
    found = [problem.message for problem in slow_random_order(replace(seen, table=table))]
    message = (
        "'a' takes 8.0 GiB, over 1/4 of the memory, and is stored in chunks of 16 rows: any order reads each "
        "of them many times"
    )
    assert found == ([message] if said else [])
