"""Each loss's rows against plain NumPy, gradients against finite differences, wrong shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ShapeError
from nnctl.losses.base import LossSpec, losses
from nnctl.ops.base import Value
from tests.losses.cases import CASES, Case
from tests.ops.harness import check_gradients, evaluate


def make(name: str, **fields: Any) -> LossSpec:
    cls = losses.get(name)
    assert cls is not None, name
    return cls(**fields)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_rows(case: Case, dtype: str) -> None:
    loss = make(case.name, **case.fields)

    def build(y_pred: Value, y_true: Value) -> Value:
        return loss.rows(y_true, y_pred)

    y_true = case.y_true.astype(dtype) if case.y_true.dtype.kind == "f" else case.y_true
    y_pred = case.y_pred.astype(dtype)
    (got,) = evaluate(build, {"y_pred": y_pred, "y_true": y_true})
    exact = y_true.astype(np.float64) if y_true.dtype.kind == "f" else y_true
    want = case.rows(exact, y_pred.astype(np.float64))
    assert got.dtype == dtype
    assert got.shape == case.y_pred.shape[:-1]
    np.testing.assert_allclose(got, want, rtol=2e-6 if dtype == "float32" else 1e-12, atol=1e-6)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_gradients(case: Case) -> None:
    loss = make(case.name, **case.fields)

    def build(y_pred: Value, y_true: Value) -> Value:
        return loss.rows(y_true, y_pred)

    if case.name == "MeanAbsolutePercentageError":
        pytest.skip("slopes up to 1e9 where the target is 0: compared with Keras instead")
    check_gradients(build, {"y_pred": case.y_pred, "y_true": case.y_true}, wrt=["y_pred"])


@pytest.mark.parametrize("name", ["SparseCategoricalCrossentropy", "CategoricalCrossentropy"])
def test_softmax_is_read_as_logits(name: str) -> None:
    """A probability of 1e-30 would be clipped; its logit is not."""
    from nnctl.ops.softmax import softmax

    loss = make(name)
    x = np.array([[70.0, 0.0, 1.0]], np.float32)
    y = np.array([1], np.int32) if name.startswith("Sparse") else np.array([[0, 1, 0]], np.float32)
    (got,) = evaluate(lambda x, y: loss.rows(y, softmax(x)), {"x": x, "y": y})
    assert got[0] == pytest.approx(70.0)


def test_sigmoid_is_read_as_logits() -> None:
    from nnctl.ops.activation import activation

    loss = make("bce")
    x = np.array([[-80.0, 60.0]], np.float32)
    y = np.array([[1.0, 0.0]], np.float32)
    (got,) = evaluate(lambda x, y: loss.rows(y, activation(x, "sigmoid")), {"x": x, "y": y})
    assert got[0] == pytest.approx(70.0)


def test_sigmoid_is_no_softmax() -> None:
    """Class probabilities from sigmoids are normalised, as Keras does; the logits are not touched."""
    from nnctl.ops.activation import activation

    loss = make("SparseCategoricalCrossentropy")
    x = np.array([[0.3, -1.2, 2.0]], np.float64)
    y = np.array([2], np.int32)
    (got,) = evaluate(lambda x, y: loss.rows(y, activation(x, "sigmoid")), {"x": x, "y": y})
    p = 1 / (1 + np.exp(-x[0]))
    assert got[0] == pytest.approx(-np.log(p[2] / p.sum()))


def test_a_label_outside_the_classes_is_nan() -> None:
    loss = make("SparseCategoricalCrossentropy", from_logits=True)
    x, y = np.zeros((3, 4), np.float32), np.array([0, 4, -1], np.int32)
    (got,) = evaluate(lambda x, y: loss.rows(y, x), {"x": x, "y": y})
    assert np.isnan(got).tolist() == [False, True, True]


def test_numbers_without_units() -> None:
    """Outputs of shape () are one number an example."""
    loss = make("mse")
    x, y = np.array([1.0, 2.0, 4.0]), np.array([1.0, 0.0, 1.0])
    (got,) = evaluate(lambda x, y: loss.rows(y, x), {"x": x, "y": y})
    np.testing.assert_allclose(got, [0, 4, 9])


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("mse", "MSE", "mean_squared_error"), "MeanSquaredError"),
        (("mae", "MAE", "mean_absolute_error"), "MeanAbsoluteError"),
        (("mape", "MAPE"), "MeanAbsolutePercentageError"),
        (("msle", "MSLE"), "MeanSquaredLogarithmicError"),
        (("bce", "BCE", "binary_crossentropy"), "BinaryCrossentropy"),
        (("kld", "KLD", "kl_divergence"), "KLDivergence"),
        (("huber",), "Huber"),
        (("sparse_categorical_crossentropy",), "SparseCategoricalCrossentropy"),
        (("categorical_hinge",), "CategoricalHinge"),
    ],
)
def test_words(words: tuple[str, ...], name: str) -> None:
    for word in words:
        assert type(make(word)).__name__ == name


def test_shape_errors() -> None:
    with pytest.raises(
        ShapeError,
        match="sparse_categorical_crossentropy needs one output a class, but the output has 1 unit; "
        "use binary_crossentropy or units: <number of classes>",
    ):
        make("sparse_categorical_crossentropy").target((1,))
    with pytest.raises(ShapeError, match="a single number an example"):
        make("categorical_crossentropy").target(())
    with pytest.raises(ShapeError, match="known number of classes"):
        make("kld").target((3, None))


def test_targets() -> None:
    target = make("sparse_categorical_crossentropy").target((None, 6))
    assert (target.kind, target.shape, target.classes) == ("classes", (None,), 6)
    target = make("bce").target((3,))
    assert (target.kind, target.shape, target.classes) == ("numbers", (3,), 2)
    assert make("mse").target((2, 3)).shape == (2, 3)
