"""Losses against real Keras: values and gradients, with sample weights and masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.losses.base import losses
from nnctl.losses.total import total
from nnctl.ops.base import Value
from nnctl.program.autodiff import gradients
from tests.losses.cases import CASES, Case
from tests.ops.harness import evaluate
from tests.sampling import sampled

pytestmark = pytest.mark.keras


def _theirs(
    case: Case, y_pred: Array, y_true: Array, weight: Array | None, mask: Array | None, **more: Any
) -> Any:
    """Keras's loss and its gradient in y_pred."""
    keras = pytest.importorskip("keras")
    jax = pytest.importorskip("jax")
    if keras.backend.backend() != "jax":
        pytest.skip("gradients are taken with jax: set KERAS_BACKEND=jax")
    from keras.src import backend

    loss = getattr(keras.losses, case.name)(**case.fields, **more)

    def value(p: Any) -> Any:
        if mask is not None:
            backend.set_keras_mask(p, jax.numpy.array(mask.astype(bool)))
        return loss(y_true, p, sample_weight=weight)

    return jax.jit(jax.value_and_grad(value))(jax.numpy.array(y_pred))


def _ours(case: Case, arrays: dict[str, Array], **more: Any) -> list[Array]:
    loss = losses.get(case.name)(**case.fields, **more)  # type: ignore[misc]

    def build(
        y_pred: Value, y_true: Value, weight: Value | None = None, mask: Value | None = None
    ) -> list[Value]:
        rows, counted = loss.masked_rows(y_true, y_pred, mask)
        value = total(loss, rows, weight, counted)
        (gradient,) = gradients(value, [y_pred])
        assert gradient is not None
        return [value, gradient]

    return evaluate(build, arrays)


def both(
    case: Case,
    weight: Array | None,
    mask: Array | None,
    run: Callable[[Callable[[], Any]], Any] = lambda given: given(),
    **more: Any,
) -> tuple[Any, list[Array]]:
    """Value and gradient in y_pred, Keras's (by `run`) and ours, in float32."""
    y_pred = case.y_pred.astype(np.float32)
    y_true = case.y_true.astype(np.float32) if case.y_true.dtype.kind == "f" else case.y_true
    arrays = {"y_pred": y_pred, "y_true": y_true}
    if weight is not None:
        arrays["weight"] = weight
    if mask is not None:
        arrays["mask"] = mask
    # Keras wants a weight a position where there are positions; (N, 1) stands for one an example.
    column = weight[:, None] if weight is not None and weight.ndim == 1 and y_pred.ndim > 2 else weight
    theirs = run(lambda: _theirs(case, y_pred, y_true, column, mask, **more))
    return theirs, _ours(case, arrays, **more)


def _compare(case: Case, weight: Array | None, mask: Array | None, **more: Any) -> None:
    (value, gradient), (got, got_gradient) = both(case, weight, mask, **more)
    np.testing.assert_allclose(got[0], float(value), rtol=1e-5)
    scale = np.abs(np.asarray(gradient)).max()
    np.testing.assert_allclose(got_gradient, np.asarray(gradient), rtol=1e-5, atol=1e-6 * scale)


def _everyday(cases: list[Case]) -> list[Any]:
    """Of each loss one case, the others marked slow."""
    return sampled([(case,) for case in cases], lambda case: case[0].name, 1)


@pytest.mark.parametrize("case", _everyday(CASES), ids=lambda c: c.id)
def test_plain(case: Case) -> None:
    _compare(case, None, None)


@pytest.mark.parametrize("case", _everyday(CASES), ids=lambda c: c.id)
def test_sample_weights(case: Case) -> None:
    weight = np.random.default_rng(2).uniform(0, 2, case.y_pred.shape[0]).astype(np.float32)
    _compare(case, weight, None)


@pytest.mark.parametrize("case", _everyday([c for c in CASES if c.positions]), ids=lambda c: c.id)
@pytest.mark.parametrize("weighed", [0, 1, 2])
def test_masks(case: Case, weighed: int) -> None:
    """Beside no weights, one per example, or one per position."""
    rng = np.random.default_rng(4)
    mask = (rng.random(case.y_pred.shape[:2]) < 0.6).astype(np.uint8)
    weight = rng.uniform(0, 2, case.y_pred.shape[:weighed]).astype(np.float32) if weighed else None
    _compare(case, weight, mask)


@pytest.mark.parametrize("case", [c for c in CASES if c.positions], ids=lambda c: c.id)
def test_sample_weights_of_positions(case: Case) -> None:
    weight = np.random.default_rng(2).uniform(0, 2, case.y_pred.shape[:2]).astype(np.float32)
    weight[0, 1] = 0
    _compare(case, weight, None)


def test_a_mask_of_three_axes() -> None:
    rng = np.random.default_rng(7)
    arrays = [rng.standard_normal((4, 3, 2, 5)).astype(np.float32) for _ in range(2)]
    mask = (rng.random((4, 3, 2)) < 0.6).astype(np.uint8)
    _compare(Case("MeanSquaredError", *arrays, np.subtract), None, mask)


@pytest.mark.parametrize("reduction", ["sum", "mean", "mean_with_sample_weight"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("weighed", [0, 1, 2])
def test_reductions(reduction: str, masked: bool, weighed: int) -> None:
    case = next(c for c in CASES if c.name == "MeanSquaredError" and c.y_pred.ndim == 3)
    rng = np.random.default_rng(6)
    mask = (rng.random(case.y_pred.shape[:2]) < 0.6).astype(np.uint8) if masked else None
    weight = rng.uniform(0, 2, case.y_pred.shape[:weighed]).astype(np.float32) if weighed else None
    _compare(case, weight, mask, reduction=reduction)


def test_circle_of_equal_embeddings() -> None:
    """Of two classes: at distance 0 max(1 - s, 0) has a corner, and half of its slope, as in Keras on JAX."""
    points = np.array([[1.0, 0.0], [1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    labels = np.array([0, 1, 0, 1], np.int32)
    _compare(Case("Circle", labels, points, np.subtract), None, None, gamma=4.0)
