"""Objects in a Keras config (initializers, activations, wrapped layers ...) as nnctl's language says them.

Which class is meant is looked up in nnctl's registries; what a file says of modules is not followed.
"""

from __future__ import annotations

from typing import Any

from nnctl.activations.base import ActivationFunction, activations
from nnctl.constraints.base import constraints
from nnctl.core.registry import Registry
from nnctl.core.spec import Spec
from nnctl.formats.keras.reading.found import Findings
from nnctl.initializers.base import initializers
from nnctl.regularizers.base import regularizers

Object = dict[str, Any]

_FAMILIES: dict[str, Registry[Any]] = {
    "initializer": initializers,
    "regularizer": regularizers,
    "constraint": constraints,
}
_FUNCTIONS = ("function", "builtin_function_or_method")
_OLD_INITIALIZERS = {
    "uniform": {"type": "RandomUniform", "minval": -0.05, "maxval": 0.05},
    "normal": {"type": "RandomNormal", "stddev": 0.05},
    "one": "Ones",
    "zero": "Zeros",
}
"""Names of Keras 1, and what they stood for."""
_NORMAL = {"normal": "truncated_normal"}
"""`distribution` of VarianceScaling in Keras 2."""
_OLD_REGULARIZERS = {"WeightRegularizer": "L1L2", "L1L2Regularizer": "L1L2"}
_OLD_WORDS = {"m": "max_value"}


def family_of(field: str) -> str | None:
    """Which family a layer's field takes, by its name: `kernel_initializer`, `recurrent_activation`."""
    last = field.rpartition("_")[2]
    return last if last in (*_FAMILIES, "activation") else None


def plain(value: Any) -> Any:
    """Values that Keras wraps: tuples and arrays are lists."""
    if isinstance(value, dict):
        kind, config = value.get("class_name"), value.get("config")
        if kind == "__tuple__":
            items = value.get("items")
            return [plain(part) for part in items] if isinstance(items, list) else items
        if kind == "__numpy__" and isinstance(config, dict):
            return plain(config.get("value"))
        return {name: plain(part) for name, part in value.items()}
    return [plain(part) for part in value] if isinstance(value, list) else value


def read_object(value: Any, family: str, place: str, findings: Findings) -> Any:
    """An initializer, a regularizer, a constraint or an activation; None stays None."""
    if value is None:
        return None
    if family == "activation":
        return _activation(value, place, findings)
    kind, config = _named(value)
    if kind is not None and isinstance(value, dict) and "class_name" not in value:  # Keras 1
        kind = _OLD_REGULARIZERS.get(kind, kind)
        own = {str(word): part for word, part in value.items() if word != "name"}
        config = {_OLD_WORDS.get(word, word): part for word, part in own.items()}
    if kind is None:
        findings.refuse(place, f"is no {family}")
        return None
    if family == "initializer" and kind in _OLD_INITIALIZERS and not config:
        return _OLD_INITIALIZERS[kind]
    cls = _FAMILIES[family].get(kind.removesuffix("V2").removesuffix("V1"))
    if cls is None or _foreign(value):
        findings.refuse(place, _unknown(family, kind), f"one of nnctl's {family}s")
        return None
    if kind.startswith("VarianceScaling"):
        given = config.get("distribution")
        config = config | {"distribution": _NORMAL.get(given, given) if isinstance(given, str) else given}
    return _short(cls, fields_of(cls, config, place, findings))


def _activation(value: Any, place: str, findings: Findings) -> Any:
    kind, config = _named(value)
    if kind in _FUNCTIONS and isinstance(value, dict):
        # Keras 3 says a function by its name, in place of a config.
        kind, config = value.get("config") if isinstance(value.get("config"), str) else None, {}
    if kind is None or _foreign(value):
        findings.refuse(place, "is a Python function of one's own", "the name of an activation")
        return None
    cls = activations.get(kind) or _with_parameters(kind)
    if cls is None:
        message = "is a Python function of one's own" if kind == "<lambda>" else _unknown("activation", kind)
        findings.refuse(place, message, "one of nnctl's activations")
        return None
    return _short(cls, fields_of(cls, config, place, findings))


def _with_parameters(kind: str) -> type[ActivationFunction] | None:
    """The function whose parameters a layer or an operation of Keras takes."""
    for cls in activations.classes():
        operation = cls.keras_operation
        if kind == cls.keras_layer or (operation is not None and kind == operation[1]):
            return cls
    return None


def _named(value: Any) -> tuple[str | None, Object]:
    """What an object is called, and its arguments."""
    if isinstance(value, str):
        return value, {}
    if not isinstance(value, dict):
        return None, {}
    kind = value.get("class_name", value.get("name"))
    config = value.get("config")
    return (kind if isinstance(kind, str) else None), (config if isinstance(config, dict) else {})


def _foreign(value: Any) -> bool:
    """Whether an object says of itself that it is a class of the user's own."""
    registered = value.get("registered_name") if isinstance(value, dict) else None
    return isinstance(registered, str) and ">" in registered


def _unknown(family: str, kind: str) -> str:
    return f"'{kind}' is no {family} that nnctl has"


_OF_ALL = ("name", "dtype", "trainable", "module", "registered_name")
"""Arguments that say nothing of what an object computes."""


def fields_of(cls: type[Spec], config: Object, place: str, findings: Findings) -> Object:
    """The arguments of an object that is no layer, held against the fields of its class here."""
    found: Object = {}
    for name, value in config.items():
        given = plain(value)
        if name in cls.model_fields:
            family = family_of(name)
            found[name] = (
                given if family is None else read_object(value, family, f"{place}, {name}", findings)
            )
        elif name not in _OF_ALL and given is not None:
            findings.refuse(place, f"nnctl's {cls.__name__} has no argument '{name}' ({str(given)[:40]})")
    return found


def _short(cls: type[Spec], fields: Object) -> Any:
    """A name where all is as by default."""
    told = {name: value for name, value in fields.items() if not _is_default(cls, name, value)}
    return {"type": cls.__name__, **told} if told else cls.__name__


def _is_default(cls: type[Spec], name: str, value: Any) -> bool:
    default = cls.model_fields[name].default
    return (
        type(default) in (type(value), float, int) and default == value
        if value is not None
        else default is None
    )
