"""Layers one after the other, as one layer."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from nnctl.layers.base import register
from nnctl.layers.entry import Entry
from nnctl.layers.nested import Nested


@register
class Sequential(Nested):
    """A chain of layers inside a model; each reads the one before it, the first reads the entry's input.

    The graph takes it apart: its layers stand in the model under `name/`.
    Source: keras.Sequential.
    """

    nests: ClassVar[Literal["chain", "graph"] | None] = "chain"

    layers: tuple[Entry, ...] = Field(min_length=1)
    """The layers, in order: names or mappings as in `model.layers`, without `inputs` or `use`."""

    def entries(self) -> tuple[Entry, ...]:
        return self.layers
