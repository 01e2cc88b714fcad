"""`model.initial_weights`: a run whose weights the training starts from, all of them or those of layers."""

from __future__ import annotations

from typing import Any

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    SerializationInfo,
    create_model,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from nnctl.core.spec import ConfigPath, Spec, rebased


class _Layers(Spec):
    """A run, or a run and which of the layers start from it."""

    layers: tuple[str, ...] | None = Field(default=None, min_length=1)
    """The layers that start from the run's, by name or pattern (`conv*`, `encoder/*`; a nested model's name
    stands for its layers). What a pattern matches and does not fit stays new. Default: all must fit."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        return {"from": value} if isinstance(value, str) else value

    @model_serializer(mode="plain")
    def _as_written(self, info: SerializationInfo) -> Any:
        path = rebased(self.path, info)
        return path if self.layers is None else {"from": path, "layers": list(self.layers)}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        mapping = {
            "type": "object",
            "properties": {
                "from": {"type": "string", "description": FROM},
                "layers": {"type": ["array", "null"], "items": {"type": "string"}, "minItems": 1},
            },
            "required": ["from"],
            "additionalProperties": False,
        }
        return {"anyOf": [{"type": "string"}, mapping]}

    @property
    def path(self) -> str:
        """The run or checkpoint."""
        path: str = getattr(self, "from")
        return path


FROM = "A run or a checkpoint; relative to the config, or a name under `runs/`."

# `from` is a word of Python's: no class can be written with a field of that name.
InitialWeights = create_model(
    "InitialWeights", __base__=_Layers, __module__=__name__, **{"from": (ConfigPath, Field(description=FROM))}
)  # type: ignore[call-overload]
InitialWeights.__doc__ = _Layers.__doc__
