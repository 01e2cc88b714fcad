"""A whole model as Keras's legacy HDF5 file, which Keras 2 and Keras 3 read.

The config is that of a `.keras` file in Keras 2's words: layers without modules, `batch_input_shape`, types
of numbers as texts, and calls as lists. What those cannot say (a call of several arguments) is said in Keras
3's words, which Keras 2 does not read; nor does it count the calls of nested models as Keras 3 does.

There is no group `optimizer_weights`: Keras 3 builds the optimizer of such a file for no weights at all
(keras.src.legacy.saving.legacy_h5_format.load_model_from_hdf5), and the model cannot be trained.
Source: keras.src.legacy.saving.legacy_h5_format, keras.src.models.functional.deserialize_node.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError, Problem
from nnctl.formats.keras.compiled import compiled
from nnctl.formats.keras.model import model_object
from nnctl.formats.keras.objects import KERAS_VERSION, KerasObject, name_in_keras
from nnctl.formats.keras.patterns import NotCompiled
from nnctl.formats.keras.scopes import read_scope
from nnctl.formats.keras.weights import KerasWeight, by_layer, configure
from nnctl.layers.base import layers
from nnctl.storage.hdf5_layout import Attributes
from nnctl.storage.hdf5_writer import Piece, hdf5

if TYPE_CHECKING:
    from nnctl.formats.exports.base import TrainedModel

_WRITER: Attributes = {"backend": b"tensorflow", "keras_version": KERAS_VERSION.encode()}
"""The backend is what decides in old versions whether convolutions are turned around: here they are not."""
_MOST = 64_512
"""The bytes that an attribute may have; a longer list of names is cut into several."""
_LAYERS = "model_weights"
_MODULES = ("keras", "keras.layers", "keras.src.models.functional")


def legacy_file(model: TrainedModel) -> list[Piece]:
    """The file, in pieces.

    Raises:
        ConfigError: something in the model is not Keras's; the message names it.
    """
    name = name_in_keras(model.name)
    scope = read_scope(model.spec, model.graph, model.dtype)
    by_name = by_layer(scope, model.graph, name)
    configure(scope, model.weights)
    told = {"model_config": _whole(model_object(scope, name, True, model.dtype))}
    with suppress(NotCompiled):
        made = compiled(scope, model.graph, model.weights, name, model.dtype, model.objective, model.training)
        told["training_config"] = _training(made.config)
    texts = {key: json.dumps(value).encode() for key, value in told.items()}
    arrays: dict[str, Array] = {}
    groups: dict[str, Attributes] = {}
    for layer, held in by_name.items():
        ordered = _trainable_first(held, set(model.graph.trainable()))
        groups[f"{_LAYERS}/{layer}"] = listed_names("weight_names", [at.name for at in ordered])
        arrays |= {f"{_LAYERS}/{layer}/{at.name}": model.weights[at.name] for at in ordered}
    groups[f"{_LAYERS}/top_level_model_weights"] = listed_names("weight_names", [])
    groups[_LAYERS] = {**_WRITER, **listed_names("layer_names", list(by_name))}
    return hdf5(arrays, {**_WRITER, **texts}, groups)


def _trainable_first(weights: Sequence[KerasWeight], trainable: set[str]) -> list[KerasWeight]:
    return sorted(weights, key=lambda at: at.name not in trainable)


def listed_names(name: str, values: Sequence[str]) -> Attributes:
    """A list of names as an attribute, or in equal parts as several, as Keras cuts it.

    Raises:
        ConfigError: one is too long for an attribute.
    """
    texts = [value.encode() for value in values]
    longest = max(map(len, texts), default=0)
    if longest > _MOST:
        message = f"an .h5 file has no room for a name of {longest:,} bytes"
        raise ConfigError(Problem(message, expected="--format keras, or a shorter name"))
    parts = -(-longest * len(texts) // _MOST) or 1
    while -(-len(texts) // parts) * longest > _MOST:
        parts += 1
    if parts == 1:
        return {name: tuple(texts)}
    long, more = divmod(len(texts), parts)
    ends = [long * at + min(at, more) for at in range(parts + 1)]
    return {f"{name}{at}": tuple(texts[ends[at] : ends[at + 1]]) for at in range(parts)}


def _training(config: Mapping[str, Any]) -> KerasObject:
    """The `training_config` of a `compile_config`."""
    optimizer = config["optimizer"]
    rest = {key: _plain(value) for key, value in config.items() if key != "optimizer"}
    return {**rest, "optimizer_config": {key: optimizer[key] for key in ("class_name", "config")}}


def _plain(value: Any) -> Any:
    """Losses and metrics, in whatever lists, without their modules."""
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {key: value[key] for key in ("class_name", "config")}
    return value


def _whole(model: KerasObject) -> KerasObject:
    """The model itself, whose inputs and outputs Keras 2 wants in a list, also where there is one."""
    found = _entry(model)
    for key in ("input_layers", "output_layers"):
        ends = found["config"].get(key)
        if ends and isinstance(ends[0], str):
            found["config"][key] = [ends]
    return found


def _entry(layer: KerasObject) -> KerasObject:
    """A layer or a model, with its calls if it has any."""
    found = {"class_name": layer["class_name"], "config": _config(layer["config"])}
    if not _known_by_name(layer):
        found |= {key: layer[key] for key in ("module", "registered_name")}
    if "inbound_nodes" in layer:
        found["name"] = layer["name"]
        found["inbound_nodes"] = [_call(node) for node in layer["inbound_nodes"]]
    return found


def _known_by_name(layer: KerasObject) -> bool:
    """Whether Keras finds the class by its name, and then leaves its arguments as they are.

    It does not find operations, nor a layer by another name than its own in its source. It forgets an `axis`
    that is no number (keras.src.legacy.saving.saving_utils.model_from_config), and takes the word `dot` for
    the function of that name (keras.src.legacy.saving.serialization).
    """
    config, own = layer["config"], layers.get(layer["class_name"])
    renamed = own is not None and own.in_keras.class_name is not None
    kept = isinstance(config.get("axis", 0), int) and "dot" not in config.values()
    return layer["module"] in _MODULES and kept and not renamed


def _config(config: KerasObject) -> KerasObject:
    """The arguments of a layer or a model."""
    found: KerasObject = {}
    for key, value in config.items():
        if key == "batch_shape":
            found["batch_input_shape"] = value
        elif key == "layers":
            found[key] = [_entry(layer) for layer in value]
        else:
            found[key] = _argument(value)
    return found


def _argument(value: Any) -> Any:
    """An argument: the type of numbers by its name, initializers and their like by their classes' names.

    A layer that another one holds, or that is an activation, keeps its module: Keras 3 asks for it.
    """
    if isinstance(value, list):
        return [_argument(part) for part in value]
    if not isinstance(value, dict) or "class_name" not in value:
        return value
    if value["class_name"] == "DTypePolicy":
        return value["config"]["name"]
    if value["module"] in ("keras.initializers", "keras.regularizers", "keras.constraints"):
        return {"class_name": value["class_name"], "config": value["config"]}
    return {**value, "config": _config(value["config"])}


def _call(node: KerasObject) -> Any:
    """A call of one argument as a list of the tensors that it reads; another one as Keras 3 has it."""
    args, kwargs = node["args"], node["kwargs"]
    read = args[0] if isinstance(args[0], list) and len(args[0]) > 1 else args[:1]
    nested = any(isinstance(value, dict | list) for value in kwargs.values())
    if len(args) > 1 or nested or isinstance(read[0], list):
        return node
    return [[*tensor["config"]["keras_history"], kwargs] for tensor in read]
