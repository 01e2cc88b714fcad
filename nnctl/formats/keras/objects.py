"""Layers, activations, initializers, regularizers and constraints as Keras's serialized objects."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from nnctl.activations.base import ActivationFunction
from nnctl.constraints.base import ConstraintSpec
from nnctl.core.errors import ConfigError, Problem
from nnctl.core.registry import snake_case
from nnctl.core.spec import Spec
from nnctl.initializers.base import InitializerSpec
from nnctl.layers.base import Layer, layers
from nnctl.regularizers.base import RegularizerSpec
from nnctl.spec.diagnosis.keras_names import has_keras

KerasObject = dict[str, Any]

KERAS_VERSION = "3.15.1"
"""The Keras whose formats these are."""


def name_in_keras(name: str) -> str:
    """What Keras calls the model of an experiment: no name of Keras's has a slash."""
    return name.replace("/", "_")


def keras_object(module: str, name: str, config: KerasObject, registered: str | None = None) -> KerasObject:
    """An object as Keras writes it."""
    return {"module": module, "class_name": name, "config": config, "registered_name": registered}


def policy(dtype: str) -> KerasObject:
    """What a layer computes in."""
    return keras_object("keras", "DTypePolicy", {"name": dtype})


def input_object(name: str, shape: list[int | None], dtype: str) -> KerasObject:
    """An input; `shape` has no batch axis."""
    config = {"batch_shape": [None, *shape], "dtype": dtype, "sparse": False, "ragged": False, "name": name}
    return keras_object("keras.layers", "InputLayer", config)


def layer_object(
    layer: Layer,
    name: str,
    trainable: bool,
    dtype: str,
    held: Mapping[str, KerasObject] = MappingProxyType({}),
) -> KerasObject:
    """A layer of Keras with the same arguments.

    Args:
        held: The nested models that it holds, by their place below it.

    Raises:
        ConfigError: the layer, or what one of its arguments is, is not Keras's.
    """
    _held("layer", "layers", layer, name)
    if layer.in_keras.not_in_exports is not None:
        raise _refused("layer", name, layer.in_keras.not_in_exports)
    config: KerasObject = {"name": name, "trainable": trainable, "dtype": policy(dtype)}
    for field in layer.in_keras.lacks:
        del config[field]
    children = layer.children()
    for field in type(layer).model_fields:
        if field not in (*config, *layer.in_keras.lacks, *layer.call_arguments()):
            value = getattr(layer, field)
            # As Keras writes it: a layer that it makes of another one while it loads may turn out to be a
            # third one, since it knows layers by addresses then, and addresses are used again.
            given = children.get(field) if value is None else value
            below = {k.removeprefix(f"{field}/"): v for k, v in held.items() if k.startswith(f"{field}/")}
            config[field] = held.get(field) or _value(given, name, trainable, dtype, below)
    return keras_object("keras.layers", type(layer).__name__, config)


def not_in_keras() -> dict[str, str]:
    """The layers that are not written for Keras, and why."""
    reasons = {cls.__name__: cls.in_keras.not_in_exports for cls in layers.classes()}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def is_keras(kind: str, family: str, spec: Spec) -> bool:
    """Whether `spec` is nnctl's own and Keras has it too."""
    return type(spec).__module__.startswith(f"nnctl.{family}.") and has_keras(kind, type(spec).__name__)


def _held(kind: str, family: str, spec: Spec, layer: str) -> None:
    """Raise ConfigError unless `spec` is nnctl's own and Keras has it too."""
    if not is_keras(kind, family, spec):
        raise _refused(kind, layer, f"'{type(spec).__name__}' is not one of its {kind}s")


def _refused(kind: str, layer: str, reason: str) -> ConfigError:
    where = f"the layer '{layer}'" if kind == "layer" else f"the {kind} of layer '{layer}'"
    message = f"Keras cannot hold {where}: {reason}"
    return ConfigError(Problem(message, expected="--format yaml, npz or safetensors, or a model without it"))


def _value(value: Any, layer: str, trainable: bool, dtype: str, held: Mapping[str, KerasObject]) -> Any:
    if isinstance(value, Layer):
        name = value.name or snake_case(value.kind)
        return layer_object(value, name, trainable and value.trainable, dtype, held)
    if isinstance(value, ActivationFunction):
        _held("activation", "activations", value, layer)
        if value.not_in_exports is not None:
            raise _refused("activation", layer, value.not_in_exports)
        return activation_object(value, dtype)
    for kind, base in _FAMILIES.items():
        if isinstance(value, base):
            _held(kind, f"{kind}s", value, layer)
            return keras_object(f"keras.{kind}s", type(value).__name__, _given(value))
    if isinstance(value, tuple):
        return [_value(part, layer, trainable, dtype, {}) for part in value]
    return value


_FAMILIES: dict[str, type[Spec]] = {
    "initializer": InitializerSpec,
    "regularizer": RegularizerSpec,
    "constraint": ConstraintSpec,
}


def _given(spec: Spec) -> KerasObject:
    """Arguments but those left at null, some of which older versions of Keras do not know."""
    values = {name: _lists(getattr(spec, name)) for name in type(spec).model_fields}
    return {name: value for name, value in values.items() if value is not None}


def _lists(value: Any) -> Any:
    return [_lists(part) for part in value] if isinstance(value, tuple) else value


def activation_object(function: ActivationFunction, dtype: str) -> Any:
    """A name; with parameters, the layer or operation of Keras that has them."""
    name, fields = type(function).__name__, _given(function)
    if all(getattr(function, field) == info.default for field, info in type(function).model_fields.items()):
        return name
    layer, operation = function.keras_layer, function.keras_operation
    # Keras's layers refuse what its operations take.
    if operation is not None and (layer is None or any(value < 0 for value in fields.values())):
        module, registered = operation
        return keras_object(module, registered, {"name": name, **fields}, registered)
    assert layer is not None, name
    config = {"name": name, "trainable": True, "dtype": policy(dtype), **fields}
    return keras_object("keras.layers", layer, config)
