"""What is kept of each place: whose it is, and how wrong the model is about each example."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.evaluation.amounts import AmountTally
from nnctl.evaluation.classes import ClassTally
from nnctl.evaluation.labels import LabelTally
from nnctl.workflow.scored import Watched
from nnctl.workflow.seen import Seen, Watcher


def flat(y_true: Array, y_pred: Array) -> tuple[Array, Array]:
    """The places of targets (B, T) and scores (B, T, C)."""
    return y_true.reshape(-1), y_pred.reshape(-1, y_pred.shape[-1])


def kept(watcher: Watcher, *batches: tuple[Array, Array, Array | None]) -> Seen | None:
    for wanted, predicted, mask in batches:
        measured = {"target:y": wanted, "output:y": predicted}
        watcher.add(measured if mask is None else {**measured, "mask:y": mask})
    return watcher.seen()


def test_places_of_steps_that_count() -> None:
    """Batches of two examples and of one, out of order; a mask leaves places out, -1 is no class."""
    wanted = np.array([[0, 1, 1], [1, -1, 0], [0, 0, 1]])
    scores = np.linspace(0.1, 0.9, 9).reshape(3, 3, 1)
    scores = np.concatenate([1 - scores, scores], axis=2)
    mask = np.array([[1, 1, 0], [1, 1, 1], [0, 0, 1]], dtype=np.float32)
    watcher = Watcher(Watched("y", ClassTally(["a", "b"]), flat), np.array([2, 0, 1]))
    seen = kept(watcher, (wanted[:2], scores[:2], mask[:2]), (wanted[2:], scores[2:], mask[2:]))
    assert seen is not None
    assert (seen.kind, seen.names) == ("classes", ("a", "b"))
    assert seen.examples.tolist() == [2, 2, 0, 0, 1]
    assert seen.wanted.tolist() == [0, 1, 1, 0, 1]
    np.testing.assert_array_equal(seen.predicted, scores.reshape(9, 2)[[0, 1, 3, 5, 8]])
    own = [scores[0, 0, 0], scores[0, 1, 1], scores[1, 0, 1], scores[1, 2, 0]]
    expected = [
        -(math.log(own[2]) + math.log(own[3])) / 2,
        -math.log(scores[2, 2, 1]),
        -(math.log(own[0]) + math.log(own[1])) / 2,
    ]
    np.testing.assert_allclose(seen.errors, expected)
    assert not seen.one_each()
    assert seen.places_of(0).tolist() == [2, 3]


@pytest.mark.parametrize(
    ("tally", "wanted", "predicted", "errors"),
    [
        # Scores: how far the best other one is above one's own.
        (ClassTally(["a", "b", "c"]), [0, 2], [[-1.0, 2.0, 0.5], [0.0, 1.0, 4.0]], [3.0, -3.0]),
        # A probability of 0 is a large surprise, and no infinite one.
        (ClassTally(["a", "b"]), [0], [[0.0, 1.0]], [-math.log(1e-7)]),
        (LabelTally(["a", "b"]), [[True, False]], [[0.5, 0.2]], [-(math.log(0.5) + math.log(0.8)) / 2]),
        (AmountTally(["x", "y"], 2), [[1.0, 2.0]], [[2.0, 5.0]], [2.0]),
        (AmountTally(["x", "y"], 2, np.array([2.0, 10.0])), [[1.0, 2.0]], [[2.0, 5.0]], [(0.5 + 0.3) / 2]),
    ],
)
def test_errors(
    tally: ClassTally | LabelTally | AmountTally,
    wanted: list[object],
    predicted: list[object],
    errors: list[float],
) -> None:
    batch = np.array(wanted), np.array(predicted), None
    seen = kept(Watcher(Watched("y", tally), np.arange(len(wanted))), batch)
    assert seen is not None
    np.testing.assert_allclose(seen.errors, errors)
    assert seen.one_each()


def test_nothing_that_counts_is_nothing() -> None:
    batch = np.array([-1]), np.array([[0.5, 0.5]]), None
    assert kept(Watcher(Watched("y", ClassTally(["a", "b"])), np.arange(1)), batch) is None
    assert kept(Watcher(Watched("y", None), np.arange(1)), batch) is None


def test_more_than_can_be_kept_is_nothing() -> None:
    watcher = Watcher(Watched("y", ClassTally(["a", "b"])), np.arange(1))
    watcher._predicted.most = 1
    assert kept(watcher, (np.array([0]), np.array([[0.5, 0.5]]), None)) is None
