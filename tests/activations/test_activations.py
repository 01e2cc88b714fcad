"""Activations as configs say them, and against their formulas in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import ValidationError

from nnctl.activations.base import activations
from nnctl.core.arrays import Array
from nnctl.core.ranges import ANY
from nnctl.layers.base import layers
from nnctl.layers.dense import Dense
from nnctl.layers.gru import GRU
from tests.layers.harness import check
from tests.ops.harness import check_gradients, evaluate


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


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
]


@pytest.mark.parametrize(("name", "fields", "formula"), FORMULAS, ids=lambda v: str(v)[:20])
def test_formula(name: str, fields: dict[str, Any], formula: Callable[[Array], Array]) -> None:
    cls = activations.get(name)
    assert cls is not None
    function = cls.model_validate(fields)
    x = 2 * np.random.default_rng(0).standard_normal((3, 5))
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
    return [(n, i) for n in names for i in range(12 if registry.get(n).model_fields else 1)]


@pytest.mark.parametrize(("name", "draw"), with_arguments(activations, activations.names()))
def test_gradients_with_drawn_arguments(name: str, draw: int) -> None:
    """By finite differences, alone and in the epilogues of products and convolutions."""
    cls = activations.get(name)
    assert cls is not None
    rng = np.random.default_rng(draw)
    fields = drawn(cls, rng)
    function = cls.model_validate(fields)
    check_gradients(lambda x: function.apply(x), {"x": 3 * rng.standard_normal((5, 7))})
    check({"type": "Dense", "units": 4, "activation": {"type": name, **fields}}, (5,))
    if draw < 4:
        check(
            {"type": "Conv1D", "filters": 3, "kernel_size": 2, "activation": {"type": name, **fields}}, (4, 2)
        )


@pytest.mark.parametrize(("name", "draw"), with_arguments(layers, ["ReLU", "LeakyReLU", "Softmax"]))
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


def test_recurrent_steps_take_activations_without_arguments_only() -> None:
    """Their kernels know no others, so that no argument is passed over."""
    for wrong in (
        {"type": "relu", "negative_slope": -0.3},
        {"type": "relu", "max_value": 1.0},
        "elu",
        "leaky_relu",
    ):
        for field in ("activation", "recurrent_activation"):
            with pytest.raises(ValidationError):
                GRU.model_validate({"units": 2, field: wrong})


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


@pytest.mark.parametrize(("name", "draw"), with_arguments(activations, activations.names()))
def test_between_what_outputs_lie(name: str, draw: int) -> None:
    """The range that is said holds every output, and no more than outputs come near to."""
    cls = activations.get(name)
    assert cls is not None
    function = cls.model_validate(drawn(cls, np.random.default_rng(draw)))
    (y,) = evaluate(lambda x: function.apply(x), {"x": np.linspace(-60, 60, 12001)[None]})
    low, high = function.value_range(ANY)
    assert low <= y.min()
    assert y.max() <= high
    assert function.sums_to_one is (name == "softmax")
    if name != "softmax":
        assert y.min() < -20 if low == -np.inf else y.min() == pytest.approx(low, abs=0.02)
        assert y.max() > 8 if high == np.inf else y.max() == pytest.approx(high, abs=0.02)


def test_the_ranges_of_those_that_dip_below_zero_end_where_they_turn() -> None:
    for name, least in (("selu", -1.7580993), ("silu", -0.2784645), ("gelu", -0.1699710)):
        cls = activations.get(name)
        assert cls is not None
        low, _ = cls().value_range(ANY)
        assert least - 2e-4 < low < least
    assert activations.get("linear")().value_range((2.0, 3.0)) == (2.0, 3.0)  # type: ignore[misc]
    assert activations.get("softmax")().value_range(ANY) == (0.0, 1.0)  # type: ignore[misc]


@pytest.mark.keras
@pytest.mark.parametrize("name", [n for n in activations.names() if n != "softmax"])
def test_drawn_arguments_beside_keras(name: str) -> None:
    keras = pytest.importorskip("keras")
    cls = activations.get(name)
    assert cls is not None
    x = 3 * np.random.default_rng(1).standard_normal(64).astype(np.float32)
    for draw in range(12):
        fields = drawn(cls, np.random.default_rng(draw))
        (y,) = evaluate(lambda x, f=fields: cls.model_validate(f).apply(x), {"x": x})
        expected = np.asarray(getattr(keras.activations, name)(x, **fields))
        np.testing.assert_allclose(y, expected, rtol=2e-5, atol=1e-6, err_msg=str(fields))
