"""What fills a weight, or holds it in check, is held against its shape when the graph is built.

Every initializer and every constraint on every weight of every layer: the graph is built, or refused with the
field's place, exactly where filling and constraining the weight works, or does not.
"""

from __future__ import annotations

from typing import Any

import pytest

from nnctl.constraints.base import constraints
from nnctl.constraints.norms import MaxNorm
from nnctl.core.errors import ConfigError, ShapeError
from nnctl.core.keys import key
from nnctl.graph.build import build
from nnctl.graph.fillings import weight_problems
from nnctl.initializers.base import InitializerSpec, initializers
from nnctl.layers.base import Layer, Weight, layers
from nnctl.layers.dense import Dense
from nnctl.ops.base import Graph
from nnctl.spec.language.model import ModelSpec
from tests.layers.harness import make
from tests.layers.keras_cases import CASES as KERAS_CASES


def _axes(config: Any, shapes: Any) -> int:
    """The most axes that a weight has."""
    return max((len(weight.shape) for weight in make(config).weights(*shapes).values()), default=0)


def _case(cls: type[Layer]) -> tuple[list[Any], dict[str, Any]]:
    """Inputs' shapes, and the fields: of the comparisons with Keras that with the most axes in a weight."""
    known = [case for case in KERAS_CASES if case[0]["type"] == cls.__name__ and "names" not in case[2]]
    assert known, f"{cls.__name__} has no line in tests/layers/keras_cases.py"
    config, shapes, _ = max(known, key=lambda case: _axes(*case[:2]))
    return shapes, {name: value for name, value in config.items() if name != "type"}


CASES = {
    cls.__name__: _case(cls)
    for cls in layers.classes()
    if cls.__module__.startswith("nnctl.") and any(f.endswith("_initializer") for f in cls.model_fields)
}
"""The layers with weights."""

AXES: list[Any] = [0, 1, 2, 3, 5, -1, -2, -5, [0, 1], [0, 1, 2], [0, 2]]

PARTS: list[tuple[str, Any]] = [
    *(("initializer", name) for name in initializers.names()),
    ("initializer", {"type": "VarianceScaling", "input_axes": [0], "output_axes": [1]}),
    ("initializer", {"type": "GlorotUniform", "input_axes": [3], "output_axes": [0]}),
    ("initializer", {"type": "HeNormal", "input_axes": [0], "output_axes": [-4]}),
    ("constraint", "NonNeg"),
    *(
        ("constraint", {"type": name, "axis": axis})
        for name in constraints.names()
        if name != "NonNeg"
        for axis in AXES
    ),
]


def build_one(kind: str, field: str, part: Any) -> Any:
    shapes, fields = CASES[kind]
    inputs = {f"x{at}": {"shape": list(shape)} for at, shape in enumerate(shapes)}
    entry = {"type": kind, **fields, field: part, "inputs": list(inputs)}
    return build(ModelSpec.model_validate({"inputs": inputs, "layers": [entry]}))


def fields_of(kind: str, what: str) -> list[str]:
    cls = layers.get(kind)
    assert cls is not None
    return [name for name in cls.model_fields if name.endswith(f"_{what}")]


def works(graph: Any) -> bool:
    """Whether every weight can be filled and constrained, as training does it."""
    ops = Graph("float32")
    for info in graph.weights.values():
        weight = info.weight
        try:
            weight.initializer.sample(weight.shape, "float32", key(0, "init", info.name))
            if weight.constraint is not None:
                weight.constraint.apply(ops.variable(info.name, weight.shape))
        except (ShapeError, IndexError, ValueError):
            return False
    return True


@pytest.mark.parametrize("kind", CASES)
def test_refused_where_training_would_fail(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = 0
    for what, part in PARTS:
        for field in fields_of(kind, what):
            try:
                assert works(build_one(kind, field, part)), (field, part)
            except ConfigError as error:
                refused += 1
                for problem in error.problems:
                    assert problem.path[:4] == ("model", "layers", 0, field), (field, part)
                    assert problem.expected, (field, part)
                with monkeypatch.context() as patch:
                    patch.setattr("nnctl.graph.build.weight_problems", lambda *_: [])
                    assert not works(build_one(kind, field, part)), (field, part)
    assert refused > 10


@pytest.mark.parametrize(
    ("layer", "path", "words"),
    [
        ({"type": "Dense", "units": 4, "bias_initializer": "orthogonal"}, "bias_initializer", "(4)"),
        ({"type": "LayerNormalization", "gamma_initializer": "orthogonal"}, "gamma_initializer", "(3)"),
        ({"type": "Dense", "units": 4, "kernel_constraint": {"type": "MaxNorm", "axis": 5}}, "axis", "5"),
        ({"type": "LSTM", "units": 2, "bias_initializer": "identity"}, "bias_initializer", "(8)"),
        (
            {"type": "Dense", "units": 4, "bias_regularizer": "orthogonal_regularizer"},
            "bias_regularizer",
            "(4)",
        ),
        ({"type": "Dense", "units": 4, "kernel_initializer": "stft"}, "kernel_initializer", "(3, 4)"),
    ],
)
def test_says_weight_place_and_way_out(layer: Any, path: str, words: str) -> None:
    shape = [5, 3] if layer["type"] == "LSTM" else [3]
    with pytest.raises(ConfigError) as caught:
        build(ModelSpec.model_validate({"inputs": {"x": {"shape": shape}}, "layers": [layer]}))
    (problem,) = caught.value.problems
    assert problem.path[-1] == path
    assert words in problem.message
    assert problem.expected


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"bias_initializer": "orthogonal"}, ("bias_initializer",)),
        ({"kernel_constraint": {"type": "MaxNorm", "axis": 5}}, ("kernel_constraint", "axis")),
    ],
)
def test_the_field_within_a_part_is_the_place_where_one_is_at_fault(
    part: Any, field: tuple[str, ...]
) -> None:
    made = Dense.model_validate({"units": 2, **part})
    (problem,) = weight_problems(made, "d", made.weights((3,)), ("model", 0))
    assert problem.path == ("model", 0, *field)


def test_a_part_that_no_field_holds_is_the_layer_s() -> None:
    made = Dense(units=2)
    part = Weight((4,), initializers.get("Orthogonal")())  # type: ignore[misc]
    (problem,) = weight_problems(made, "d", {"own": part}, ("model", 0))
    assert problem.path == ("model", 0)
    assert problem.message.startswith("the own of layer 'd': ")


def test_a_constraint_of_a_plugin_that_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    """In its own words at its place; nnctl's own faults go through."""

    class Odd(MaxNorm):
        def check_shape(self, shape: tuple[int, ...]) -> None:
            raise RuntimeError("odd one out")

    made = Dense(units=2, kernel_constraint="NonNeg").model_copy(update={"kernel_constraint": Odd()})
    (problem,) = weight_problems(made, "d", made.weights((3,)), ("model",))
    assert problem.message.startswith("the kernel of layer 'd': Odd raised RuntimeError: odd one out")
    assert problem.path == ("model", "kernel_constraint")
    monkeypatch.setattr(Odd, "__module__", "nnctl.constraints.odd")
    with pytest.raises(RuntimeError):
        list(weight_problems(made, "d", made.weights((3,)), ("model",)))


def test_own_initializers_may_take_any_shape() -> None:
    """Of a plugin's, nothing is known."""
    InitializerSpec().check_shape((1, 2, 3))
