"""A recurrence from both ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar, Literal, Self

from pydantic import field_validator, model_validator
from pydantic_core import PydanticCustomError

from nnctl.core.errors import ShapeError
from nnctl.core.shapes import Shape, show
from nnctl.layers.base import Weight, register
from nnctl.layers.context import LayerContext
from nnctl.layers.fields import WithTraining
from nnctl.layers.in_keras import InKeras
from nnctl.layers.recurrent import Recurrent
from nnctl.layers.wrapper import Child, Wrapper, one_or_all
from nnctl.ops.base import Value
from nnctl.ops.elementwise import add, multiply, scale
from nnctl.ops.shape import concatenate, slice_axis

_ALIKE = ("return_sequences", "return_state")
"""What both layers must say alike."""


@register
class Bidirectional(Wrapper, WithTraining):
    """Runs a recurrent layer over a sequence from its start, and another one from its end.

    With return_sequences, a masked step's output is zero, whatever the layers say. Inputs after the sequence
    are the initial states of `layer`, then those of the other one; last states come out in the same order.

    Shapes: x (B, T, I), each layer's output (B, U) or, with return_sequences, (B, T, U), y as one of these,
    with merge_mode concat (..., 2U); each state (B, U).
    Source: keras.layers.Bidirectional (Schuster and Paliwal, 1997).
    """

    keras_only: ClassVar[tuple[str, ...]] = ("weights",)
    in_keras: ClassVar[InKeras] = InKeras(arguments=("sequences",), rest="initial_state", mask="mask")

    merge_mode: Literal["sum", "mul", "concat", "ave"] | None = "concat"
    """How both outputs become one: sum, product or mean, one behind the other, or not at all (null)."""
    backward_layer: Child | None = None
    """The layer that reads from the end; default: one as `layer`, with weights of its own."""

    @field_validator("layer", "backward_layer")
    @classmethod
    def _recurrent(cls, value: Any) -> Any:
        if value is not None and not isinstance(value, Recurrent):
            raise PydanticCustomError(
                "not_recurrent",
                "Bidirectional runs recurrent layers, and {kind} is none",
                {"kind": value.kind},
            )
        return value

    @model_validator(mode="after")
    def _opposed(self) -> Self:
        forward, backward = self.children().values()
        if forward.go_backwards == backward.go_backwards:
            raise PydanticCustomError("not_opposed", "one of both layers must go backwards, and one must not")
        for name in _ALIKE:
            if getattr(forward, name) != getattr(backward, name):
                raise PydanticCustomError("not_alike", "both layers need the same '{name}'", {"name": name})
        return self

    @classmethod
    def takes(cls) -> tuple[int, int | None]:
        return 1, None

    def children(self) -> Mapping[str, Recurrent]:
        backward = self.backward_layer or self.layer.model_copy(update={"go_backwards": True})
        made = {"zero_output_for_mask": self.layer.return_sequences}
        return {
            "forward_layer": self.layer.model_copy(update=made),
            "backward_layer": backward.model_copy(update=made),
        }

    def _by_child(self, initial: Sequence[Any]) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """Each layer with the initial states that are its own: none, or as many as it has."""
        children = self.children()
        count = sum(child.states for child in children.values())
        if initial and len(initial) != count:
            raise ShapeError(
                f"the layers of Bidirectional have {count} initial states, but {len(initial)} are given",
                expected=f"inputs: the sequence, or the sequence and {count} states",
            )
        left = iter(initial)
        for name, child in children.items():
            yield name, tuple(islice(left, child.states))

    def compute_output_shape(self, x: Shape, *initial: Shape) -> Shape | list[Shape]:
        (y, *states), (z, *others) = (
            self.shapes_of(name, x, *given) for name, given in self._by_child(initial)
        )
        merged = [y, z]
        if self.merge_mode == "concat":
            merged = [(*y[:-1], None if y[-1] is None or z[-1] is None else y[-1] + z[-1])]
        elif self.merge_mode is not None:
            if y != z:
                raise ShapeError(
                    f"merge_mode '{self.merge_mode}' needs outputs of one shape, "
                    f"but they are {show(y)} and {show(z)}",
                    field="merge_mode",
                    expected="layers of as many units, or merge_mode: concat",
                )
            merged = [y]
        return one_or_all([*merged, *states, *others])

    def weights(self, x: Shape, *initial: Shape) -> Mapping[str, Weight]:
        return {key: weight for name in self.children() for key, weight in self.weights_of(name, x).items()}

    def call(self, ctx: LayerContext, x: Value, *initial: Value) -> Value | list[Value]:
        (y, *states), (z, *others) = (
            self.outputs_of(ctx, name, x, *given) for name, given in self._by_child(initial)
        )
        if self.layer.return_sequences:
            z = slice_axis(z, 1, z.shape[1] - 1, -1, -1)
        merged = [y, z] if self.merge_mode is None else [_MERGED[self.merge_mode](y, z)]
        return one_or_all([*merged, *states, *others])

    def output_mask(self, ctx: LayerContext, *inputs: Value) -> Value | list[Value | None] | None:
        """A sequence's mask goes on with sequences; states have none."""
        mask = ctx.mask if self.layer.return_sequences else None
        states = sum(child.states for child in self.children().values()) if self.layer.return_state else 0
        return one_or_all([mask] * (2 if self.merge_mode is None else 1) + [None] * states)


_MERGED: dict[str, Callable[[Value, Value], Value]] = {
    "sum": add,
    "mul": multiply,
    "concat": lambda y, z: concatenate([y, z], -1),
    "ave": lambda y, z: scale(add(y, z), 0.5),
}
"""Both outputs as one, by merge_mode."""
