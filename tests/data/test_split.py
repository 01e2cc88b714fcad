"""Splits: exact sizes, determinism, classes in proportion, whole groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnctl.core.errors import ConfigError, DataError
from nnctl.data.splitting.splits import at_random, contiguous, sizes
from tests.data.examples import examples
from tests.data.given import PEOPLE, opened, write

KEY = (11, 12)


@pytest.mark.parametrize(
    ("n", "validation", "test", "expected"),
    [
        (1797, 0.15, 0.15, (1258, 270, 269)),
        (10, 0.25, 0.25, (5, 3, 2)),
        (10, 3, 0, (7, 3, 0)),
        (7, 0.1, 2, (4, 1, 2)),
        (3, 0, 0, (3, 0, 0)),
        (100, 0.3, 0.1, (60, 30, 10)),
    ],
)
def test_sizes_by_largest_remainder(
    n: int, validation: float, test: float, expected: tuple[int, int, int]
) -> None:
    assert sizes(n, validation, test) == expected


@pytest.mark.parametrize(("n", "validation", "test"), [(5, 5, 0), (5, 3, 3), (3, 0.01, 0), (2, 0.5, 0.4)])
def test_impossible_sizes_are_refused(n: int, validation: float, test: float) -> None:
    with pytest.raises(ValueError, match=r"rows"):
        sizes(n, validation, test)


@given(st.integers(3, 400), st.floats(0, 0.4), st.floats(0, 0.4))
@settings(max_examples=60, deadline=None)
def test_sizes_add_up_and_stay_within_one(n: int, validation: float, test: float) -> None:
    try:
        counts = sizes(n, validation, test)
    except ValueError:
        return
    assert sum(counts) == n
    for count, portion in zip(counts[1:], (validation, test), strict=True):
        assert abs(count - n * portion) < 1 + 1e-9


def _whole(split: tuple[np.ndarray, ...], n: int) -> None:
    assert sorted(np.concatenate(split).tolist()) == list(range(n))
    assert all((np.diff(part) > 0).all() for part in split)


def test_random_and_contiguous_cover_every_row_once() -> None:
    _whole(at_random((20, 7, 4), KEY), 31)
    _whole(contiguous((20, 7, 4)), 31)
    assert contiguous((3, 2, 1))[1].tolist() == [3, 4]


def test_by_column(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,y,part\n1,2,train\n2,3,Val\n3,4,test\n4,5,training\n")
    data = opened(tmp_path, {"source": "a.csv", "target": "y", "split": {"by": "part"}})
    assert examples(data.train)["input"].tolist() == [[1], [4]]
    assert data.validation is not None
    assert examples(data.validation)["input"].tolist() == [[2]]
    assert data.test is not None
    assert examples(data.test)["y"].tolist() == [4]


def test_by_column_with_another_word(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,y,part\n1,2,train\n2,3,dunno\n")
    with pytest.raises(DataError, match=r"a.csv:3, column 'part': says 'dunno'"):
        opened(tmp_path, {"source": "a.csv", "target": "y", "split": {"by": "part"}})


def test_a_missing_class_cannot_be_stratified(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,y\n1,a\n2,?\n3,b\n4,b\n")
    with pytest.raises(DataError, match=r"a.csv:3, column 'y'"):
        opened(tmp_path, {"source": "a.csv", "target": "y", "split": {"test": 1, "stratify": "y"}})


def test_the_seed_decides_the_split(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,y\n" + "".join(f"{i},{i}\n" for i in range(50)))
    config = {"source": "a.csv", "target": "y", "split": {"test": 0.3}}
    one, same, other = (opened(tmp_path, config, seed).train.rows.tolist() for seed in (1, 1, 2))
    assert one == same != other


def test_sources_of_their_own(tmp_path: Path) -> None:
    for name, start in (("a.csv", 0), ("b.csv", 10), ("c.csv", 20)):
        write(tmp_path, name, f"x,y\n{start},1\n{start + 1},2\n")
    data = opened(tmp_path, {"train": "a.csv", "validation": "b.csv", "test": "c.csv", "target": "y"})
    assert data.validation is not None
    assert examples(data.validation)["input"].tolist() == [[10], [11]]
    assert data.validation.origin.file == "b.csv"
    assert data.test is not None
    assert examples(data.test)["input"].tolist() == [[20], [21]]


def test_a_train_source_may_be_split_for_what_is_missing(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,y\n" + "".join(f"{i},{i}\n" for i in range(10)))
    write(tmp_path, "c.csv", "x,y\n100,1\n")
    config = {"train": "a.csv", "test": "c.csv", "target": "y", "split": {"validation": 3}}
    data = opened(tmp_path, config)
    assert data.validation is not None
    assert data.test is not None
    assert (len(data.train), len(data.validation), len(data.test)) == (7, 3, 1)


def test_wrong_split_columns_are_told_in_one_go(tmp_path: Path) -> None:
    write(tmp_path, "p.csv", PEOPLE)
    config = {"source": "p.csv", "target": "incme", "split": {"test": 2, "stratify": "joob"}}
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path, config)
    found = {p.path: p.suggestion for p in caught.value.problems}
    assert found == {("data", "target"): "income", ("data", "split", "stratify"): "job"}


def test_stratify_needs_few_classes(tmp_path: Path) -> None:
    write(tmp_path, "a.csv", "x,y\n" + "".join(f"{i},{i / 7}\n" for i in range(30)))
    with pytest.raises(DataError, match=r"column 'y': has 30 different values in 30 rows"):
        opened(tmp_path, {"source": "a.csv", "target": "y", "split": {"test": 0.2, "stratify": "y"}})
