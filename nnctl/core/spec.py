"""The base of everything a config can name: frozen Pydantic models, chosen by `type`."""

from __future__ import annotations

import os
from typing import Annotated, Any, ClassVar

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from pydantic_core.core_schema import SerializationInfo

from nnctl.core.errors import nearest
from nnctl.core.registry import Registry, snake_case

REFERENCE = "https://nnctl/"
"""What a family's JSON Schema is called until `spec.schema` puts all of them into one document."""

_LONGEST_NAME = 60
"""A longer name is cut in errors."""

_SCALARS = frozenset(["int", "float", "bool", "str"])
_LEFT_ALONE = frozenset(["keys_schema", "serialization", "metadata", "default", "expected", "cls", "config"])


def _strict(schema: Any) -> Any:
    """The schema with scalars taken as what they are: "3" is no number, `no` and 1 are no booleans."""
    if isinstance(schema, dict):
        strict = {k: v if k in _LEFT_ALONE else _strict(v) for k, v in schema.items()}
        kind = schema.get("type")  # a field of that name makes it a dict
        return strict | {"strict": True} if isinstance(kind, str) and kind in _SCALARS else strict
    if isinstance(schema, list | tuple):
        return type(schema)(_strict(part) for part in schema)
    return schema


class Spec(BaseModel):
    """A config object: frozen, no unknown keys, defaults checked like values, scalars taken literally.

    The fields are the config. There is no second description of them anywhere.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        arbitrary_types_allowed=True,
        defer_build=True,
        ser_json_inf_nan="constants",
    )

    keras_only: ClassVar[tuple[str, ...]] = ()
    """Arguments of Keras's class of this name that this one does not have; a config is told so."""
    documented_by: ClassVar[type[Spec] | None] = None
    """For a class made at run time: the class whose source documents its fields."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        strict: CoreSchema = _strict(handler(source))
        return strict

    def config(self, rebase: tuple[str, str] | None = None) -> dict[str, Any]:
        """The whole config, every default written out, as plain YAML/JSON data.

        Args:
            rebase: (directory the paths are relative to, directory they shall be relative to).
        """
        return self.model_dump(mode="json", context={"rebase": rebase} if rebase else None)


def first_fault(error: ValidationError) -> str:
    """Where and what is the first of a validation's problems, in one line."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg'].removeprefix('Value error, ')}"


def rebased(path: str, info: SerializationInfo) -> str:
    """A path relative to the directory that the config is written for; see `Spec.config`."""
    rebase = (info.context or {}).get("rebase")
    if rebase is None or os.path.isabs(path):
        return path
    old = os.path.abspath(os.path.join(rebase[0], path))
    return os.path.relpath(old, rebase[1])


ConfigPath = Annotated[str, PlainSerializer(rebased, return_type=str)]
"""A file's path as a config gives it: relative to the config's directory, or absolute."""


class OneOf:
    """A field that takes a name or a mapping with `type`, resolved in a registry.

    Use as `Annotated[Any, OneOf(registry)]`. A wrong mapping's own errors appear below the field's path
    (Pydantic merges a ValidationError that a validator raises).
    """

    also: ClassVar[str | None] = None
    """In words, what else the field takes ("a number"), for subclasses that take more."""

    def __init__(self, registry: Registry[Any]) -> None:
        self.registry = registry

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.resolve,
            serialization=core_schema.plain_serializer_function_ser_schema(self._dump, info_arg=True),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"$ref": REFERENCE + self.registry.kind}

    def class_of(self, value: Any) -> type[Spec] | None:
        """The class that a name or a mapping with `type` chooses, whatever its other fields; None if none."""
        name = value.get("type") if isinstance(value, dict) else value
        found: type[Spec] | None = self.registry.get(name) if isinstance(name, str) else None
        return found

    def resolve(self, value: Any) -> Spec:
        """The object that `value` (an object, a name, or a mapping with `type`) stands for.

        Raises:
            PydanticCustomError: `unknown_type` with the nearest word, `missing_type`, `not_a_choice`.
            ValidationError: the mapping's other fields are wrong.
        """
        kind = self.registry.kind
        if isinstance(value, Spec):
            return value
        if isinstance(value, str):
            name, fields = value, {}
        elif isinstance(value, dict):
            if "type" not in value:
                raise PydanticCustomError("missing_type", "a {kind} needs 'type'", {"kind": kind})
            name, fields = value["type"], {k: v for k, v in value.items() if k != "type"}
        else:
            raise PydanticCustomError(
                "not_a_choice", "expected the name of a {kind} or a mapping with 'type'", {"kind": kind}
            )
        cls = self.registry.get(name) if isinstance(name, str) else None
        if cls is None:
            raise self._unknown(str(name))
        resolved: Spec = cls.model_validate(fields)
        return resolved

    def _unknown(self, name: str) -> PydanticCustomError:
        if len(name) > _LONGEST_NAME:
            name = name[:_LONGEST_NAME] + "..."
        words = self._like(name)
        close = nearest(name, words) or nearest(name, self.registry.words())
        context = {"kind": self.registry.kind, "name": name, "nearest": close, "words": words}
        return PydanticCustomError("unknown_type", "nnctl has no {kind} '{name}'", context)

    def _like(self, name: str) -> list[str]:
        """The registry's names, spelled as `name` is: as classes or in snake case."""
        names = self.registry.names()
        return names if name[:1].isupper() else [snake_case(known) for known in names]

    @staticmethod
    def _dump(value: Any, info: SerializationInfo) -> Any:
        if not isinstance(value, Spec):
            return value
        return {"type": type(value).__name__, **value.config((info.context or {}).get("rebase"))}
