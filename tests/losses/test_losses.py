"""Each loss's rows against plain NumPy, gradients against finite differences, wrong shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.core.errors import ShapeError
from nnctl.core.ranges import show_range
from nnctl.losses.base import LossSpec, Target, losses
from nnctl.ops.base import Value
from nnctl.ops.reduce import sum_all
from nnctl.program.autodiff import gradients
from tests.losses.cases import CASES, Case
from tests.ops.harness import check_gradients, evaluate


def make(name: str, **fields: Any) -> LossSpec:
    cls = losses.get(name)
    assert cls is not None, name
    return cls(**fields)


def test_every_loss_has_a_case() -> None:
    """With every field of its own: a new loss has its lines in `cases.py`."""
    for name in losses.names():
        own = set(type(make(name)).model_fields) - set(LossSpec.model_fields) - {"type", "axis"}
        cases = [case for case in CASES if case.name == name]
        assert cases, name
        assert own <= {field for case in cases for field in case.fields}, name


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
    assert got.shape == want.shape
    common = [n == m for n, m in zip(got.shape, y_pred.shape, strict=False)]
    assert loss.row_axes(y_pred.shape[1:]) == max(0, [*common, False].index(False) - 1)
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
    from nnctl.ops.activation import sigmoid

    loss = make("bce")
    x = np.array([[-80.0, 60.0]], np.float32)
    y = np.array([[1.0, 0.0]], np.float32)
    (got,) = evaluate(lambda x, y: loss.rows(y, sigmoid(x)), {"x": x, "y": y})
    assert got[0] == pytest.approx(70.0)


def test_sigmoid_is_no_softmax() -> None:
    """Class probabilities from sigmoids are normalised, as Keras does; the logits are not touched."""
    from nnctl.ops.activation import sigmoid

    loss = make("SparseCategoricalCrossentropy")
    x = np.array([[0.3, -1.2, 2.0]], np.float64)
    y = np.array([2], np.int32)
    (got,) = evaluate(lambda x, y: loss.rows(y, sigmoid(x)), {"x": x, "y": y})
    p = 1 / (1 + np.exp(-x[0]))
    assert got[0] == pytest.approx(-np.log(p[2] / p.sum()))


def test_a_label_outside_the_classes_is_nan() -> None:
    loss = make("SparseCategoricalCrossentropy", from_logits=True)
    x, y = np.zeros((3, 4), np.float32), np.array([0, 4, -1], np.int32)
    (got,) = evaluate(lambda x, y: loss.rows(y, x), {"x": x, "y": y})
    assert np.isnan(got).tolist() == [False, True, True]


def test_a_generalized_label_outside_the_classes_is_nan() -> None:
    loss = make("CategoricalGeneralizedCrossEntropy")
    x, y = np.full((3, 4), 0.25, np.float32), np.array([3, 4, -1], np.int32)
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
        (("log_cosh",), "LogCosh"),
        (("dice",), "Dice"),
        (("ctc",), "CTC"),
        (("circle",), "Circle"),
        (("tversky",), "Tversky"),
        (("cosine_similarity",), "CosineSimilarity"),
        (("binary_focal_crossentropy",), "BinaryFocalCrossentropy"),
        (("categorical_focal_crossentropy",), "CategoricalFocalCrossentropy"),
        (("categorical_generalized_cross_entropy",), "CategoricalGeneralizedCrossEntropy"),
    ],
)
def test_words(words: tuple[str, ...], name: str) -> None:
    for word in words:
        assert type(make(word)).__name__ == name


def test_shape_errors() -> None:
    with pytest.raises(
        ShapeError,
        match="sparse_categorical_crossentropy needs one output per class, but the output has 1 unit; "
        "use binary_crossentropy or units: <number of classes>",
    ) as failed:
        make("sparse_categorical_crossentropy").target((1,))
    assert failed.value.expected == "at least 2 units"
    with pytest.raises(ShapeError, match="a single number per example") as failed:
        make("categorical_crossentropy").target(())
    assert failed.value.expected == "an output of shape (number of classes)"
    with pytest.raises(ShapeError, match="known number of classes"):
        make("kld").target((3, None))
    for axis in (0, -3, 3):
        with pytest.raises(ShapeError, match=f"has no axis {axis} beside the batch's") as failed:
            make("cosine_similarity", axis=axis).target((4, 5))
        assert failed.value.path == ("axis",)
    assert [make("cosine_similarity", axis=a).target((4, 5)).shape for a in (1, 2, -2)] == [(4, 5)] * 3
    with pytest.raises(ShapeError, match="one vector per example"):
        make("circle").target((4, 5))
    for shape in ((4,), (3, 4, 5)):
        with pytest.raises(ShapeError, match="a row of logits per step"):
            make("ctc").target(shape)
    for name, axis in (("dice", 0), ("dice", [1, 3]), ("tversky", -3)):
        with pytest.raises(ShapeError, match=r"has no axis -?[03] beside the batch's"):
            make(name, axis=axis).target((4, 5))
    with pytest.raises(ShapeError, match="an axis twice"):
        make("dice", axis=[1, -2]).target((4, 5))
    with pytest.raises(ShapeError, match="alpha has 2 numbers for an output of 3 classes") as failed:
        make("categorical_focal_crossentropy", alpha=[0.5, 0.5]).target((3,))
    assert failed.value.path == ("alpha",)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("sparse_categorical_crossentropy", Target("classes", (2, None), 3)),
        ("categorical_crossentropy", Target("onehot", (2, None, 3), 3)),
        ("kl_divergence", Target("onehot", (2, None, 3), 3)),
        ("categorical_hinge", Target("onehot", (2, None, 3), 3)),
        ("binary_crossentropy", Target("numbers", (2, None, 3), 2)),
        ("hinge", Target("numbers", (2, None, 3), 2)),
        ("squared_hinge", Target("numbers", (2, None, 3), 2)),
        ("mean_squared_error", Target("numbers", (2, None, 3))),
        ("mean_absolute_error", Target("numbers", (2, None, 3))),
        ("mean_absolute_percentage_error", Target("numbers", (2, None, 3))),
        ("mean_squared_logarithmic_error", Target("numbers", (2, None, 3))),
        ("huber", Target("numbers", (2, None, 3))),
        ("log_cosh", Target("numbers", (2, None, 3))),
        ("dice", Target("numbers", (2, None, 3))),
        ("tversky", Target("numbers", (2, None, 3))),
        ("cosine_similarity", Target("numbers", (2, None, 3))),
        ("binary_focal_crossentropy", Target("numbers", (2, None, 3), 2)),
        ("categorical_focal_crossentropy", Target("onehot", (2, None, 3), 3)),
        ("categorical_generalized_cross_entropy", Target("classes", (2, None), 3)),
    ],
)
def test_targets(name: str, target: Target) -> None:
    """What y_true is for an output (2, T, 3). Of two classes: the least that a loss of classes takes."""
    loss = make(name)
    assert loss.target((2, None, 3)) == target
    assert loss.target((2,)).classes == (None if target.classes is None else 2)


@pytest.mark.parametrize(
    ("name", "outputs", "targets"),
    [
        ("sparse_categorical_crossentropy", "numbers above 0", "any number"),
        ("categorical_crossentropy", "numbers above 0", "numbers from 0 to 1"),
        ("binary_crossentropy", "numbers from 0 to 1", "numbers from 0 to 1"),
        ("kl_divergence", "numbers from 0 to 1", "numbers from 0 to 1"),
        ("hinge", "any number", "numbers from -1 to 1"),
        ("squared_hinge", "any number", "numbers from -1 to 1"),
        ("categorical_hinge", "any number", "numbers from 0 to 1"),
        ("binary_focal_crossentropy", "numbers from 0 to 1", "numbers from 0 to 1"),
        ("categorical_focal_crossentropy", "numbers above 0", "numbers from 0 to 1"),
        ("categorical_generalized_cross_entropy", "numbers from 0 to 1", "any number"),
        ("dice", "numbers from 0 to 1", "numbers from 0 to 1"),
        ("mean_squared_error", "any number", "any number"),
    ],
)
def test_what_is_read(name: str, outputs: str, targets: str) -> None:
    """Between what y_pred and y_true must lie; of logits any number will do."""
    loss = make(name)
    assert (show_range(loss.reads()), show_range(loss.reads_targets())) == (outputs, targets)
    assert not loss.reads_logits
    if "from_logits" in type(loss).model_fields:
        of_logits = make(name, from_logits=True)
        assert of_logits.reads_logits
        assert (show_range(of_logits.reads()), show_range(of_logits.reads_targets())) == (
            "any number",
            targets,
        )


def test_powers_of_the_unit() -> None:
    """Only these losses grow by a power of what the targets are measured in; no other claims to."""
    for name in ("mse", "mae", "mape", "msle", "huber"):
        assert make(name).target((3,)) == Target("numbers", (3,))
    powers = {cls.__name__: cls.power_of_unit for cls in losses.classes() if cls.power_of_unit is not None}
    assert powers == {"MeanSquaredError": 2, "MeanAbsoluteError": 1}


@pytest.mark.parametrize("name", ["categorical_crossentropy", "binary_crossentropy"])
def test_smoothing_is_a_share(name: str) -> None:
    for share in (0.0, 1.0):
        smoothed = make(name, label_smoothing=share)
        assert smoothed.config()["label_smoothing"] == share
        assert smoothed.target((3,)) == make(name).target((3,))
    for share in (-0.01, 1.01):
        with pytest.raises(ValidationError):
            make(name, label_smoothing=share)


def test_a_margin_above_zero() -> None:
    """Huber's delta is where a parabola ends: 0 would leave none."""
    narrow = make("huber", delta=1e-3)
    assert narrow.config()["delta"] == 1e-3
    x, y = np.array([[2.0]]), np.array([[0.0]])
    (got,) = evaluate(lambda x, y: narrow.rows(y, x), {"x": x, "y": y})
    assert got[0] == pytest.approx(2e-3 - 0.5e-6)
    with pytest.raises(ValidationError):
        make("huber", delta=0.0)


def test_a_vector_of_zeros_has_no_direction() -> None:
    """And no infinite gradient: its norm counts as 1e-7."""
    loss = make("cosine_similarity")
    x, y = np.array([[0.0, 0.0], [0.0, 3.0]]), np.array([[3.0, 4.0], [0.0, 0.0]])
    (got,) = evaluate(lambda x, y: loss.rows(y, x), {"x": x, "y": y})
    assert got.tolist() == [0, 0]
    (slope,) = evaluate(lambda x, y: gradients(sum_all(loss.rows(y, x)), [x])[0], {"x": x, "y": y})  # type: ignore[arg-type, return-value]
    np.testing.assert_allclose(slope, [[-0.6e7, -0.8e7], [0, 0]])


def test_masked_positions_along_a_vector_add_nothing() -> None:
    loss = make("cosine_similarity", axis=1)
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((2, 3, 4, 5))
    mask = np.array([[1, 1, 0, 0], [0, 1, 1, 1], [1, 1, 1, 1]], np.uint8)

    def build(x: Value, y: Value, mask: Value) -> Value:
        rows, rest = loss.masked_rows(y, x, mask)
        assert rest is None
        return rows

    (got,) = evaluate(build, {"x": x, "y": y, "mask": mask})
    for row, a, b, m in zip(got, x, y, mask.astype(bool), strict=True):
        a, b = a[m], b[m]
        norms = np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)
        np.testing.assert_allclose(row, -(a * b).sum(0) / norms)


@pytest.mark.parametrize("fields", [{"type": "Dice"}, {"type": "Tversky", "alpha": 0.2}])
@pytest.mark.parametrize("axis", [None, [1, 2]])
def test_masked_positions_are_no_part_of_an_area(fields: dict[str, Any], axis: list[int] | None) -> None:
    """Each example by itself, so that positions can be left away; of a batch of one, all axes are its own."""
    loss = make(fields["type"], axis=axis, **{k: v for k, v in fields.items() if k != "type"})
    rng = np.random.default_rng(2)
    x, y = rng.random((1, 4, 3)), rng.integers(0, 2, (1, 4, 3)).astype(float)
    mask = np.array([[1, 0, 0, 1]], np.uint8)

    def build(x: Value, y: Value, mask: Value) -> Value:
        rows, rest = loss.masked_rows(y, x, mask)
        assert rest is None
        return rows

    (got,) = evaluate(build, {"x": x, "y": y, "mask": mask})
    kept = {"x": x[:, [0, 3]], "y": y[:, [0, 3]]}
    (want,) = evaluate(lambda x, y: loss.rows(y, x), kept)
    np.testing.assert_allclose(got, want, rtol=1e-12)


@pytest.mark.parametrize("name", ["binary_focal_crossentropy", "categorical_focal_crossentropy"])
def test_what_is_predicted_fully_has_no_focal_loss_and_no_slope(name: str) -> None:
    """Where (1 - p)^gamma has a corner; gamma 0 is none."""
    for gamma in (0.0, 2.0):
        loss = make(name, gamma=gamma)
        x, y = np.array([[1.0, 0.0]]), np.array([[1.0, 0.0]])
        rows, slope = evaluate(
            lambda x, y, loss=loss: [loss.rows(y, x), gradients(loss.rows(y, x), [x])[0]],  # type: ignore[list-item, misc]
            {"x": x, "y": y},
        )
        assert abs(rows[0]) < 2e-7
        assert slope.tolist() == [[0, 0]]


def test_an_example_without_a_pair_has_no_circle_loss() -> None:
    """Neither in the mean, nor in the gradient: class 7 has no second example, and of one class no other."""
    loss = make("circle")
    x = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])

    def build(x: Value, y: Value) -> list[Value]:
        rows, counted = loss.masked_rows(y, x, None)
        assert counted is not None
        (slope,) = gradients(sum_all(rows), [x])
        assert slope is not None
        return [rows, counted, slope]

    rows, counted, slope = evaluate(build, {"x": x, "y": np.array([2, 7, 2], np.int32)})
    assert counted.tolist() == [1, 0, 1]
    assert rows[1] == 0
    assert (np.isfinite(slope) & (slope != 0)).all()
    rows, counted, slope = evaluate(build, {"x": x, "y": np.array([2, 2, 2], np.int32)})
    assert (rows.tolist(), counted.tolist()) == ([0, 0, 0], [0, 0, 0])
    assert not slope.any()


def _ctc(x: Value, y: Value, mask: Value | None = None) -> list[Value]:
    rows, rest = make("ctc").masked_rows(y, x, mask)
    assert rest is None
    (slope,) = gradients(sum_all(rows), [x])
    assert slope is not None
    return [rows, slope]


@pytest.mark.parametrize("threads", [1, 3])
def test_masked_steps_spell_nothing(threads: int) -> None:
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((90, 40, 4)), rng.integers(1, 4, (90, 5)).astype(np.int32)
    y[1, 3:] = 0
    mask = (rng.random((90, 40)) < 0.8).astype(np.uint8)
    rows, slope = evaluate(_ctc, {"x": x, "y": y, "mask": mask}, threads=threads)
    assert not slope[mask == 0].any()
    for i in (0, 1, 89):
        kept = {"x": x[i : i + 1, mask[i] == 1], "y": y[i : i + 1]}
        (row,), (part,) = evaluate(_ctc, kept)
        np.testing.assert_allclose(rows[i], row, rtol=1e-12)
        np.testing.assert_allclose(slope[i, mask[i] == 1], part, atol=1e-14)


def test_labels_that_no_path_spells() -> None:
    """Two equal ones need three steps. Their loss is infinite, which is seen; weights stay as they are."""
    x = np.random.default_rng(2).standard_normal((5, 2, 3))
    y = np.array([[1, 1], [1, 2], [1, 3], [1, -1], [0, 0]], np.int32)
    mask = np.array([[1, 1], [1, 1], [1, 1], [1, 1], [0, 0]], np.uint8)
    rows, slope = evaluate(_ctc, {"x": x, "y": y, "mask": mask})
    assert rows[0] == np.inf
    assert np.isfinite(rows).tolist() == [False, True, False, False, True]
    assert np.isnan(rows).tolist() == [False, False, True, True, False]
    assert rows[4] == 0
    assert slope.any(axis=(1, 2)).tolist() == [False, True, False, False, False]
    nothing = evaluate(_ctc, {"x": x[:1], "y": y[:1], "mask": 0 * mask[:1]})
    assert (nothing[0].tolist(), nothing[1].any()) == ([np.inf], False)
