"""From rows to one number: reductions, sample weights, masks."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.losses.base import LossSpec, losses
from nnctl.losses.total import effective_weights, total
from nnctl.ops.base import Value
from tests.ops.harness import check_gradients, evaluate

REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight"]


def _oracle(rows: Array, weight: Array | None, mask: Array | None, reduction: str) -> float:
    """keras.losses.loss.reduce_weighted_values, spelled out."""
    w = np.ones(rows.shape) if weight is None else np.broadcast_to(
        weight.reshape(weight.shape + (1,) * (rows.ndim - weight.ndim)), rows.shape
    )  # fmt: skip
    m = np.ones(rows.shape) if mask is None else np.broadcast_to(
        mask.reshape(mask.shape + (1,) * (rows.ndim - mask.ndim)), rows.shape
    )  # fmt: skip
    above = float((rows * w * m).sum())
    if reduction == "sum":
        return above
    if reduction == "mean_with_sample_weight" and (weight is not None or mask is not None):
        if mask is None:
            below = float(weight.sum())
        else:
            rank = mask.ndim if weight is None else max(weight.ndim, mask.ndim)
            used = (
                np.ones(()) if weight is None else weight.reshape(weight.shape + (1,) * (rank - weight.ndim))
            )
            below = float((mask.reshape(mask.shape + (1,) * (rank - mask.ndim)) * used).sum())
    else:
        below = float(m.sum())
    return above / below if below else 0.0


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighed", [0, 1, 2, 3])
@pytest.mark.parametrize("masked", ["no", "some", "all"])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [((5,), 1), ((5, 3), 2), ((5, 3), 1), ((4, 3, 2), 2), ((4, 3, 2), 3), ((1, 1), 2), ((1, 1, 2), 2)],
)
def test_total(reduction: str, weighed: int, masked: str, shape: tuple[int, ...], axes: int) -> None:
    """Of rows whose first `weighed` axes have a weight at each place, and the first `axes` a mask."""
    if weighed > len(shape):
        return
    rng = np.random.default_rng(5)
    loss = losses.get("mse")(reduction=reduction)  # type: ignore[misc]
    arrays: dict[str, Array] = {"rows": rng.standard_normal(shape)}
    if weighed:
        arrays["weight"] = rng.uniform(0, 2, shape[:weighed])
    if masked != "no":
        arrays["mask"] = (rng.random(shape[:axes]) < (0.6 if masked == "some" else 0)).astype(np.uint8)

    def build(rows: Value, weight: Value | None = None, mask: Value | None = None) -> Value:
        return total(loss, rows, weight, mask)

    (got,) = evaluate(build, arrays)
    want = _oracle(arrays["rows"], arrays.get("weight"), arrays.get("mask"), reduction)
    assert got.shape == (1,)
    assert got[0] == pytest.approx(want, rel=1e-12)
    check_gradients(build, arrays, wrt=["rows"])


def test_long_sums_are_exact_enough() -> None:
    rows = np.random.default_rng(0).uniform(0, 1, 100_003).astype(np.float32)
    loss = losses.get("mse")()  # type: ignore[misc]
    (got,) = evaluate(lambda rows: total(loss, rows, None, None), {"rows": rows})
    assert got[0] == pytest.approx(rows.astype(np.float64).mean(), rel=1e-6)


def _masked_total(loss: LossSpec, x: Value, y: Value, mask: Value) -> Value:
    rows, counted = loss.masked_rows(y, x, mask)
    return total(loss, rows, None, counted)


def test_ignored_classes_do_not_count() -> None:
    loss = losses.get("sparse_categorical_crossentropy")(from_logits=True, ignore_class=0)  # type: ignore[misc]
    x = np.random.default_rng(1).standard_normal((4, 3, 5))
    y = np.array([[0, 1, 2], [3, 0, 0], [4, 4, 1], [0, 0, 0]], np.int32)
    mask = np.array([[1, 1, 1], [1, 1, 1], [0, 1, 0], [1, 1, 1]], np.uint8)
    rows = -np.take_along_axis(x - np.log(np.exp(x).sum(-1, keepdims=True)), y[..., None], -1)[..., 0]
    counts = mask * (y != 0)

    def build(x: Value, y: Value, mask: Value) -> Value:
        return _masked_total(loss, x, y, mask)

    (got,) = evaluate(build, {"x": x, "y": y, "mask": mask})
    assert got[0] == pytest.approx((rows * counts).sum() / counts.sum())
    check_gradients(build, {"x": x, "y": y, "mask": mask}, wrt=["x"])


def test_a_mask_of_fewer_axes_than_the_labels() -> None:
    loss = losses.get("sparse_categorical_crossentropy")(from_logits=True, ignore_class=0)  # type: ignore[misc]
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 3, 4, 5)), rng.integers(0, 3, (2, 3, 4)).astype(np.int32)
    mask = np.array([[1, 0, 1], [1, 1, 0]], np.uint8)
    build = lambda x, y, mask: _masked_total(loss, x, y, mask)  # noqa: E731
    whole = np.broadcast_to(mask[..., None], y.shape).copy()
    (got,), (want,) = (evaluate(build, {"x": x, "y": y, "mask": m}) for m in (mask, whole))
    assert got == want


def test_effective_weights() -> None:
    weight = np.array([2.0, 3.0], np.float32)
    mask = np.array([[1, 0, 1], [0, 0, 1]], np.uint8)

    def both(weight: Value, mask: Value) -> Value:
        made = effective_weights(weight, mask)
        assert made is not None
        return made

    (got,) = evaluate(both, {"weight": weight, "mask": mask})
    assert got.tolist() == [[2, 0, 2], [0, 0, 3]]
    (alone,) = evaluate(lambda rows, mask: effective_weights(None, mask), {"rows": weight, "mask": mask})
    assert alone.tolist() == mask.tolist()
    assert effective_weights(None, None) is None
