"""A model as one layer: how its entries are called where another layer holds it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, TypeVar

from nnctl.core.errors import Path
from nnctl.core.ranges import Range
from nnctl.core.shapes import Shape
from nnctl.layers.base import Layer, Weight, listed
from nnctl.layers.calling import at_parameters, call_layer
from nnctl.layers.context import LayerContext, Masked
from nnctl.layers.entry import Entry, entry_names
from nnctl.layers.fields import WithTraining
from nnctl.layers.wrapper import Holding, one_or_all
from nnctl.ops.base import Value

T = TypeVar("T")

CallLayer = Callable[[Layer, LayerContext, Sequence[str], Sequence[Masked]], list[Masked]]
"""What calls a layer: `calling.call_layer`, or what does more."""


class Call(NamedTuple):
    """One call of a layer in a nested model.

    Attributes:
        name: The call's own, which names its random streams.
        child: Which layer it calls: that of an entry above, where the entry says `use`.
        layer: The layer with the arguments of this call.
        input_names: The layer's names for its inputs, where the entry says them.
    """

    name: str
    child: str
    layer: Layer
    input_names: tuple[str, ...]


class Nested(Holding, WithTraining):
    """What Sequential and Functional share.

    Where one stands in a model, the graph takes it apart (`graph.build`), and these methods are not asked.
    Where another layer holds it, the graph has looked at it in the same way before they are.
    """

    any_dtype: ClassVar[bool] = True

    def entries(self) -> tuple[Entry, ...]:
        raise NotImplementedError

    def children(self) -> Mapping[str, Layer]:
        named = zip(entry_names(self.entries()), self.entries(), strict=True)
        return {name: entry.layer for name, entry in named if entry.use is None and not entry.is_input}

    def path_of(self, child: str) -> Path:
        return ("layers", entry_names(self.entries()).index(child))

    def needs(self) -> int:
        return max(1, sum(entry.is_input for entry in self.entries()))

    def calls_again(self) -> bool:
        """Whether one of its layers is called several times."""
        return any(entry.use is not None for entry in self.entries())

    def walk(self, given: Sequence[T], call: Callable[[Call, list[T]], list[T]]) -> list[T]:
        """What comes out where `given` comes in: shapes, tensors, or whatever `call` makes outputs of.

        Args:
            call: The outputs of one call, from what it reads.
        """
        names, feeds, known = entry_names(self.entries()), iter(given), dict[str, list[T]]()
        children, previous = self.children(), list(given)

        def found(word: str) -> T:
            name, _, output = word.partition(":")
            return known[name][int(output or 0)]

        for name, entry in zip(names, self.entries(), strict=True):
            if entry.is_input:
                previous = [next(feeds)]
            else:
                layer = entry.layer if entry.use is None else children[entry.use].called(entry.arguments)
                reads = previous[:1] if entry.reads is None else list(map(found, entry.reads))
                previous = call(Call(name, entry.use or name, layer, entry.input_names), reads)
            known[name] = previous
        return list(map(found, self.output_names() or ())) or previous

    def compute_output_shape(self, *inputs: Shape) -> Shape | list[Shape]:
        return one_or_all(self.walk(inputs, self._shapes))

    def _shapes(self, call: Call, reads: Sequence[Shape]) -> list[Shape]:
        with self.within(call.child):
            return listed(call.layer.activated_shape(*at_parameters(call.layer, call.input_names, reads)))

    def weights(self, *inputs: Shape) -> Mapping[str, Weight]:
        found: dict[str, Weight] = {}

        def shapes(call: Call, reads: list[Shape]) -> list[Shape]:
            if call.name == call.child:
                found.update(self.weights_of(call.child, *at_parameters(call.layer, call.input_names, reads)))
            return self._shapes(call, reads)

        self.walk(inputs, shapes)
        return found

    def run(self, ctx: LayerContext, given: Sequence[Masked], call_one: CallLayer) -> list[Masked]:
        """The outputs, where each layer is called by `call_one`."""

        def called(call: Call, reads: list[Masked]) -> list[Masked]:
            inside = ctx.inside(call.child, call.layer)
            training = ctx.training and call.layer.given_arguments().get("training") is not False
            inside = replace(inside, path=f"{ctx.path}/{call.name}", training=training)
            return call_one(call.layer, inside, call.input_names, reads)

        return self.walk(given, called)

    def applied(self, ctx: LayerContext, *inputs: Any, **named: Any) -> list[Masked]:
        return self.run(ctx, list(zip(inputs, ctx.masks, strict=True)), call_layer)

    def call(self, ctx: LayerContext, *inputs: Value) -> Value | list[Value]:
        return one_or_all([y for y, _ in self.applied(ctx, *inputs)])

    def output_mask(self, ctx: LayerContext, *inputs: Value) -> Value | list[Value | None] | None:
        return one_or_all([mask for _, mask in self.applied(ctx, *inputs)])

    def _last(self) -> Layer:
        """The layer whose output comes out."""
        names = entry_names(self.entries())
        word, *_ = self.output_names() or names[-1:]
        entry = self.entries()[names.index(word.partition(":")[0])]
        return entry.layer if entry.use is None else self.children()[entry.use]

    def output_range(self, *inputs: Range | None) -> Range | None:
        last = self._last()
        return None if last.is_input else last.output_range(*[None] * last.needs())

    def softmax_axis(self) -> int | None:
        return self._last().softmax_axis()

    def looks_up(self) -> tuple[Path, int] | None:
        """What its first layer looks up, as in a model (`graph.wanted`)."""
        for index, entry in enumerate(self.entries()):
            if not entry.is_input:
                found = entry.layer.looks_up()
                return found and (("layers", index, *found[0]), found[1])
        return None
