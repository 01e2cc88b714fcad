"""A model's structure as YAML, which `model: {path: FILE}` in a config reads back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nnctl.graph.model import LayerGraph
from nnctl.layers.base import Layer
from nnctl.layers.entry import Entry, entry_names
from nnctl.spec.language.model import ModelSpec
from nnctl.spec.yaml.emit import block


def structure(spec: ModelSpec, graph: LayerGraph) -> dict[str, Any]:
    """`inputs`, `layers`, `outputs` and `freeze` as plain data: every name, shape and default written out.

    Args:
        spec: The model as written.
        graph: What was built of it.
    """
    entries = spec.layers or ()
    declared = declared_inputs(spec, graph)
    found: dict[str, Any] = {}
    if declared:
        found["inputs"] = {name: _input(graph, name) for name in declared}
    found["layers"] = _entries(entries, declared)
    for entry, listed in zip(entries, found["layers"], strict=True):
        if entry.is_input:
            listed |= _input(graph, listed["name"])
    names = {*graph.inputs, *entry_names(entries, declared)}
    words = list(graph.outputs)
    if all(word.partition(":")[0] in names for word in words):  # a container's last layer has no name here
        found["outputs"] = words
    if spec.freeze:
        found["freeze"] = list(spec.freeze)
    return found


def declared_inputs(spec: ModelSpec, graph: LayerGraph) -> list[str]:
    """The names of the model's inputs that are no entries of its layers."""
    if spec.inputs:
        return list(spec.inputs)
    return [] if any(e.is_input for e in spec.layers or ()) else list(graph.inputs)


def _input(graph: LayerGraph, name: str) -> dict[str, Any]:
    info = graph.inputs[name]
    shape: dict[str, Any] = {"shape": list(info.shape)}
    return shape if info.dtype.startswith("float") else shape | {"dtype": info.dtype}


def _entries(entries: Sequence[Entry], taken: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Every entry as a mapping with its name, nested lists too."""
    listed = []
    for entry, name in zip(entries, entry_names(entries, taken), strict=True):
        config: dict[str, Any] = dict(entry.model_dump(mode="json"))
        kind = "type" if entry.use is None else "use"
        named = {kind: config.pop(kind), "name": name}
        config.pop("name", None)
        if entry.layer is not None:
            _name_within(entry.layer, config)
        listed.append(named | config)
    return listed


def _name_within(layer: Layer, config: dict[str, Any]) -> None:
    """Write out the names in a nested model, and in those that a layer holds."""
    if layer.nests:
        config["layers"] = _entries(layer.entries())
        return
    for field in type(layer).model_fields:
        held = getattr(layer, field)
        if isinstance(held, Layer):
            _name_within(held, config[field])


def as_yaml(spec: ModelSpec, graph: LayerGraph) -> bytes:
    """The structure as a YAML file."""
    return block(structure(spec, graph)).encode()
