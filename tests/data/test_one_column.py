"""What is fitted on training rows, number by number; and what cannot be fitted, with its row and way out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data.column_spec import ColumnSpec
from nnctl.data.fitting.one_column import fit_category, fit_number, fit_time, kind_of, spread
from nnctl.data.preprocessing import CategoryPrep, NumberPrep
from nnctl.data.table import Column, Numbers, Origin, Table, Words

ORIGIN = Origin("a.csv", 2)
NAN = math.nan


def numbers(values: Any, **fields: Any) -> NumberPrep:
    """Fitted on all rows but the first."""
    column = values if isinstance(values, Words) else Numbers(np.array(values))
    spec = ColumnSpec.model_validate(fields)
    return fit_number(column, np.arange(1, len(column)), spec, "x", ORIGIN)


@pytest.mark.parametrize(
    ("values", "fields", "fill", "shift", "divide"),
    [
        ([99.0, 1.0, 3.0], {}, None, (0,), (1,)),
        ([99.0, 1.0, 3.0], {"scale": 4}, None, (0,), (4,)),
        ([99.0, 1.0, 3.0], {"scale": "standard"}, None, (2,), (1,)),
        ([99.0, 1.0, 5.0], {"scale": "standard"}, None, (3,), (2,)),
        ([99.0, 1.0, 5.0], {"scale": "minmax"}, None, (1,), (4,)),
        ([99.0, 5.0, 5.0], {"scale": "minmax"}, None, (5,), (1,)),
        ([99.0, 0.1, 0.1, 0.1], {"scale": "standard"}, None, (0.1,), (1,)),
        ([99.0, NAN, 1.0, 3.0, 8.0], {"missing": "mean"}, (4,), (0,), (1,)),
        ([99.0, NAN, 1.0, 3.0, 8.0], {"missing": "median"}, (3,), (0,), (1,)),
        ([99.0, 8.0, 1.0, 3.0, 4.0], {"missing": "median"}, (3.5,), (0,), (1,)),
        ([99.0, NAN, 1.0], {"missing": "zero"}, (0,), (0,), (1,)),
        ([99.0, NAN, 1.0], {"missing": 7}, (7,), (0,), (1,)),
        ([99.0, NAN, 1.0], {"missing": "error"}, None, (0,), (1,)),
        ([99.0, NAN, 1.0, 5.0], {"missing": "zero", "scale": "minmax"}, (0,), (0,), (5,)),
        ([[9.0, 9.0], [1.0, 2.0], [3.0, 8.0]], {"scale": "standard"}, None, (2, 5), (1, 3)),
        ([[9.0, 9.0], [1.0, 4.0], [1.0, 8.0]], {"scale": "standard"}, None, (1, 6), (1, 2)),
        ([[9.0, 9.0], [1.0, 4.0], [3.0, 8.0]], {"scale": "minmax"}, None, (1, 4), (2, 4)),
        ([[9.0, 9.0], [1.0, NAN], [NAN, 8.0]], {"missing": "mean"}, (1, 8), (0,), (1,)),
        ([[9.0, 9.0], [1.0, NAN], [NAN, 8.0]], {"missing": "zero", "scale": 2}, (0,), (0,), (2,)),
        ([[9.0, 9.0], [1.0, NAN], [NAN, 8.0]], {"missing": 3}, (3, 3), (0,), (1,)),
    ],
)
def test_numbers(values: Any, fields: dict[str, Any], fill: Any, shift: Any, divide: Any) -> None:
    found = numbers(values, **fields)
    assert (found.fill, found.shift, found.divide) == (fill, shift, divide)
    assert found.shape == np.array(values).shape[1:]
    scale = fields.get("scale", "none")
    assert found.scale == (scale if isinstance(scale, str) else "divide")


def test_a_spread_of_rounding_errors_is_none() -> None:
    """Of values of this size, up to two roundings."""
    edge = 2.0**-51
    assert [spread(edge, 1.0), spread(edge * 1.001, 1.0)] == [1.0, edge * 1.001]
    assert [spread(8 * edge, 8.0), spread(9 * edge, 8.0)] == [1.0, 9 * edge]
    assert [spread(0.0, 0.0), spread(1e-300, 0.0)] == [1.0, 1e-300]
    ends = numbers([99.0, -1000.0, -1000.0 + 2.0**-43], scale="minmax")
    assert ends.divide == (1.0,)
    assert numbers([99.0, -1000.0, -1000.0 + 2.0**-40], scale="minmax").divide == (2.0**-40,)


@pytest.mark.parametrize(
    ("values", "fields", "message"),
    [
        (Words(np.array([-1, 0], "i4"), ("a",)), {}, "a.csv:3, column 'x': 'a' is not a number"),
        ([9.0, NAN, NAN], {"missing": "mean"}, "a.csv, column 'x': has no value in the training split"),
        (
            [9.0, 1.0, 2e150],
            {"scale": "minmax"},
            "a.csv:4, column 'x': a value of 2e+150 is too large to be scaled",
        ),
        ([9.0, 1.0, -2e150], {"scale": "standard"}, "a.csv:4, column 'x': a value of 2e+150 is too large"),
        ([9.0, 1.0, 2e150], {"missing": "mean"}, "a.csv:4, column 'x': a value of 2e+150 is too large"),
        (
            [[9.0, 9.0], [1.0, 2.0], [NAN, 2e150]],
            {"missing": "mean"},
            "a.csv:4, column 'x': a value of 2e+150 is too large to be scaled",
        ),
        ([9.0, 1.0], {"missing": "other"}, "column 'x': missing numbers cannot become 'other'"),
    ],
)
def test_numbers_that_cannot_be_fitted(values: Any, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        numbers(values, **fields)
    assert str(caught.value).startswith(message)


def test_the_largest_numbers_that_can() -> None:
    assert numbers([9e300, 1.0, 1e150], scale="minmax").divide == (1e150,)
    assert numbers([9.0, 1.0, 2e150], scale=2).divide == (2,)
    assert numbers(np.array([9.0, 1.0, 3e38], "f4"), scale="minmax").shift == (1,)


def category(
    cells: list[int], vocabulary: tuple[str, ...] = ("b", "a", "10", "9"), **fields: Any
) -> CategoryPrep:
    """Fitted on all rows but the first."""
    column = Words(np.array(cells, "i4"), vocabulary)
    spec = ColumnSpec.model_validate(fields)
    return fit_category(column, np.arange(1, len(cells)), spec, "x", ORIGIN, "onehot")


def test_categories() -> None:
    """Those of the training rows, numbers in their order."""
    assert category([0, 1, 0]).words == ("a", "b")
    assert category([0, 1, 1]).words == ("a",)
    assert category([0, 2, 3]).words == ("9", "10")
    assert category([0, 2, 3, 0]).words == ("10", "9", "b")
    plain = category([0, 1, 0])
    assert (plain.fill, plain.other, plain.missing_other, plain.unknown_other) == (None, False, False, False)
    assert category([1, 0, 0, 1, 1, 1], missing="most_frequent").fill == "a"
    assert category([1, 0, 0, -1, 1], missing="most_frequent").fill == "b"
    assert category([1, 2, 0, 3], missing=9).fill == "9"
    assert category([1, 0, 1], missing="b").fill == "b"
    gone = category([1, 0, -1], missing="other")
    assert (gone.fill, gone.other, gone.missing_other, gone.unknown_other) == (None, True, True, False)
    new = category([1, 0, 1], unknown="other")
    assert (new.other, new.missing_other, new.unknown_other) == (True, False, True)
    half = category([0, 0], ("2.5",), missing=2.5)
    assert half.fill == "2.5"


MANY = tuple(f"w{i}" for i in range(1001))
DAYS = tuple(f"{2000 + i // 12}-{1 + i % 12:02}-01" for i in range(1001))


@pytest.mark.parametrize(
    ("cells", "vocabulary", "fields", "message"),
    [
        ([0, -1], ("a",), {"missing": "other"}, "has no value in the training split"),
        (
            [0, 1],
            ("a", "b"),
            {"missing": "a"},
            "missing values shall become 'a', but the training split has no such class",
        ),
        (
            [0, 1],
            ("a", "b"),
            {"missing": 3},
            "missing values shall become '3', but the training split has no such class",
        ),
        (
            [0, *range(1001)],
            MANY,
            {},
            "holds 1001 different words\n"
            "  leave it out with `inputs: [...]`, or declare columns: {x: {type: category}}",
        ),
        (
            [0, *range(1001)],
            DAYS,
            {},
            "holds 1001 different words\n"
            "  leave it out with `inputs: [...]`, or declare columns: {x: {type: time}}",
        ),
    ],
)
def test_categories_that_cannot_be_fitted(
    cells: list[int], vocabulary: tuple[str, ...], fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError) as caught:
        category(cells, vocabulary, **fields)
    assert str(caught.value) == f"a.csv, column 'x': {message}"


def test_a_thousand_classes_are_taken_for_some_and_more_if_declared() -> None:
    assert len(category([0, *range(1000)], MANY).words) == 1000
    assert len(category([0, *range(1001)], MANY, type="category").words) == 1001


def test_times() -> None:
    column = Words(np.array([0, 1, -1], "i4"), ("2024-01-03", "2024-01-01T12:00"))
    spec = ColumnSpec.model_validate({"parts": ["day", "hour"], "missing": "zero"})
    found = fit_time(column, np.arange(3), spec, "x", ORIGIN)
    assert (found.parts, found.format, found.numbers.shape, found.numbers.fill) == (
        ("day", "hour"),
        None,
        (2,),
        (0, 0),
    )
    usual = fit_time(column, np.arange(2), ColumnSpec(type="time"), "x", ORIGIN)
    assert usual.parts == ("year", "month", "day", "weekday", "hour", "minute", "second")
    arrays: list[tuple[Any, str]] = [
        (lambda c: fit_time(c, np.arange(2), ColumnSpec(), "x", ORIGIN), "an array holds no times"),
        (
            lambda c: fit_category(c, np.arange(2), ColumnSpec(), "x", ORIGIN, "index"),
            "an array cannot be a category",
        ),
    ]
    for fit, message in arrays:
        with pytest.raises(DataError) as caught:
            fit(Numbers(np.zeros((2, 2))))
        assert str(caught.value) == f"a.csv, column 'x': {message}"


def test_what_a_column_is_taken_for() -> None:
    columns: dict[str, Column] = {"n": Numbers(np.zeros(2)), "w": Words(np.zeros(2, "i4"), ("a",))}
    doubt = DataError("is doubtful")
    table = Table(columns | {"d": columns["w"]}, ORIGIN, doubts={"d": doubt})
    assert [kind_of(table, name, ColumnSpec()) for name in "nw"] == ["number", "category"]
    assert kind_of(table, "n", ColumnSpec(type="category")) == "category"
    assert kind_of(table, "d", ColumnSpec(type="category")) == "category"
    with pytest.raises(DataError, match="is doubtful"):
        kind_of(table, "d", ColumnSpec())
