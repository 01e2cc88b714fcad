"""Every metric against real Keras over batches of unequal sizes, with and without sample weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnctl.metrics.base import metrics
from tests.metrics.streams import Array, Batch, make, stream
from tests.sampling import sampled

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


def _grid(r: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Predictions on, between, and outside of the thresholds."""
    y = r.integers(0, 2, (n, 3)).astype(np.float32)
    return y, (r.integers(-1, 10, (n, 3)) / 8).astype(np.float32)


def _numbers_of_classes(r: np.random.Generator, n: int) -> tuple[Array, Array]:
    return r.integers(0, 2, (n, 3)).astype(np.float32), r.standard_normal((n, 3)).astype(np.float32)


def _three(r: np.random.Generator, n: int) -> tuple[Array, Array]:
    return r.integers(0, 3, n).astype(np.int32), r.random((n, 3)).astype(np.float32)


def _class_numbers(r: np.random.Generator, n: int) -> tuple[Array, Array]:
    """Of which some are none of the classes."""
    y = r.integers(-1, 5, n).astype(np.float32)
    return y, np.where(r.random(n) < 0.5, y, r.integers(-1, 5, n)).astype(np.float32)


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
    ("Precision", {"thresholds": [0.8, 0.2, 0.45]}, _multilabel),
    ("Precision", {"thresholds": [0, 0.5, 1], "class_id": 1}, _grid),
    ("Recall", {"thresholds": [0.2, 0.6], "top_k": 2}, _onehot),
    ("Recall", {"thresholds": [0.4]}, _binary),
    ("TruePositives", {}, _multilabel),
    ("TrueNegatives", {"thresholds": 0.3}, _binary),
    ("FalsePositives", {"thresholds": [0.7, 0.1]}, _multilabel),
    ("FalseNegatives", {"thresholds": [0.25, 0.5, 0.75]}, _grid),
    ("FBetaScore", {"beta": 2.0}, _onehot),
    ("FBetaScore", {"beta": 0.5, "average": "micro", "threshold": 0.4}, _multilabel),
    ("SensitivityAtSpecificity", {"specificity": 0.5}, _binary),
    ("SensitivityAtSpecificity", {"specificity": 0.4, "num_thresholds": 5}, _grid),
    ("SpecificityAtSensitivity", {"sensitivity": 0.6, "class_id": 2}, _multilabel),
    ("PrecisionAtRecall", {"recall": 0.7, "num_thresholds": 20}, _multilabel),
    ("PrecisionAtRecall", {"recall": 0.1, "num_thresholds": 1}, _binary),
    ("RecallAtPrecision", {"precision": 0.6, "class_id": 0}, _multilabel),
    ("RecallAtPrecision", {"precision": 1.0, "num_thresholds": 3}, _grid),
    ("AUC", {"thresholds": [0.9, 0.2, 0.4]}, _multilabel),
    ("AUC", {"thresholds": [0.25, 0.5, 0.75], "curve": "PR"}, _grid),
    ("AUC", {"curve": "PRGAIN"}, _binary),
    ("AUC", {"curve": "PRGAIN", "summation_method": "majoring", "num_thresholds": 9}, _multilabel),
    ("AUC", {"multi_label": True, "num_labels": 3, "num_thresholds": 11}, _multilabel),
    ("AUC", {"multi_label": True, "label_weights": [1.0, 0.5, 3.0], "curve": "PR"}, _multilabel),
    ("AUC", {"multi_label": True, "thresholds": [0.1, 0.7], "summation_method": "minoring"}, _multilabel),
    ("AUC", {"label_weights": [1.0, 0.5, 3.0], "from_logits": True}, _numbers_of_classes),
    ("AUC", {"label_weights": [1.0, 0.0, 3.0], "thresholds": [0.3]}, _multilabel),
    ("IoU", {"num_classes": 3, "target_class_ids": [0, 2], "sparse_y_pred": False}, _three),
    ("IoU", {"num_classes": 3, "target_class_ids": [1], "ignore_class": 0}, _class_numbers),
    ("MeanIoU", {"num_classes": 4}, _class_numbers),
    ("MeanIoU", {"num_classes": 5, "sparse_y_true": False, "sparse_y_pred": False}, _onehot),
    ("MeanIoU", {"num_classes": 5, "sparse_y_pred": False, "ignore_class": 1}, _sparse),
    ("OneHotIoU", {"num_classes": 5, "target_class_ids": [3, 1]}, _onehot),
    ("OneHotMeanIoU", {"num_classes": 5, "ignore_class": 2}, _onehot),
    ("BinaryIoU", {}, _edges),
    ("BinaryIoU", {"target_class_ids": [0], "threshold": 0.75}, _edges),
    ("R2Score", {}, _numbers),
    ("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 2}, _numbers),
    ("R2Score", {"class_aggregation": None}, _numbers),
    ("R2Score", {"num_regressors": 60}, _numbers),
    ("PearsonCorrelation", {}, _numbers),
    ("PearsonCorrelation", {"axis": 1}, _sequence),
    ("ConcordanceCorrelation", {}, _numbers),
    ("ConcordanceCorrelation", {"axis": [-1, 1]}, _sequence),
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

    # Else Keras cuts the weights to integers.
    more = {"dtype": "float32"} if "IoU" in name else {}
    theirs = getattr(keras.metrics, name)(**fields, **more)
    for batch in batches:
        y_pred = keras.ops.convert_to_tensor(batch["y_pred"])
        if "mask" in batch:
            backend.set_keras_mask(y_pred, keras.ops.convert_to_tensor(batch["mask"].astype(bool)))
        theirs.update_state(batch["y_true"], y_pred, sample_weight=batch.get("weight"))
    ours = make(name, **fields)
    expected = np.asarray(theirs.result(), float).tolist()
    assert stream(ours, batches) == pytest.approx(expected, rel=1e-5, abs=1e-7)
    assert ours.log_name() == getattr(keras.metrics, name)(**fields).name.rstrip("_0123456789")


@pytest.mark.parametrize(
    ("name", "fields", "draw", "weighted"),
    sampled([(*case, weighted) for weighted in (False, True) for case in CASES], lambda case: case[0], 2),
    ids=lambda c: getattr(c, "__name__", str(c)),
)
def test_like_keras(name: str, fields: dict[str, Any], draw: Draw, weighted: bool) -> None:
    _check(name, fields, _batches(draw, weighted))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["SparseCategoricalAccuracy", "SparseCategoricalCrossentropy"])
def test_masks(name: str, weighted: bool) -> None:
    """Beside weights of steps, or none."""
    batches = _batches(_sparse_sequence, False)
    rng = np.random.default_rng(3)
    for batch in batches:
        batch["mask"] = (rng.random(batch["y_true"].shape) < 0.6).astype(np.uint8)
        if weighted:
            batch["weight"] = rng.uniform(0, 2, batch["y_true"].shape).astype(np.float32)
    _check(name, {}, batches)


def _flags(r: np.random.Generator, n: int) -> tuple[Array, Array]:
    return r.integers(0, 2, (n, 4, 1)).astype(np.float32), r.random((n, 4, 1)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "fields", "draw"),
    [
        ("SparseCategoricalAccuracy", {}, _sparse_sequence),
        ("SparseTopKCategoricalAccuracy", {"k": 2}, _sparse_sequence),
        ("MeanSquaredError", {}, _sequence),
        ("RootMeanSquaredError", {}, _sequence),
        ("CosineSimilarity", {}, _sequence),
        ("PearsonCorrelation", {}, _sequence),
        ("Mean", {}, _sequence),
        ("BinaryAccuracy", {}, _flags),
        ("Precision", {"thresholds": 0.3}, _flags),
        ("AUC", {}, _flags),
        ("MeanIoU", {"num_classes": 2}, _flags),
    ],
)
def test_weights_of_steps(name: str, fields: dict[str, Any], draw: Draw) -> None:
    """Those of some steps are 0; the batches have 7, 4 and 7 examples."""
    batches = _batches(draw, False)
    rng = np.random.default_rng(3)
    for batch in batches:
        batch["weight"] = rng.uniform(0, 2, batch["y_pred"].shape[:2]).astype(np.float32)
        batch["weight"][1, 1] = 0
    assert make(name, **fields).row_axes(batches[0]["y_pred"].shape[1:]) == 1
    if name != "Mean":
        _check(name, fields, batches)
        return
    theirs = pytest.importorskip("keras").metrics.Mean()
    for batch in batches:
        theirs.update_state(batch["y_pred"], sample_weight=batch["weight"])
    assert stream(make(name), batches) == pytest.approx(float(theirs.result()), rel=1e-5)


@pytest.mark.parametrize(
    ("name", "axis", "shape", "axes"),
    [
        ("CosineSimilarity", 1, (4, 3), 0), ("CosineSimilarity", -1, (4, 3), 1),
        ("CosineSimilarity", -2, (5, 4, 3), 1), ("PearsonCorrelation", 1, (4, 3), 0),
        ("PearsonCorrelation", (2, 3), (5, 4, 3), 1), ("ConcordanceCorrelation", -1, (4, 3), 1),
    ],
)  # fmt: skip
def test_which_axes_may_have_weights(name: str, axis: Any, shape: tuple[int, ...], axes: int) -> None:
    """Those before what is compared."""
    assert make(name, axis=axis).row_axes(shape) == axes


@pytest.mark.parametrize("draw", [_sparse, _sparse_sequence])
def test_ignored_classes(draw: Draw) -> None:
    """With weights or a mask they do not count; Keras forgets that where there are neither."""
    batches = _batches(draw, draw is _sparse)
    rng = np.random.default_rng(3)
    for batch in batches:
        if draw is _sparse_sequence:
            batch["mask"] = (rng.random(batch["y_true"].shape) < 0.6).astype(np.uint8)
    _check("SparseCategoricalCrossentropy", {"ignore_class": 2}, batches)


@pytest.mark.parametrize("name", ["Mean", "Sum"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("draw", [_numbers, _sequence])
def test_of_outputs(name: str, weighted: bool, draw: Draw) -> None:
    """Keras's take values, which here are the output."""
    keras = pytest.importorskip("keras")
    theirs = getattr(keras.metrics, name)()
    batches = _batches(draw, weighted)
    for batch in batches:
        theirs.update_state(batch["y_pred"], sample_weight=batch.get("weight"))
    assert stream(make(name), batches) == pytest.approx(float(theirs.result()), rel=1e-5)
    assert make(name).log_name() == theirs.name


def test_arguments_and_defaults() -> None:
    """Of every metric that Keras has, but for those that are to be derived from."""
    keras = pytest.importorskip("keras")
    from keras.src.metrics import ALL_OBJECTS

    for theirs in ALL_OBJECTS - {keras.metrics.Metric, keras.metrics.MeanMetricWrapper}:
        ours = metrics.get(theirs.__name__)
        assert ours is not None, theirs.__name__
        found = {k: p for k, p in inspect.signature(theirs).parameters.items() if k not in ("name", "dtype")}
        fields = {k: f for k, f in ours.model_fields.items() if k != "name"}
        assert set(fields) | set(ours.keras_only) >= set(found), theirs.__name__
        assert set(fields) <= set(found), theirs.__name__
        for name, field in ((name, fields[name]) for name in fields.keys() & found.keys()):
            default = inspect.Parameter.empty if field.is_required() else field.default
            assert default == found[name].default, (theirs.__name__, name)
