"""Feeds: each value as one rounding of float64 gives it, and every fault with its row, value and way out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import DataError
from nnctl.data.feeding.dataset import Dataset, ExampleArray
from nnctl.data.feeding.feeds import Coded, Feed, Joined, Ready, ScaledNumbers, Whole, missing_value, ready
from nnctl.data.preprocessing import CategoryPrep, NumberPrep
from nnctl.data.table import Origin, Words

ORIGIN = Origin("a.csv", 2)


def scaled(values: np.ndarray, dtype: str = "float32", **prep: Any) -> ScaledNumbers:
    """A column `x` as the feed of a batch of this type."""
    prepared = NumberPrep.model_validate({"shape": values.shape[1:], **prep})
    return ScaledNumbers(values, prepared, "x", ORIGIN, dtype)


def read(feed: Feed, rows: list[int], dtype: str = "float32") -> np.ndarray:
    """The rows asked for, (n, width)."""
    out = np.empty((len(rows), feed.width), dtype=dtype)
    feed.read(np.array(rows, dtype=np.int64), out)
    return out


@pytest.mark.parametrize("kind", ["uint8", "int8", "bool", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize(
    "prep",
    [
        {"divide": (255.0,)},
        {"divide": (0.1,)},
        {"divide": (3.0,), "shift": (2.0,)},
        {"divide": (2.0, 4.0), "shift": (0.0, 0.0)},
        {"divide": (3.0, 3.0), "shift": (0.0, 0.5)},
        {"divide": (2.0**-90,)},
    ],
)
def test_values_are_rounded_once(kind: str, prep: dict[str, Any]) -> None:
    """Divided in float32 or not, the bits are those of float64's arithmetic."""
    values = (np.arange(300, dtype=np.int64) * 7 % 251).reshape(150, 2).astype(kind)
    if kind == "int32":
        values = values * (2**22 + 1)
    shift, divide = np.array(prep.get("shift", (0.0,))), np.array(prep["divide"])
    expected = ((values.astype(np.float64) - shift) / divide).astype(np.float32)
    found = read(scaled(values, **prep), list(range(150)))
    np.testing.assert_array_equal(found.view(np.int32), expected.view(np.int32))


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_numbers_taken_as_they_are(kind: str) -> None:
    """Whatever their type and wherever they lie; what is wrong with one is still found."""
    values = np.arange(24, dtype=kind).reshape(4, 3, 2)
    for lying in (values, np.asfortranarray(values), values[::-1]):
        feed = scaled(lying)
        feed.check(np.array([0, 2, 3]))
        for dtype in ("float32", "float64"):
            np.testing.assert_array_equal(read(feed, [3, 0, 3], dtype), lying[[3, 0, 3]].reshape(3, 6))
    halved = scaled(values, divide=(2.0,))
    halved.check(np.arange(4))
    np.testing.assert_array_equal(read(halved, [3]), values[3].reshape(1, 6) / 2)
    values[2, 1, 0] = np.nan
    with pytest.raises(DataError):
        read(scaled(values), [2])
    with pytest.raises(DataError):
        scaled(values).check(np.array([1, 2]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_that_need_nothing_are_picked_where_they_lie(dtype: str) -> None:
    """Of another type, not looked at yet, scaled or filled, they are read by the feed."""
    values = np.arange(12, dtype=dtype).reshape(4, 3)
    checked = scaled(values)
    assert checked.plain() is None
    checked.check(np.arange(4))
    whole = Whole(values.astype(np.int32), "x", ORIGIN)
    assert whole.plain() is None
    whole.check(np.arange(4))
    for feed in (Ready(values), checked, whole):
        found = feed.plain()
        assert found is not None
        assert np.shares_memory(found, feed.values)
        part = ExampleArray(feed, (3,), "float32", ORIGIN)
        for kind in ("float32", "float64", "int32"):
            out = np.zeros((3, 3), dtype=kind)
            Dataset.reader(part, out)(np.array([2, 0, 3]))
            assert out.tolist() == values[[2, 0, 3]].tolist()
    later = np.zeros((2, 2, 3), dtype=dtype)
    Dataset.reader(ExampleArray(checked, (2, 3), dtype, ORIGIN, 1, 2), later)(np.array([1, 0]))
    assert later.tolist() == values[[[2, 3], [1, 2]]].tolist()
    next_to = np.zeros((2, 3), dtype=dtype)
    Dataset.reader(ExampleArray(checked, (3,), dtype, ORIGIN, 1), next_to)(np.array([2, 0]))
    assert next_to.tolist() == values[[3, 1]].tolist()
    filled = scaled(values, divide=(2.0,))
    filled.check(np.arange(4))
    assert filled.plain() is None
    assert Ready(values[:, ::2]).plain() is None


def test_rows_come_in_the_order_asked_for() -> None:
    values = np.arange(10.0).reshape(5, 2)
    for feed in (
        Ready(values),
        scaled(values),
        scaled(values, divide=(1.0, 1.0), shift=(0.0, 0.0)),
        Whole(values, "x", ORIGIN),
    ):
        assert read(feed, [3, 0, 3]).tolist() == [[6, 7], [0, 1], [6, 7]]
        assert read(feed, [4], "float64").tolist() == [[8, 9]]
    out = np.zeros((2, 4))
    Ready(values).read(np.array([1, 2]), out[:, ::2])
    assert out.tolist() == [[2, 0, 3, 0], [4, 0, 5, 0]]


MOST = float(np.finfo(np.float32).max)


@pytest.mark.parametrize(
    ("values", "prep", "message"),
    [
        ([[1.0, 2.0], [3.0, 1e39]], {}, "the value 1e+39 is too large for float32"),
        ([[1.0, 2.0], [-1e39, 3.0]], {}, "the value -1e+39 is too large for float32"),
        (
            [[1.0, 2.0], [3.0, 1e30]],
            {"divide": (1e-10,)},
            "the value 1e+30, scaled to 1e+40, is too large for float32",
        ),
        ([[1.0, 2.0], [3.0, np.inf]], {}, "the value is infinite"),
        ([[1.0, 2.0], [3.0, np.inf]], {"fill": (1.0,)}, "the value is infinite"),
        ([[1.0, 2.0], [np.nan, np.inf]], {"fill": (1.0,)}, "the value is infinite"),
        (
            [[1.0, 2.0], [3.0, np.nan]],
            {},
            "the value is missing\n"
            "  say what stands in: columns: {x: {missing: ...}} with mean, median, zero or a number",
        ),
    ],
)
def test_what_a_batch_cannot_hold(values: list[list[float]], prep: dict[str, Any], message: str) -> None:
    """It is found when it is read, and by a look at all rows before."""
    made = scaled(np.array([[0.0, 0.0], *values]), **prep)
    for look in (lambda: read(made, [1, 2, 0]), lambda: made.check(np.array([0, 1, 2]))):
        with pytest.raises(DataError) as caught:
            look()
        assert str(caught.value) == f"a.csv:4, column 'x': {message}"
    assert not made.checked
    assert read(made, [1, 0]).shape == (2, 2)


def test_the_largest_values_are_held() -> None:
    made = scaled(np.array([[MOST], [-MOST]]))
    assert read(made, [0, 1]).tolist() == [[MOST], [-MOST]]
    made.check(np.array([0, 1]))
    assert made.checked
    with pytest.raises(
        DataError, match=r"a\.csv:3, column 'x': the value 255, scaled to 2\.55e\+40, is too large"
    ):
        read(scaled(np.array([1, 255], dtype=np.uint8), divide=(float(np.float32(1e-38)),)), [0, 1])


def test_what_stands_in_for_missing_values() -> None:
    values = np.array([[1.0, np.nan], [np.nan, 4.0]])
    assert read(scaled(values, fill=(7.0,)), [0, 1]).tolist() == [[1, 7], [7, 4]]
    assert read(scaled(values, fill=(7.0, 8.0)), [0, 1]).tolist() == [[1, 8], [7, 4]]
    assert read(scaled(values, fill=(7.0, 8.0), divide=(2.0,)), [1]).tolist() == [[3.5, 2]]
    deep = np.full((1, 2, 2), np.nan)
    assert read(scaled(deep, fill=(7.0, 8.0)), [0]).tolist() == [[7, 8, 7, 8]]


def coded(cells: list[int], vocabulary: tuple[str, ...] = ("a", "b", "new"), **prep: Any) -> Coded:
    """A column of some words of a vocabulary, in a training of `a` and `b`."""
    stored = CategoryPrep.model_validate({"words": ("b", "a"), "unknown_other": False, **prep})
    found = Words(np.array(cells, dtype=np.int32), vocabulary)
    return Coded(found, stored, "x", ORIGIN, np.arange(len(cells)))


@pytest.mark.parametrize(
    ("prep", "cells", "numbers"),
    [
        ({}, [0, 1, 0], [1, 0, 1]),
        ({"other": True, "unknown_other": True}, [0, 2, 1], [1, 2, 0]),
        ({"other": True, "missing_other": True}, [0, -1, 1], [1, 2, 0]),
        ({"fill": "b"}, [0, -1, 1], [1, 0, 0]),
        ({"fill": "a"}, [0, -1, 1], [1, 1, 0]),
    ],
)
def test_words_as_numbers_and_as_vectors(prep: dict[str, Any], cells: list[int], numbers: list[int]) -> None:
    width = 3 if "other" in prep else 2
    index, onehot = coded(cells, encoding="index", **prep), coded(cells, **prep)
    assert (index.width, onehot.width) == (1, width)
    assert read(index, [0, 1, 2], "int32")[:, 0].tolist() == numbers
    assert read(onehot, [2, 1, 0]).tolist() == np.eye(width)[numbers[::-1]].tolist()


@pytest.mark.parametrize(
    ("prep", "cells", "message"),
    [
        (
            {},
            [0, 2],
            "'new' does not occur in the training split (which has 'b', 'a')\n"
            "  `unknown: other` gives such words a class of their own; `stratify:` in split spreads them",
        ),
        (
            {"other": True, "missing_other": True},
            [0, 2],
            "'new' does not occur in the training split (which ",
        ),
        (
            {},
            [0, -1],
            "the value is missing\n"
            "  say what stands in: columns: {x: {missing: ...}} with most_frequent, other or a word",
        ),
        ({"other": True, "unknown_other": True}, [0, -1], "the value is missing"),
        ({"words": tuple("abcdefgh")}, [0, 2], "(which has 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h')"),
        ({"words": tuple("abcdefghi")}, [0, 2], "(which has 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', ...)"),
    ],
)
def test_words_that_are_no_class(prep: dict[str, Any], cells: list[int], message: str) -> None:
    with pytest.raises(DataError) as caught:
        coded(cells, **prep)
    assert str(caught.value).startswith("a.csv:3, column 'x': ")
    assert message in str(caught.value)


BEYOND = "is beyond class numbers (at most 2147483647); of {type: category} it is a word"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.0, 2.0**31], f"2147483648.0 {BEYOND}"),
        ([0.0, -(2.0**31) - 1], f"-2147483649.0 {BEYOND}"),
        ([0.0, 1.5], "1.5 is not a class number (a whole number)"),
        ([0.0, np.nan], "the value is missing"),
        ([[0.0, 1.0], [2.0, 0.5]], "0.5 is not a class number (a whole number)"),
        ([[0.0, 1.0], [np.nan, 0.5]], "the value is missing"),
        (np.array([0, 2**31], dtype=np.int64), f"2147483648 {BEYOND}"),
        (np.array([0, 2**31], dtype=np.uint32), f"2147483648 {BEYOND}"),
    ],
)
def test_what_is_no_class_number(values: Any, message: str) -> None:
    feed = Whole(np.array(values), "x", ORIGIN)
    for look in (lambda: read(feed, [0, 1], "float64"), lambda: feed.check(np.array([0, 1]))):
        with pytest.raises(DataError) as caught:
            look()
        assert str(caught.value) == f"a.csv:3, column 'x': {message}"


def test_class_numbers_are_looked_at_once() -> None:
    values = np.array([0.0, 1.0, 2.0])
    feed = Whole(values, "x", ORIGIN)
    feed.check(np.arange(3))
    values[1] = 0.5
    assert read(feed, [0, 1], "float64").tolist() == [[0], [0.5]]


def test_class_numbers_reach_as_far_as_32_bits() -> None:
    ends = [-(2.0**31), 2.0**31 - 1]
    assert read(Whole(np.array(ends), "x", ORIGIN), [0, 1], "float64")[:, 0].tolist() == ends
    for kind in ("bool", "uint8", "int8", "uint16", "int16", "int32", "float32"):
        assert read(Whole(np.array([0, 1], dtype=kind), "x", ORIGIN), [1, 0], "int32").tolist() == [[1], [0]]


def test_feeds_side_by_side() -> None:
    a, b = np.arange(6.0).reshape(3, 2), np.array([7, 8, 9], dtype=np.uint8)
    feed = Joined([Ready(a), scaled(b), coded([0, 1, 0], encoding="index")])
    assert feed.width == 4
    assert read(feed, [2, 0]).tolist() == [[4, 5, 9, 1], [0, 1, 7, 1]]
    assert [kept.tolist() for kept in feed.kept()] == [a.tolist(), b.tolist(), [1, 0, 1]]


@pytest.mark.parametrize("rows", [[0, 1, 2, 3], [1, 2], [0, 2, 3], []])
def test_only_the_rows_asked_for_are_prepared(rows: list[int]) -> None:
    """A stretch without gaps is read in place; all others are 0, and may be bad."""
    values = np.array([1.0, 2.0, 3.0, 4.0])
    bad = np.where(np.isin(np.arange(4), rows), values, np.nan)
    made = ready(scaled(bad, divide=(2.0,)), 4, np.array(rows, dtype=np.int64), "float32")
    assert made.values.dtype == np.float32
    assert made.values[:, 0].tolist() == [v / 2 if i in rows else 0 for i, v in enumerate(values)]


def test_wide_rows_are_prepared_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million numbers at a time, one row at least: what is read beside the result stays small."""
    read_at_a_time = []

    class Wide:
        width = 1 << 19

        def read(self, rows: np.ndarray, out: np.ndarray) -> None:
            read_at_a_time.append(len(rows))
            out[...] = rows[:, None]

        def kept(self) -> list[np.ndarray]:
            return []

    made = ready(Wide(), 5, np.arange(5), "int8")
    assert read_at_a_time == [2, 2, 1]
    assert made.values[:, -1].tolist() == [0, 1, 2, 3, 4]


def test_a_missing_value_without_a_way_out() -> None:
    assert str(missing_value(ORIGIN, 0, "x", None)) == "a.csv:2, column 'x': the value is missing"
