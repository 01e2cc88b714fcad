"""Stratified splits: exact sizes, every class in training, every share rounded where that can be."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnctl.core.errors import DataError
from nnctl.core.keys import key
from nnctl.data.splitting.splits import sizes
from nnctl.data.splitting.stratified import nearest_counts, stratified
from tests.data.examples import examples
from tests.data.given import opened, write


def counted(split: tuple[np.ndarray, ...], classes: list[int]) -> np.ndarray:
    """How many rows of each class (C, 3) each split has."""
    codes = np.array(classes)
    return np.stack([np.bincount(codes[part], minlength=max(classes) + 1) for part in split], axis=1)


def rounded(counts: np.ndarray, wanted: tuple[int, int, int]) -> bool:
    """Whether each class has its share of each split, rounded up or down, and a row in training."""
    n = counts.sum()
    off = np.abs(counts * n - counts.sum(axis=1, keepdims=True) * np.array(wanted))
    return bool((off < n).all() and (counts[:, 0] > 0).all())


tables = st.lists(st.integers(1, 30), min_size=1, max_size=8)


@given(tables, st.floats(0, 0.45), st.floats(0, 0.45), st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_random_tables(members: list[int], validation: float, test: float, seed: int) -> None:
    """What docs/data.md promises; where shares cannot be had, an exhaustive search finds none either."""
    classes = np.repeat(np.arange(len(members)), members).tolist()
    try:
        wanted = sizes(len(classes), validation, test)
    except ValueError:
        return
    if len(members) > wanted[0]:
        return
    split = stratified(wanted, classes, key(seed, "split"))
    assert sorted(np.concatenate(split).tolist()) == list(range(len(classes)))
    assert all((np.diff(part) > 0).all() for part in split)
    assert tuple(map(len, split)) == wanted
    counts = counted(split, classes)
    assert (counts[:, 0] > 0).all()
    if not rounded(counts, wanted):
        assert not possible(members, wanted)
    again = stratified(wanted, classes, key(seed, "split"))
    assert all((a == b).all() for a, b in zip(split, again, strict=True))


def possible(members: list[int], wanted: tuple[int, int, int]) -> bool:
    """Whether any counts keep the whole promise; looks at all of them, class by class."""
    n = sum(members)
    sums = {(0, 0)}
    for m in members:
        choices = [
            (a, b)
            for a, b in product(*((m * w // n, -(-m * w // n)) for w in wanted[:2]))
            if a > 0 and m * wanted[2] // n <= m - a - b <= -(-m * wanted[2] // n)
        ]
        sums = {(s + a, t + b) for s, t in sums for a, b in choices}
    return wanted[:2] in sums


@given(tables, st.integers(0, 20), st.integers(0, 20), st.data())
@settings(max_examples=100, deadline=None)
def test_the_least_cost_from_any_start(
    members: list[int], validation: int, test: int, data: st.DataObject
) -> None:
    """Exchanges along cycles find it from however bad a deal, not only from an evenly spaced one."""
    n = sum(members)
    wanted = (n - validation - test, validation, test)
    if wanted[0] < len(members):
        return
    order = data.draw(st.permutations(range(n)))
    place = np.repeat([0, 1, 2], wanted)[order]
    codes = np.repeat(np.arange(len(members)), members)
    dealt = np.bincount(codes * 3 + place, minlength=3 * len(members)).reshape(-1, 3)
    counts = nearest_counts(dealt, np.array(members), wanted)
    assert tuple(counts.sum(axis=0)) == wanted
    assert counts.sum(axis=1).tolist() == members
    assert (counts >= 0).all()
    assert (counts[:, 0] > 0).all()
    assert rounded(counts, wanted) or not possible(members, wanted)


@pytest.mark.parametrize("seed", range(5))
def test_a_rare_class_reaches_training(seed: int, tmp_path: Path) -> None:
    """100 rows of a and b, two of `rare`: it is in training for every seed."""
    rows = [f"{i},{'ab'[i % 2]}" for i in range(100)] + ["100,rare", "101,rare"]
    write(tmp_path, "a.csv", "\n".join(["x,y", *rows]) + "\n")
    split = {"validation": 0.2, "test": 0.2, "stratify": "y"}
    data = opened(tmp_path, {"source": "a.csv", "target": "y", "split": split}, seed)
    assert data.validation is not None
    assert data.test is not None
    assert (len(data.train), len(data.validation), len(data.test)) == (61, 21, 20)
    assert 2 in examples(data.train)["y"]


def test_more_classes_than_training_rows(tmp_path: Path) -> None:
    rows = [f"{i},{'abcde'[i % 5]}" for i in range(20)]
    write(tmp_path, "a.csv", "\n".join(["x,y", *rows]) + "\n")
    split = {"test": 16, "stratify": "y"}
    with pytest.raises(DataError, match=r"column 'y': 5 classes cannot all be among 4 training rows"):
        opened(tmp_path, {"source": "a.csv", "target": "y", "split": split})


def test_many_classes_of_two_rows() -> None:
    """As many exchanges as there are classes, none of them slow."""
    classes = np.repeat(np.arange(5_000), 2).tolist()
    split = stratified((5_000, 2_500, 2_500), classes, key(1, "split"))
    assert (counted(split, classes)[:, 0] == 1).all()
