"""Folds of rows: every row is tested once, sizes are even, and classes, groups and time are kept."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.core.keys import key
from nnctl.data.spec import SplitSpec
from nnctl.data.splitting import folds
from nnctl.data.splitting.splits import SplitRows

KEY = key(5, "split")


def check(splits: list[SplitRows], n: int, validation: int) -> None:
    """Every row is in one split of each fold, and in the test split of one fold."""
    assert np.array_equal(np.sort(np.concatenate([test for _, _, test in splits])), np.arange(n))
    for split in splits:
        assert np.array_equal(np.sort(np.concatenate(split)), np.arange(n))
        assert len(split[1]) == validation
        assert all((np.diff(rows) > 0).all() for rows in split)


def test_drawn() -> None:
    splits = [folds.drawn(23, 4, fold, 0.13, KEY) for fold in range(1, 5)]
    check(splits, 23, 3)
    assert [len(test) for _, _, test in splits] == [6, 6, 6, 5]
    assert not np.array_equal(splits[0][2], np.arange(6))
    assert not np.array_equal(splits[0][2], folds.drawn(23, 4, 1, 0.13, key(6, "split"))[2])


def test_classes_keep_their_share() -> None:
    codes = [0] * 17 + [1] * 9 + [2] * 5
    splits = [folds.in_proportion(codes, 3, fold, 4, KEY) for fold in range(1, 4)]
    check(splits, 31, 4)
    counts = np.array([np.bincount(np.array(codes)[test], minlength=3) for _, _, test in splits])
    assert (np.ptp(counts, axis=0) <= 1).all()
    assert np.ptp(counts.sum(axis=1)) <= 1
    for train, _, _ in splits:
        assert set(np.array(codes)[train]) == {0, 1, 2}


def test_groups_stay_together() -> None:
    codes = np.array([0] * 7 + [1] * 5 + [2] * 4 + [3] * 3 + [4] * 2 + [5])
    splits = [folds.in_groups(codes.tolist(), 3, fold, 0, KEY) for fold in range(1, 4)]
    check(splits, 22, 0)
    assert sorted(len(test) for _, _, test in splits) == [7, 7, 8]
    for train, _, test in splits:
        assert not set(codes[train]) & set(codes[test])
    held = folds.in_groups(codes.tolist(), 3, 2, 2, KEY)
    assert not set(codes[held[0]]) & set(codes[held[1]])
    with pytest.raises(ValueError, match="3 groups cannot fill 3 folds and validation"):
        folds.in_groups([0, 1, 2, 2], 3, 1, 1, KEY)


def test_by_time_nothing_is_known_before_it_happens() -> None:
    splits = [folds.by_position(22, 3, fold, 2) for fold in range(1, 4)]
    assert [(len(a), len(b), len(c)) for a, b, c in splits] == [(3, 2, 6), (9, 2, 5), (14, 2, 6)]
    for train, held, test in splits:
        assert np.array_equal(np.concatenate([train, held, test]), np.arange(test[-1] + 1))


@pytest.mark.parametrize("make", [folds.drawn, lambda n, *a: folds.by_position(n, *a[:-1])])
def test_too_few_rows(make: object) -> None:
    with pytest.raises(ValueError, match="3 rows are too few"):
        make(3, 4, 1, 0, KEY)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"folds": 3}, "go together"),
        ({"fold": 3}, "go together"),
        ({"folds": 3, "fold": 4}, "no fold 4"),
        ({"folds": 3, "fold": 1, "test": 0.2}, "'test' and 'folds' exclude"),
        ({"folds": 3, "fold": 1, "by": "part"}, "'by' and 'folds' exclude"),
    ],
)
def test_what_a_split_may_say(said: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        SplitSpec.model_validate(said)
    assert SplitSpec.model_validate({"folds": 3, "fold": 3}).fold == 3
