"""A model of its own inside a model, as one layer."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from nnctl.layers.base import register
from nnctl.layers.entry import Entry
from nnctl.layers.nested import Nested


@register
class Functional(Nested):
    """A graph of layers inside a model, with a namespace of its own.

    Its inputs are its `{type: Input, name: ...}` entries, in order: the first takes the first of the names in
    the entry's `inputs`, and so on. Without any, the first layer reads the entry's only input.
    Source: keras.Model(inputs, outputs).
    """

    nests: ClassVar[Literal["chain", "graph"] | None] = "graph"

    layers: tuple[Entry, ...] = Field(min_length=1)
    """The entries, with the grammar of `model.layers`; `inputs` and `use` name entries of this list."""
    outputs: tuple[str, ...] | None = Field(default=None, min_length=1)
    """The names of the entries whose outputs are this layer's outputs; default: the last entry."""

    @field_validator("outputs", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    def entries(self) -> tuple[Entry, ...]:
        return self.layers

    def output_names(self) -> tuple[str, ...] | None:
        return self.outputs
