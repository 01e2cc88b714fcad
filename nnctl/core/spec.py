"""The base of everything a config can name: frozen Pydantic models, chosen by `type`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from nnctl.core.errors import nearest
from nnctl.core.registry import Registry


class Spec(BaseModel):
    """A config object: frozen, no unknown keys, defaults checked like values.

    The fields are the config. There is no second description of them anywhere.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        arbitrary_types_allowed=True,
        use_attribute_docstrings=True,
        defer_build=True,
    )

    def config(self) -> dict[str, Any]:
        """The whole config, every default written out, as plain YAML/JSON data."""
        return self.model_dump(mode="json")


class OneOf:
    """A field that takes a name or a mapping with `type`, resolved in a registry.

    Use as `Annotated[Any, OneOf(registry)]`. The nested ValidationError of a wrong mapping travels as
    `ctx["error"]` and is flattened by `spec.problems`.
    """

    def __init__(self, registry: Registry[Any]) -> None:
        self.registry = registry

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.resolve,
            serialization=core_schema.plain_serializer_function_ser_schema(self._dump),
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        mappings = [handler(cls.__pydantic_core_schema__) for cls in self._built()]
        return {"anyOf": [{"enum": self.registry.words()}, *mappings]}

    def _built(self) -> list[type[Spec]]:
        classes = self.registry.classes()
        for cls in classes:
            cls.model_rebuild()
        return classes

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
            words = self.registry.words()
            raise PydanticCustomError(
                "unknown_type",
                "nnctl has no {kind} '{name}'",
                {"kind": kind, "name": str(name), "nearest": nearest(str(name), words), "words": words},
            )
        resolved: Spec = cls.model_validate(fields)
        return resolved

    @staticmethod
    def _dump(value: Any) -> Any:
        return value.config() if isinstance(value, Spec) else value
