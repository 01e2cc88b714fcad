"""Curves over thresholds, beside what each threshold gives by counting."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.evaluation.curves import average_precision, evenly, precision_recall_curve, roc_curve
from nnctl.evaluation.ranking import roc_auc
from nnctl.evaluation.spread import spread


def drawn(count: int, seed: int) -> tuple[Array, Array]:
    """What is there, and scores of which many are equal."""
    random = np.random.default_rng(seed)
    there = random.random(count) < 0.4
    there[:2] = True, False
    return there, random.integers(0, 9, count) / 8


@pytest.mark.parametrize("count", [2, 3, 50])
def test_each_threshold_by_counting(count: int) -> None:
    there, scores = drawn(count, count)
    wrong, right = roc_curve(there, scores)
    recall, precision = precision_recall_curve(there, scores)
    thresholds = sorted(set(scores.tolist()), reverse=True)
    assert (wrong[0], right[0]) == (0, 0)
    assert len(wrong) == len(right) == len(thresholds) + 1
    assert len(recall) == len(precision) == len(thresholds)
    for at, threshold in enumerate(thresholds):
        said = scores >= threshold
        assert right[at + 1] == recall[at] == (said & there).sum() / there.sum()
        assert wrong[at + 1] == (said & ~there).sum() / (~there).sum()
        assert precision[at] == (said & there).sum() / said.sum()


def test_the_area_is_the_rankings() -> None:
    there, scores = drawn(60, 1)
    wrong, right = roc_curve(there, scores)
    area = (np.diff(wrong) * (right[1:] + right[:-1]) / 2).sum()
    assert area == pytest.approx(roc_auc(there, scores))


def test_average_precision_by_hand() -> None:
    """Ranks 1 and 3 of 4 are there: (1/1 + 2/3) / 2."""
    curve = precision_recall_curve(np.array([True, False, True, False]), np.array([0.9, 0.8, 0.7, 0.1]))
    assert average_precision(*curve) == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize(
    ("count", "most", "expected"),
    [(0, 3, []), (3, 3, [0, 1, 2]), (4, 3, [0, 1, 3]), (10, 4, [0, 3, 6, 9]), (7, 2, [0, 6])],
)
def test_evenly(count: int, most: int, expected: list[int]) -> None:
    assert evenly(count, most).tolist() == expected


def test_spread() -> None:
    numbers = np.array([[0.0, 1.0, 2.0], [4.0, np.nan, np.inf]], dtype=np.float32)
    found = spread(numbers, 4)
    assert found is not None
    assert (found.count, found.odd, found.low, found.high) == (6, 2, 0.0, 4.0)
    assert found.parts == (1, 1, 1, 1)
    assert found.mean == pytest.approx(1.75)
    assert found.deviation == pytest.approx(np.std([0, 1, 2, 4]))
    assert found.edges() == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_equal_numbers_are_the_middle_of_their_range() -> None:
    found = spread(np.full(3, 7.0), 3)
    assert found is not None
    assert (found.low, found.high, found.parts) == (6.5, 7.5, (0, 3, 0))


@pytest.mark.parametrize("numbers", [[], [np.nan]])
def test_no_finite_number_is_no_spread(numbers: list[float]) -> None:
    assert spread(np.array(numbers), 3) is None
