"""A field that is one choice for the whole model, or one for each output."""

from __future__ import annotations

from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema
from pydantic_core.core_schema import SerializationInfo

from nnctl.core.spec import REFERENCE, OneOf, Spec


class ByOutput:
    """A choice, a list of choices, or a mapping from output names; use as `Annotated[Any, ByOutput(...)]`.

    A mapping with the key `type` is one choice; any other mapping goes by output name.

    Args:
        choice: What an output has.
        several: Whether an output may have a list of them (metrics); then one choice becomes a list of one.
    """

    def __init__(self, choice: OneOf, *, several: bool = False) -> None:
        self.choice = choice
        self.several = several

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        one = self.choice.__get_pydantic_core_schema__(source, handler)
        maybe = core_schema.nullable_schema(one)
        value = (
            core_schema.tagged_union_schema(
                {"(one)": self._alone(maybe), "(list)": core_schema.list_schema(one)}, self._shape
            )
            if self.several
            else maybe
        )
        named = core_schema.dict_schema(core_schema.str_schema(), value)
        choices = {
            "(one)": self._alone(one) if self.several else one,
            "(list)": core_schema.list_schema(one if self.several else maybe),
            "(named)": named,
        }
        return core_schema.tagged_union_schema(
            choices,
            self._kind,
            serialization=core_schema.plain_serializer_function_ser_schema(self._dump, info_arg=True),
        )

    @staticmethod
    def _alone(one: CoreSchema) -> CoreSchema:
        """One choice (or null) where a list is wanted: a list of one (or of none)."""

        def listed(value: Any) -> list[Any]:
            return [] if value is None else [value]

        return core_schema.no_info_after_validator_function(listed, one)

    @staticmethod
    def _shape(value: Any) -> str:
        return "(list)" if isinstance(value, list | tuple) else "(one)"

    @staticmethod
    def _kind(value: Any) -> str:
        if isinstance(value, list | tuple):
            return "(list)"
        return "(named)" if isinstance(value, dict) and "type" not in value else "(one)"

    def _dump(self, value: Any, info: SerializationInfo) -> Any:
        if isinstance(value, dict):
            return {key: self._dump(part, info) for key, part in value.items()}
        if isinstance(value, list | tuple):
            return [self._dump(part, info) for part in value]
        return OneOf._dump(value, info) if isinstance(value, Spec) else value

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        one: JsonSchemaValue = {"$ref": REFERENCE + self.choice.registry.kind}
        maybe: JsonSchemaValue = {"anyOf": [one, {"type": "null"}]}
        many: JsonSchemaValue = {"type": "array", "items": one if self.several else maybe}
        value = {"anyOf": [one, {"type": "null"}, many]} if self.several else maybe
        named = {"type": "object", "additionalProperties": value, "not": {"required": ["type"]}}
        return {"anyOf": [one, many, named]}
