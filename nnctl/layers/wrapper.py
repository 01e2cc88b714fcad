"""Layers that hold other layers: what they say of their children, and how they call them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import Path, ShapeError
from nnctl.core.shapes import Shape
from nnctl.core.spec import OneOf
from nnctl.layers.base import Layer, Weight, layers, listed
from nnctl.layers.context import LayerContext
from nnctl.ops.base import Value

T = TypeVar("T")


def _held(layer: Any) -> Any:
    """A layer that another can hold; a pydantic error for what stands in a model only."""
    for inside in layer.family():
        if inside.is_input or inside.mixes_examples:
            message = "{kind} cannot be inside another layer"
            raise PydanticCustomError("not_held", message, {"kind": inside.kind})
        if inside.adapts():
            message = "{kind} finds its statistics in an input of the model, so no layer can be around it"
            raise PydanticCustomError("not_held", message, {"kind": inside.kind})
    for name in layer.given_arguments():
        context = {"name": name, "kind": layer.kind}
        raise PydanticCustomError(
            "not_held", "'{name}' is said of a call, and the layer around {kind} calls it", context
        )
    return layer


Child = Annotated[Any, OneOf(layers), AfterValidator(_held)]
"""A field that takes a layer: a name, or a mapping with `type`."""


class Holding(Layer):
    """A layer that calls the layers that it holds (`children`), each with weights and streams of its own.

    A child's weights and streams are named after it: "forward_layer/kernel".
    """

    def path_of(self, child: str) -> Path:
        """Where a child is written in the config."""
        return (child,)

    def given_to(self, child: str, *inputs: Shape) -> tuple[Shape, ...]:
        """The shapes of what a child reads; default: those of this layer's inputs. Raises ShapeError."""
        return inputs

    @contextmanager
    def within(self, child: str) -> Iterator[None]:
        """What does not fit a child is said of the field where it is written."""
        try:
            yield
        except ShapeError as error:
            error.path = (*self.path_of(child), *error.path)
            raise

    def shapes_of(self, child: str, *inputs: Shape) -> list[Shape]:
        """The shapes of a child's outputs."""
        with self.within(child):
            return listed(self.children()[child].activated_shape(*inputs))

    def weights_of(self, child: str, *inputs: Shape | None) -> dict[str, Weight]:
        """A child's weights under their names here."""
        layer = self.children()[child]
        with self.within(child):
            found = layer.weights(*inputs)
        return {
            f"{child}/{name}": replace(weight, trainable=weight.trainable and layer.trainable)
            for name, weight in found.items()
        }

    def outputs_of(self, ctx: LayerContext, child: str, *inputs: Value) -> list[Value]:
        """A call of a child, with this call's masks."""
        layer = self.children()[child]
        return listed(layer.call(ctx.inside(child, layer), *inputs))


class Wrapper(Holding):
    """A layer around another one."""

    layer: Child
    """The layer that is called: a name, or a mapping as in `layers`."""

    def children(self) -> Mapping[str, Layer]:
        return {"layer": self.layer}

    def path_of(self, child: str) -> Path:
        return (child if getattr(self, child, None) is not None else "layer",)


def one_or_all(outputs: list[T]) -> T | list[T]:
    """One output, or shape of an output, as itself; several as a list."""
    return outputs if len(outputs) > 1 else outputs[0]
