"""Arguments, names and defaults of every class against Keras's own signatures."""

from __future__ import annotations

import inspect
import os
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
keras = pytest.importorskip("keras")

from nnctl.activations.base import activations  # noqa: E402
from nnctl.constraints.base import constraints  # noqa: E402
from nnctl.core.registry import Registry  # noqa: E402
from nnctl.core.spec import Spec  # noqa: E402
from nnctl.initializers.base import initializers  # noqa: E402
from nnctl.layers.base import Layer, layers  # noqa: E402
from nnctl.regularizers.base import regularizers  # noqa: E402

pytestmark = pytest.mark.keras

# What classes are told to leave out of what Keras takes, with the reason.
LEFT_OUT = {
    "lora_rank": "no adapters yet",
    "lora_alpha": "no adapters yet",
    "quantization_config": "no quantization",
    "reverse_dtype": "a model has one type of floats",
    "gptq_unpacked_column_size": "no quantization",
    "synchronized": "one machine",
    "stateful": "examples of a batch have no place in the next",
    "use_cudnn": "CPU only",
    "weights": "a config holds no arrays",
    "sparse": "tensors are dense",
    "bounding_box_format": "only images are changed",
}
# What Keras takes through **kwargs.
BASE = {"name", "trainable", "zero_output_for_mask", "activity_regularizer", "seed", "unroll"}
# What Keras 3 has no more.
KERAS_2 = {"legacy_hard_sigmoid"}
CONTAINERS = {cls.__name__ for cls in layers.classes() if cls.is_input or cls.nests is not None}

FAMILIES: list[tuple[Registry[Any], Any]] = [
    (layers, keras.layers),
    (initializers, keras.initializers),
    (regularizers, keras.regularizers),
    (constraints, keras.constraints),
    (activations, keras.activations),
]
PAIRS = [
    pytest.param(registry.get(name), getattr(module, name), id=f"{registry.kind} {name}")
    for registry, module in FAMILIES
    for name in registry.names()
    if name not in CONTAINERS | KERAS_2
]


def _signature(theirs: Any) -> dict[str, inspect.Parameter]:
    found = dict(inspect.signature(theirs).parameters)
    if not inspect.isclass(theirs):
        found.pop("x")  # an activation's tensor
    return {k: p for k, p in found.items() if p.name not in ("args", "dtype")}


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_names(ours: type[Spec], theirs: Any) -> None:
    wanted = set(_signature(theirs)) - {"kwargs"}
    of_calls = set(ours.call_arguments()) if issubclass(ours, Layer) else set()
    assert of_calls <= set(inspect.signature(theirs.call).parameters if of_calls else ())
    fields = set(ours.model_fields) - of_calls
    assert fields - BASE <= wanted
    assert wanted - fields == set(ours.keras_only) & wanted
    assert set(ours.keras_only) <= set(LEFT_OUT)
    assert not set(ours.keras_only) & fields


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_defaults(ours: type[Spec], theirs: Any) -> None:
    for name, parameter in _signature(theirs).items():
        field = ours.model_fields.get(name)
        if field is None or name == "data_format":
            continue
        if parameter.default is inspect.Parameter.empty:
            assert field.is_required(), name
        elif name == "activation" and parameter.default is None:
            assert field.default == "linear"
        elif isinstance(field.default, tuple):
            written = TypeAdapter(Annotated[field.annotation, *field.metadata])  # 2 may stand for (2, 2)
            assert field.default == written.validate_python(parameter.default), name
        else:
            assert field.default == parameter.default, name


def test_every_other_name_of_a_layer() -> None:
    """Keras has a class under several names: Conv2D and Convolution2D."""
    for name in dir(keras.layers):
        theirs = getattr(keras.layers, name)
        if inspect.isclass(theirs) and theirs.__name__ != name and layers.get(theirs.__name__):
            assert layers.get(name) is layers.get(theirs.__name__), name
