"""One entry of a `layers` list: a layer with what it reads, or another call of a layer above."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import count
from typing import Annotated, Any

from pydantic import (
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    SerializationInfo,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from nnctl.core.registry import snake_case
from nnctl.core.spec import REFERENCE, OneOf, Spec
from nnctl.layers.base import Layer, layers

ENTRY = "entry"
"""What the JSON Schema calls an entry."""

_LAYER = "(layer)"
"""What stands for the layer in error paths; no key of a config can be written so by mistake."""

_ARGUMENTS = "(arguments)"
"""What stands for the call arguments of a `use`."""

USE_KEYS = ("use", "name", "inputs")
"""What an entry that calls a layer again may say, besides the arguments of the call."""


class Entry(Spec):
    """A bare name, a layer's mapping with optional `inputs`, or `{use: NAME, inputs: ...}`.

    Exactly one of `layer` and `use` is set.
    """

    model_config = ConfigDict(populate_by_name=True)

    layer: Annotated[Any, OneOf(layers)] = Field(default=None, alias=_LAYER, validate_default=False)
    """The layer that this entry adds."""
    use: str | None = None
    """The name of a layer above, called again with the same weights."""
    name: str | None = None
    """With `use`: what entries below call this call's output; default: the used name, numbered."""
    inputs: tuple[str, ...] | dict[str, str] | None = None
    """What the entry reads: names of inputs or of entries above, `name:1` for a second output; default: the
    entry before it. Where a layer's inputs have names, also a mapping from these: `{query: x, value: y}`."""
    arguments: dict[str, Any] = Field(default={}, alias=_ARGUMENTS)
    """With `use`: the arguments of this call. The names and types are checked where the layer is known."""

    @model_validator(mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Part a layer's own fields from what the entry says about it."""
        if isinstance(value, Entry) or not isinstance(value, dict):
            return value if isinstance(value, Entry) else {_LAYER: value}
        if (
            ("type" not in value and isinstance(value.get("layer"), Layer))
            or _LAYER in value
            or _ARGUMENTS in value
        ):
            return value
        if value.get("use") is not None:
            entry: dict[str, Any] = {k: value[k] for k in USE_KEYS if k in value}
            return entry | {_ARGUMENTS: {k: v for k, v in value.items() if k not in USE_KEYS}}
        entry = {_LAYER: {k: v for k, v in value.items() if k != "inputs"}}
        if "inputs" in value:
            entry["inputs"] = value["inputs"]
        return entry

    @field_validator("inputs", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_serializer(mode="plain")
    def _flat(self, info: SerializationInfo) -> dict[str, Any]:
        if self.use is not None:
            config: dict[str, Any] = {"use": self.use}
            if self.name is not None:
                config["name"] = self.name
            told = self.arguments
        else:
            rebase = (info.context or {}).get("rebase")
            config = {"type": type(self.layer).__name__, **self.layer.config(rebase)}
            told = self.layer.given_arguments()
            for name in self.layer.call_arguments():
                del config[name]
        if self.inputs is not None:
            config["inputs"] = dict(self.inputs) if isinstance(self.inputs, Mapping) else list(self.inputs)
        return config | told

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"$ref": REFERENCE + ENTRY}

    @property
    def is_input(self) -> bool:
        """Whether it adds an input."""
        return self.layer is not None and self.layer.is_input

    @property
    def reads(self) -> tuple[str, ...] | None:
        """What it reads, in the order written; None for the entry before it."""
        return tuple(self.inputs.values()) if isinstance(self.inputs, Mapping) else self.inputs

    @property
    def input_names(self) -> tuple[str, ...]:
        """The layer's names for what it reads, where the entry says them."""
        return tuple(self.inputs) if isinstance(self.inputs, Mapping) else ()

    @property
    def given_name(self) -> str | None:
        """The name the config gives to this entry's output."""
        name: str | None = self.name if self.use is not None else self.layer.name
        return name

    @property
    def base_name(self) -> str:
        """What the entry is called, numbered, where no name is given."""
        return self.use if self.use is not None else snake_case(type(self.layer).__name__)


def number_names(entries: Sequence[tuple[str | None, str]], taken: Sequence[str] = ()) -> list[str]:
    """The names of entries given as (name or None, base name): given names stand, others are numbered.

    As Keras numbers them: dense, dense_1, dense_2; a number that a given name (or one in `taken`, the model's
    inputs) already has is passed over.
    """
    used = {*taken, *(given for given, _ in entries if given is not None)}
    numbers: dict[str, Iterator[str]] = {}
    names = []
    for given, base in entries:
        name = given
        if name is None:
            name = next(n for n in numbers.setdefault(base, _in_turn(base)) if n not in used)
        used.add(name)
        names.append(name)
    return names


def numbered(base: str, number: int) -> str:
    """dense for 0, then dense_1, dense_2, ..."""
    return f"{base}_{number}" if number else base


def free_name(base: str, taken: Container[str]) -> str:
    """The first of dense, dense_1, ... that is not taken."""
    return next(name for name in _in_turn(base) if name not in taken)


def _in_turn(base: str) -> Iterator[str]:
    return (numbered(base, number) for number in count())


def entry_names(entries: Sequence[Entry], taken: Sequence[str] = ()) -> list[str]:
    """The name of each entry's output; `taken` are the names of the model's inputs."""
    return number_names([(entry.given_name, entry.base_name) for entry in entries], taken)
