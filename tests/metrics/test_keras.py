"""Every metric against real Keras over batches of unequal sizes, with and without sample weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.metrics.streams import Array, Batch, make, stream

pytestmark = pytest.mark.keras

Draw = Callable[[np.random.Generator, int], tuple[Array, Array]]


def _softmax(x: Array) -> Array:
    e = np.exp(x)
    return (e / e.sum(-1, keepdims=True)).astype(np.float32)


def _sparse(r: np.random.Generator, n: int) -> tuple[Array, Array]:
    return r.integers(0, 5, n).astype(np.int32), _softmax(r.standard_normal((n, 5)))


def _sparse_sequence(r: np.random.Generator, n: int) -> tuple[Array, Array]:
    return r.integers(0, 4, (n, 3)).astype(np.int32), _softmax(r.standard_normal((n, 3, 4)))


def _onehot(r: np.random.Generator, n: int) -> tuple[Array, Array]:
    labels, p = _sparse(r, n)
    return np.eye(5, dtype=np.float32)[labels], p


def _binary(r: np.random.Generator, n: int) -> tuple[Array, Array]:
    y = r.integers(0, 2, (n, 1)).astype(np.float32)
    return y, (1 / (1 + np.exp(-2 * y + 1 - r.standard_normal((n, 1))))).astype(np.float32)


def _multilabel(r: np.random.Generator, n: int) -> tuple[Array, Array]:
    return r.integers(0, 2, (n, 3)).astype(np.float32), r.random((n, 3)).astype(np.float32)


def _ties(r: np.random.Generator, n: int) -> tuple[Array, Array]:
    return r.integers(0, 5, n).astype(np.int32), r.integers(0, 3, (n, 5)).astype(np.float32) / 4


def _edges(r: np.random.Generator, n: int) -> tuple[Array, Array]:
    return r.integers(0, 2, (n, 1)).astype(np.float32), r.integers(0, 5, (n, 1)).astype(np.float32) / 4


def _numbers(r: np.random.Generator, n: int) -> tuple[Array, Array]:
    return r.standard_normal((n, 3)).astype(np.float32), r.standard_normal((n, 3)).astype(np.float32)


def _sequence(r: np.random.Generator, n: int) -> tuple[Array, Array]:
    y_true, y_pred = r.standard_normal((2, n, 4, 3)).astype(np.float32)
    return y_true, y_pred


def _logits(r: np.random.Generator, n: int) -> tuple[Array, Array]:
    return r.integers(0, 2, (n, 1)).astype(np.float32), r.standard_normal((n, 1)).astype(np.float32)


CASES: list[tuple[str, dict[str, Any], Draw]] = [
    ("SparseCategoricalAccuracy", {}, _sparse),
    ("SparseCategoricalAccuracy", {}, _ties),
    ("SparseCategoricalAccuracy", {}, _sparse_sequence),
    ("CategoricalAccuracy", {}, _onehot),
    ("CategoricalAccuracy", {}, _multilabel),
    ("BinaryAccuracy", {}, _binary),
    ("BinaryAccuracy", {"threshold": 0.3}, _multilabel),
    ("BinaryAccuracy", {}, _edges),
    ("TopKCategoricalAccuracy", {"k": 2}, _onehot),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, _sparse),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, _ties),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, _sparse_sequence),
    ("Precision", {}, _binary),
    ("Precision", {"thresholds": 0.3}, _multilabel),
    ("Precision", {"top_k": 2}, _onehot),
    ("Precision", {"class_id": 1}, _multilabel),
    ("Precision", {"class_id": 0, "top_k": 1}, _onehot),
    ("Recall", {}, _binary),
    ("Recall", {"thresholds": 0.7}, _multilabel),
    ("Recall", {"top_k": 3}, _onehot),
    ("Recall", {"class_id": 2}, _multilabel),
    ("F1Score", {}, _onehot),
    ("F1Score", {"average": "macro", "threshold": 0.4}, _multilabel),
    ("F1Score", {"average": "micro"}, _onehot),
    ("F1Score", {"average": "weighted"}, _onehot),
    ("F1Score", {"average": "weighted", "threshold": 0.3}, _multilabel),
    ("AUC", {}, _binary),
    ("AUC", {"num_thresholds": 5}, _edges),
    ("AUC", {"curve": "PR"}, _binary),
    ("AUC", {"curve": "PR", "summation_method": "minoring", "num_thresholds": 50}, _binary),
    ("AUC", {"summation_method": "majoring", "num_thresholds": 20}, _multilabel),
    ("AUC", {"from_logits": True}, _logits),
    ("MeanSquaredError", {}, _numbers),
    ("RootMeanSquaredError", {}, _numbers),
    ("MeanAbsoluteError", {}, _numbers),
    ("MeanAbsolutePercentageError", {}, _numbers),
    ("MeanSquaredLogarithmicError", {}, _multilabel),
    ("Poisson", {}, _multilabel),
    ("Hinge", {}, _numbers),
    ("SquaredHinge", {}, _binary),
    ("CategoricalHinge", {}, _onehot),
    ("KLDivergence", {}, _onehot),
    ("LogCoshError", {}, _numbers),
    ("CosineSimilarity", {}, _numbers),
    ("CosineSimilarity", {"axis": 1}, _sequence),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, _binary),
    ("CategoricalCrossentropy", {}, _onehot),
    ("SparseCategoricalCrossentropy", {}, _sparse_sequence),
]


def _batches(draw: Draw, weighted: bool) -> list[Batch]:
    rng = np.random.default_rng(9)
    batches = []
    for n in (7, 4, 7):
        y_true, y_pred = draw(rng, n)
        batch = {"y_true": y_true, "y_pred": y_pred}
        if weighted:
            batch["weight"] = rng.uniform(0, 2, n).astype(np.float32)
        batches.append(batch)
    return batches


def _check(name: str, fields: dict[str, Any], batches: list[Batch]) -> None:
    keras = pytest.importorskip("keras")
    from keras.src import backend

    theirs = getattr(keras.metrics, name)(**fields)
    for batch in batches:
        y_pred = keras.ops.convert_to_tensor(batch["y_pred"])
        if "mask" in batch:
            backend.set_keras_mask(y_pred, keras.ops.convert_to_tensor(batch["mask"].astype(bool)))
        theirs.update_state(batch["y_true"], y_pred, sample_weight=batch.get("weight"))
    ours = make(name, **fields)
    expected = np.asarray(theirs.result(), float).tolist()
    assert stream(ours, batches) == pytest.approx(expected, rel=1e-5, abs=1e-7)
    assert ours.log_name() == getattr(keras.metrics, name)(**fields).name.rstrip("_0123456789")


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "fields", "draw"), CASES, ids=lambda c: getattr(c, "__name__", str(c)))
def test_like_keras(name: str, fields: dict[str, Any], draw: Draw, weighted: bool) -> None:
    _check(name, fields, _batches(draw, weighted))


@pytest.mark.parametrize("name", ["SparseCategoricalAccuracy", "SparseCategoricalCrossentropy"])
def test_masks(name: str) -> None:
    batches = _batches(_sparse_sequence, False)
    rng = np.random.default_rng(3)
    for batch in batches:
        batch["mask"] = (rng.random(batch["y_true"].shape) < 0.6).astype(np.uint8)
    _check(name, {}, batches)


@pytest.mark.parametrize("draw", [_sparse, _sparse_sequence])
def test_ignored_classes(draw: Draw) -> None:
    """With weights or a mask they do not count; Keras forgets that where there are neither."""
    batches = _batches(draw, draw is _sparse)
    rng = np.random.default_rng(3)
    for batch in batches:
        if draw is _sparse_sequence:
            batch["mask"] = (rng.random(batch["y_true"].shape) < 0.6).astype(np.uint8)
    _check("SparseCategoricalCrossentropy", {"ignore_class": 2}, batches)
