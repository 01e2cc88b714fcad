"""The JSON Schema (draft 2020-12) of the language, for editors: read off the specs, nothing written twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nnctl.activations.base import activations
from nnctl.callbacks.base import callbacks
from nnctl.constraints.base import constraints
from nnctl.core.registry import Registry
from nnctl.core.spec import REFERENCE, Spec
from nnctl.data.base import sources
from nnctl.initializers.base import initializers
from nnctl.layers.base import layers
from nnctl.layers.entry import ENTRY, Entry
from nnctl.losses.base import losses
from nnctl.metrics.base import metrics
from nnctl.optimizers.base import optimizers
from nnctl.regularizers.base import regularizers
from nnctl.schedules.base import schedules
from nnctl.spec.language.annotations import field, is_spec, members
from nnctl.spec.language.experiment import Experiment
from nnctl.spec.language.field_docs import field_docs

Schema = dict[str, Any]

_FAMILIES: tuple[Registry[Any], ...] = (
    activations, callbacks, constraints, initializers, layers, losses, metrics, optimizers, regularizers,
    schedules, sources,
)  # fmt: skip

_TEMPLATE = "#/$defs/{model}"


def json_schema() -> Schema:
    """The schema of a config file."""
    root = _own(Experiment)
    definitions = root.pop("$defs", {})
    for registry in _FAMILIES:
        definitions |= _family(registry)
    definitions[ENTRY] = _entry(definitions)
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "nnctl experiment",
        **root,
        "$defs": dict(sorted(definitions.items())),
    }
    resolved: Schema = _linked(schema)
    return resolved


def _own(cls: type[Spec]) -> Schema:
    """A class's schema, its fields described; so are those of the specs it is made of, in `$defs`."""
    cls.model_rebuild()
    schema = _described(cls.model_json_schema(ref_template=_TEMPLATE), cls)
    inner = {part.__name__: part for part in _parts(cls)}
    for name, part in schema.get("$defs", {}).items():
        if name in inner:
            schema["$defs"][name] = _described(part, inner[name])
    return schema


def _parts(cls: type[Spec]) -> Iterator[type[Spec]]:
    """The specs that a spec's fields hold directly (no choices by `type`)."""
    for name in cls.model_fields:
        for bare, _ in members(field(cls, name)):
            if is_spec(bare) and bare is not Entry:
                yield bare
                yield from _parts(bare)


def _described(schema: Schema, cls: type[Spec]) -> Schema:
    if "anyOf" in schema:
        return schema | {"anyOf": [_described(part, cls) for part in schema["anyOf"]]}
    docs = field_docs(cls)
    properties = {
        name: about | ({"description": docs[name]} if name in docs and "description" not in about else {})
        for name, about in schema.get("properties", {}).items()
    }
    return schema | ({"properties": properties} if properties else {})


def _family(registry: Registry[Any]) -> Schema:
    """The definitions of one family: each class, and the choice between them."""
    definitions: Schema = {}
    choices: list[Schema] = [{"enum": registry.words()}]
    for cls in registry.classes():
        schema = _own(cls)
        definitions |= schema.pop("$defs", {})
        name = f"{_word(registry.kind)}.{cls.__name__}"
        definitions[name] = _typed(schema, cls, registry)
        choices.append({"$ref": f"#/$defs/{name}"})
    if registry is sources:
        choices[0] = {"type": ["string", "null"], "description": "A file; its type follows from its ending."}
    if registry is activations:
        choices.append({"type": "null", "description": "As in Keras, no activation is the linear one."})
    definitions[_word(registry.kind)] = {"anyOf": choices}
    return definitions


def _typed(schema: Schema, cls: type[Spec], registry: Registry[Any]) -> Schema:
    """A class's schema with the `type` that chooses it."""
    spellings = [word for word in registry.words() if registry.get(word) is cls]
    spellings.sort(key=lambda word: (word != cls.__name__, word))
    kind: Schema = {"enum": spellings, "description": _first_line(cls)}
    properties = {"type": kind, **{k: v for k, v in schema.get("properties", {}).items() if k != "type"}}
    required = [name for name in schema.get("required", []) if name != "type"]
    if registry is not sources:
        required.insert(0, "type")
    return schema | {"properties": properties, "required": required}


def _entry(definitions: Schema) -> Schema:
    """An entry of a `layers` list: a name, a layer with `inputs`, or another call of a layer."""
    docs = field_docs(Entry)
    about = {"description": docs["inputs"]}
    name: Schema = {"type": "string"}
    listed: list[Schema] = [{"type": ["string", "null"]}, {"type": "array", "items": name}]
    choices: list[Schema] = [{"enum": layers.words()}]
    arguments: Schema = {}
    for cls in layers.classes():
        schema = definitions[f"layer.{cls.__name__}"]
        properties: Schema = schema["properties"]
        words = cls.input_names()
        named: Schema = {
            "type": "object",
            "properties": dict.fromkeys(words, name),
            "required": list(words[: cls.takes()[0]]),
            "additionalProperties": False,
        }
        inputs = {"anyOf": [*listed, named] if words else listed} | about
        choices.append(schema | {"properties": {**properties, "inputs": inputs}})
        arguments |= {word: properties[word] for word in cls.call_arguments()}
    text: Schema = {
        "use": {"type": "string", "description": docs["use"]},
        "name": {"type": ["string", "null"], "description": docs["name"]},
    }
    mapping: Schema = {"type": "object", "additionalProperties": name}
    properties = {**text, "inputs": {"anyOf": [*listed, mapping]} | about, **arguments}
    call = {"type": "object", "title": "call", "properties": properties, "required": ["use"]}
    choices.append(call | {"additionalProperties": False})
    return {"anyOf": choices}


def _first_line(cls: type[Spec]) -> str:
    return (cls.__doc__ or cls.__name__).strip().splitlines()[0]


def _word(kind: str) -> str:
    return kind.replace(" ", "_")


def _linked(part: Any) -> Any:
    """References to families as references inside the document, and descriptions on one line."""
    if isinstance(part, dict):
        return dict(_linked_items(_nullable(part)))
    return [_linked(item) for item in part] if isinstance(part, list) else part


def _nullable(part: Schema) -> Schema:
    """`anyOf: [X, null]` as X whose type may be null too: editors then speak of X."""
    choices = part.get("anyOf", [])
    if len(choices) != 2 or choices[1] != {"type": "null"} or not isinstance(choices[0].get("type"), str):
        return part
    merged: Schema = {key: value for key, value in part.items() if key != "anyOf"} | choices[0]
    if "const" in merged:
        merged["enum"] = [merged.pop("const")]
    if "enum" in merged:
        merged["enum"] = [*merged["enum"], None]
    merged["type"] = [merged["type"], "null"]
    return merged


def _linked_items(part: Schema) -> Iterator[tuple[str, Any]]:
    for key, value in part.items():
        if key == "$ref" and isinstance(value, str) and value.startswith(REFERENCE):
            yield key, "#/$defs/" + _word(value.removeprefix(REFERENCE))
        elif key == "description" and isinstance(value, str):
            yield key, " ".join(value.split())
        else:
            yield key, value if key in ("default", "enum", "const") else _linked(value)
