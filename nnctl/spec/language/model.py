"""The `model` section: inputs, layers, outputs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, GetJsonSchemaHandler, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from nnctl.core.spec import ConfigPath, Spec
from nnctl.layers.entry import Entry
from nnctl.layers.input import InputType, Size
from nnctl.spec.language.initial_weights import InitialWeights


class InputSpec(Spec):
    """A model input: a mapping, or just its shape as a list."""

    shape: tuple[Size | None, ...] | None = None
    """The shape without the batch axis, channels last; `null` is a length that varies. Default: read from the
    data."""
    dtype: InputType | None = None
    """The type of its numbers; default: the experiment's."""

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if value is None:
            return {}
        return {"shape": value} if isinstance(value, list | tuple) else value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        mapping = handler.resolve_ref_schema(handler(schema))
        return {"anyOf": [mapping, mapping["properties"]["shape"]]}


class ModelSpec(Spec):
    """What is trained: one list of layers for every model, from a chain to a graph."""

    inputs: dict[str, InputSpec] | None = Field(default=None, min_length=1)
    """The model's inputs by name; default: one input, its shape read from the data."""
    layers: tuple[Entry, ...] | None = Field(default=None, min_length=1)
    """The layers: a name, a mapping with `type`, or `{use: NAME, inputs: ...}`. Each reads the one before it,
    unless its `inputs` names others."""
    outputs: tuple[str, ...] | None = Field(default=None, min_length=1)
    """The names of the model's outputs; default: the last layer."""
    path: ConfigPath | None = None
    """A file (YAML or JSON) that holds `inputs`, `layers` and `outputs`, instead of giving them here."""
    freeze: tuple[str, ...] = ()
    """The layers that training leaves as they are, by name or pattern (`conv*`, `encoder/*`; a nested model's
    name stands for its layers), as if each said `trainable: false`."""
    initial_weights: InitialWeights | None = None
    """A run or a checkpoint whose weights the training starts from; `{from: RUN, layers: [...]}` for those of
    some layers."""

    @field_validator("outputs", "freeze", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _layers_or_path(self) -> ModelSpec:
        if self.path is None and self.layers is None:
            raise PydanticCustomError(
                "no_layers", "a model needs 'layers' (or the 'path' of a file with them)"
            )
        if self.path is not None and (self.layers, self.inputs, self.outputs) != (None, None, None):
            raise PydanticCustomError(
                "path_and_layers",
                "'path' names a file that holds the whole model, so 'inputs', 'layers' and 'outputs' cannot "
                "be given beside it",
                {"field": "path"},
            )
        return self


Seed = Annotated[int, Field(ge=0, lt=2**64)]
"""A number that every random draw follows from."""
