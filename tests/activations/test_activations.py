"""Activations as configs say them, and against their formulas in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.activations.along_axis import AlongAxis
from nnctl.activations.base import activations
from nnctl.core.arrays import Array
from nnctl.core.errors import ShapeError
from nnctl.core.ranges import ANY
from nnctl.layers.activation import Activation
from nnctl.layers.base import layers
from nnctl.layers.dense import Dense
from tests.layers.harness import case, check
from tests.ops.harness import check_gradients, evaluate


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def sparsemax(x: Array) -> Array:
    """By sorting each row, as in the paper."""
    z = -np.sort(-x, axis=-1)
    sums = np.cumsum(z, -1) - 1
    left = (z > sums / np.arange(1, x.shape[-1] + 1)).sum(-1, keepdims=True)
    return np.maximum(x - np.take_along_axis(sums, left - 1, -1) / left, 0)


FORMULAS: list[tuple[str, dict[str, Any], Callable[[Array], Array]]] = [
    ("linear", {}, lambda x: x),
    ("relu", {}, lambda x: np.maximum(x, 0)),
    ("relu", {"negative_slope": 0.2}, lambda x: np.where(x > 0, x, 0.2 * x)),
    (
        "relu",
        {"negative_slope": 0.2, "threshold": 0.5, "max_value": 1.0},
        lambda x: np.where(x >= 0.5, np.minimum(x, 1), 0.2 * (x - 0.5)),
    ),
    ("leaky_relu", {}, lambda x: np.where(x > 0, x, 0.2 * x)),
    ("elu", {"alpha": 0.5}, lambda x: np.where(x > 0, x, 0.5 * np.expm1(x))),
    ("sigmoid", {}, sigmoid),
    ("hard_sigmoid", {}, lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    ("tanh", {}, np.tanh),
    ("softplus", {}, lambda x: np.log1p(np.exp(x))),
    ("softsign", {}, lambda x: x / (1 + np.abs(x))),
    ("silu", {}, lambda x: x * sigmoid(x)),
    ("exponential", {}, np.exp),
    ("softmax", {}, lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
    ("softmax", {"axis": 1}, lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
    ("log_softmax", {}, lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True))),
    ("log_softmax", {"axis": 1}, lambda x: x - np.log(np.exp(x).sum(1, keepdims=True))),
    ("sparsemax", {}, sparsemax),
    ("sparsemax", {"axis": -2}, lambda x: sparsemax(x.swapaxes(1, 2)).swapaxes(1, 2)),
    ("glu", {}, lambda x: x[..., :3] * sigmoid(x[..., 3:])),
    ("glu", {"axis": 1}, lambda x: x[:, :2] * sigmoid(x[:, 2:])),
    ("relu6", {}, lambda x: np.clip(x, 0, 6)),
    ("celu", {"alpha": 0.5}, lambda x: np.where(x > 0, x, 0.5 * np.expm1(2 * x))),
    ("hard_silu", {}, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    ("hard_tanh", {}, lambda x: np.clip(x, -1, 1)),
    ("hard_shrink", {"threshold": 0.9}, lambda x: np.where(np.abs(x) > 0.9, x, 0)),
    ("soft_shrink", {"threshold": 0.9}, lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.9, 0)),
    ("tanh_shrink", {}, lambda x: x - np.tanh(x)),
    ("threshold", {"threshold": 0.3, "default_value": -7.0}, lambda x: np.where(x > 0.3, x, -7)),
    ("sparse_plus", {}, lambda x: np.where(x < 1, np.maximum(x + 1, 0) ** 2 / 4, x)),
    ("sparse_sigmoid", {}, lambda x: np.clip((x + 1) / 2, 0, 1)),
    ("squareplus", {"b": 2.0}, lambda x: (x + np.sqrt(x * x + 2)) / 2),
    ("mish", {}, lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    ("log_sigmoid", {}, lambda x: np.log(sigmoid(x))),
]


@pytest.mark.parametrize(("name", "fields", "formula"), FORMULAS, ids=lambda v: str(v)[:20])
def test_formula(name: str, fields: dict[str, Any], formula: Callable[[Array], Array]) -> None:
    cls = activations.get(name)
    assert cls is not None
    function = cls.model_validate(fields)
    x = 2 * np.random.default_rng(0).standard_normal((3, 4, 6))
    (y,) = evaluate(lambda x: function.apply(x), {"x": x})
    np.testing.assert_allclose(y, formula(x), rtol=1e-13, atol=1e-15)
    check_gradients(lambda x: function.apply(x), {"x": x})


def test_as_a_field() -> None:
    assert Dense(units=1, activation=None).activation == Dense(units=1).activation
    assert Dense(units=1, activation="swish") == Dense(units=1, activation={"type": "silu"})
    dumped = Dense(units=1, activation={"type": "elu", "alpha": 0.5}).config()["activation"]
    assert dumped == {"type": "elu", "alpha": 0.5}


def test_unknown_names_and_parameters() -> None:
    for wrong in ("rellu", {"type": "relu", "alpha": 1.0}, {"alpha": 1.0}, 3):
        with pytest.raises(ValidationError):
            Dense(units=1, activation=wrong)


def drawn(cls: Any, rng: np.random.Generator) -> dict[str, Any]:
    """Every argument of a class of activations or layers, drawn: negative, zero, large, null."""
    for _ in range(100):
        fields: dict[str, Any] = {}
        for name, field in cls.model_fields.items():
            kinds = get_args(field.annotation) or (field.annotation,)
            if bool in kinds:
                fields[name] = bool(rng.integers(2))
            elif type(None) in kinds and rng.integers(2):
                fields[name] = None
            elif name == "axis":
                fields[name] = int(rng.choice([-1, 1]))
            elif name not in ("type", "name", "trainable"):
                fields[name] = round(
                    float(rng.choice([-1.5, -0.3, 0.0, 0.4, 1.0, 2.5]) * rng.random() * 2), 3
                )
        try:
            cls.model_validate(fields)
        except ValidationError:
            continue
        return fields
    raise AssertionError(f"no arguments of {cls.__name__} are valid")


def with_arguments(registry: Any, names: list[str]) -> list[tuple[str, int]]:
    """Each name with as many draws as its arguments deserve."""
    return [(n, i) for n in names for i in range(5 if registry.get(n).model_fields else 1)]


@pytest.mark.parametrize(("name", "draw"), with_arguments(activations, activations.names()))
def test_gradients_with_drawn_arguments(name: str, draw: int) -> None:
    """By finite differences, alone and in the epilogues of products and convolutions."""
    cls = activations.get(name)
    assert cls is not None
    rng = np.random.default_rng(draw)
    fields = drawn(cls, rng)
    function = cls.model_validate(fields)
    check_gradients(lambda x: function.apply(x), {"x": 3 * rng.standard_normal((5, 8))})
    check({"type": "Dense", "units": 4, "activation": {"type": name, **fields}}, (5,))
    if draw < 2:
        check(
            {"type": "Conv1D", "filters": 2, "kernel_size": 2, "activation": {"type": name, **fields}}, (5, 2)
        )


@pytest.mark.parametrize(("name", "draw"), with_arguments(layers, ["ReLU", "LeakyReLU", "ELU", "Softmax"]))
def test_gradients_of_layers_with_drawn_arguments(name: str, draw: int) -> None:
    fields = drawn(layers.get(name), np.random.default_rng(draw))
    check({"type": name, **fields}, (3, 4), seed=draw)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "elu", "alpha": -0.4},
        {"type": "leaky_relu", "negative_slope": -0.1},
        {"type": "relu", "negative_slope": -0.3},
    ],
)
def test_a_negative_slope_does_not_take_its_branch_from_the_output(fields: dict[str, Any]) -> None:
    """A negative input then gives a positive output."""
    cls = activations.get(fields["type"])
    assert cls is not None
    function = cls.model_validate({k: v for k, v in fields.items() if k != "type"})
    check_gradients(lambda x: function.apply(x), {"x": np.array([[-2.0, -0.7, 0.3, 1.9]])})


def test_relu_of_a_negative_threshold_and_a_largest_value() -> None:
    """Keras clips to [0, max_value] what is above the threshold."""
    cls = activations.get("relu")
    assert cls is not None
    x = np.array([-3.0, -0.5, 0.5, 3.0])
    for slope in (0.0, 0.25):
        function = cls.model_validate({"threshold": -1.0, "max_value": 2.0, "negative_slope": slope})
        (y,) = evaluate(lambda x, f=function: f.apply(x), {"x": x})
        np.testing.assert_array_equal(y, [slope * -2, 0, 0.5, 2])
        check_gradients(lambda x, f=function: f.apply(x), {"x": x})


ALONG_AN_AXIS = [name for name in activations.names() if issubclass(activations.get(name), AlongAxis)]  # type: ignore[arg-type]
OF_EACH_ELEMENT = [name for name in activations.names() if name not in ALONG_AN_AXIS]


@pytest.mark.parametrize(("name", "draw"), with_arguments(activations, OF_EACH_ELEMENT))
def test_between_what_outputs_lie(name: str, draw: int) -> None:
    """The range that is said holds every output, and no more than outputs come near to."""
    cls = activations.get(name)
    assert cls is not None
    function = cls.model_validate(drawn(cls, np.random.default_rng(draw)))
    (y,) = evaluate(lambda x: function.apply(x), {"x": np.linspace(-60, 60, 12001)[None]})
    low, high = function.value_range(ANY)
    assert low <= y.min()
    assert y.max() <= high
    assert y.min() < -20 if low == -np.inf else y.min() == pytest.approx(low, abs=0.02)
    assert y.max() > 8 if high == np.inf else y.max() == pytest.approx(high, abs=0.02)


@pytest.mark.parametrize("name", ALONG_AN_AXIS)
def test_what_comes_out_along_an_axis(name: str) -> None:
    """Its range, its sum, and its shape."""
    cls = activations.get(name)
    assert cls is not None
    x = 40 * np.random.default_rng(0).standard_normal((50, 4, 6))
    for axis in (-1, 1, -2):
        function = cls.model_validate({"axis": axis})
        (y,) = evaluate(lambda x, f=function: f.apply(x), {"x": x})
        low, high = function.value_range(ANY)
        assert low <= y.min()
        assert y.max() <= high
        assert (name == "glu") == (y.shape != x.shape)
        assert function.output_shape(x.shape[1:]) == y.shape[1:]
        if function.sums_to_one:
            np.testing.assert_allclose(y.sum(axis), 1, rtol=1e-12)


def test_an_axis_that_is_not_there_and_one_that_cannot_be_halved() -> None:
    """Told at the activation's own line; a length that varies may be even."""
    softmax, halved = {"type": "softmax", "axis": 2}, {"type": "glu", "axis": 1}
    for given, message, path in (
        (softmax, r"softmax is told to work along axis 2, which \(4\) does not have", ("activation", "axis")),
        (halved | {"axis": -3}, r"axis -3, which \(4\)", ("activation", "axis")),
        (halved | {"axis": 0}, "axis 0", ("activation", "axis")),
    ):
        with pytest.raises(ShapeError, match=message) as failed:
            Dense(units=4, activation=given).activated_shape((3,))
        assert failed.value.path == path
    with pytest.raises(ShapeError, match=r"glu halves axis 1, which has an odd length in \(3, 4\)") as failed:
        Dense(units=4, activation=halved).activated_shape((3, 5))
    assert failed.value.path == ("activation",)
    assert Dense(units=4, activation="glu").activated_shape((3, 5)) == (3, 2)
    assert Dense(units=4, activation=halved).activated_shape((None, 5)) == (None, 4)
    with pytest.raises(ShapeError, match=r"axis -1, which \(\)") as failed:
        Activation(activation="sparsemax").activated_shape(())
    assert (
        failed.value.expected
        == "an input with an axis besides the batch, or another activation than sparsemax"
    )


def test_a_mask_of_what_is_halved_ends() -> None:
    """That of another axis goes on."""
    for axis, count in ((1, 0), (2, 1)):
        activation = {"type": "glu", "axis": axis}
        for layer in ({"type": "Activation"}, {"type": "Dense", "units": 8}):
            made = case({**layer, "activation": activation}, [(4, 6)], masks=[0])
            assert len(made.run().masks) == count


def test_the_ranges_of_those_that_dip_below_zero_end_where_they_turn() -> None:
    for name, least in (
        ("selu", -1.7580993),
        ("silu", -0.2784645),
        ("gelu", -0.1699710),
        ("mish", -0.3088430),
    ):
        cls = activations.get(name)
        assert cls is not None
        low, _ = cls().value_range(ANY)
        assert least - 2e-4 < low < least
    assert activations.get("linear")().value_range((2.0, 3.0)) == (2.0, 3.0)  # type: ignore[misc]
    assert activations.get("softmax")().value_range(ANY) == (0.0, 1.0)  # type: ignore[misc]


OLD = "legacy_hard_sigmoid"
"""What Keras 3 has not; tests/formats/imports/test_old.py has it in an LSTM of Keras 1."""


@pytest.mark.keras
@pytest.mark.parametrize("name", [n for n in activations.names() if n not in ("sparsemax", OLD)])
def test_drawn_arguments_beside_keras(name: str) -> None:
    keras = pytest.importorskip("keras")
    cls = activations.get(name)
    assert cls is not None
    x = 3 * np.random.default_rng(1).standard_normal((8, 6)).astype(np.float32)
    for draw in range(12):
        fields = drawn(cls, np.random.default_rng(draw))
        (y,) = evaluate(lambda x, f=fields: cls.model_validate(f).apply(x), {"x": x})
        expected = np.asarray(getattr(keras.activations, name)(x, **fields))
        np.testing.assert_allclose(y, expected, rtol=2e-5, atol=1e-6, err_msg=str(fields))


CORNERS: list[tuple[str, dict[str, Any], list[float]]] = [
    ("hard_tanh", {}, [-1.0, 1.0]),
    ("hard_silu", {}, [-3.0, 3.0]),
    ("relu6", {}, [0.0, 6.0]),
    ("hard_shrink", {}, [-0.5, 0.5]),
    ("soft_shrink", {}, [-0.5, 0.5]),
    ("threshold", {"threshold": 0.5, "default_value": 2.0}, [0.5]),
    ("sparse_plus", {}, [-1.0, 1.0]),
    ("celu", {"alpha": 0.5}, [0.0]),
]


@pytest.mark.keras
@pytest.mark.parametrize(("name", "fields", "corners"), CORNERS, ids=lambda v: str(v)[:20])
def test_corners_beside_keras(name: str, fields: dict[str, Any], corners: list[float]) -> None:
    """Values and slopes where two pieces meet."""
    keras = pytest.importorskip("keras")
    jax = pytest.importorskip("jax")
    made = case({"type": "Activation", "activation": {"type": name, **fields}}, [(len(corners),)], batch=1)
    made.inputs = [np.array([corners], np.float32)]
    ones = np.ones((1, len(corners)), np.float32)
    theirs, pull = jax.vjp(lambda x: getattr(keras.activations, name)(x, **fields), made.inputs[0])
    np.testing.assert_array_equal(made.run().outputs[0], theirs)
    np.testing.assert_array_equal(made.gradients([ones])["x0"], pull(ones)[0])


@pytest.mark.keras
def test_sparsemax_of_one_that_stands_out_beside_keras() -> None:
    """Keras's is right only there (docs/keras_differences.md)."""
    keras = pytest.importorskip("keras")
    x = np.array([[1, 2.5, -3], [4, 0, 3]], np.float32)
    (y,) = evaluate(lambda x: activations.get("sparsemax")().apply(x), {"x": x})  # type: ignore[misc]
    np.testing.assert_array_equal(y, keras.activations.sparsemax(x))
