"""A model as Keras sees it: layers by name, each with its calls; a nested model has a scope of its own.

The layer graph has containers taken apart; here they stand again, so that a Keras user finds the model that
was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, NamedTuple

from nnctl.core.errors import ConfigError, Problem
from nnctl.core.registry import snake_case
from nnctl.core.shapes import Shape, show
from nnctl.formats.keras.masks import MaskSource, check_masks_stay, mask_sources
from nnctl.formats.structure import declared_inputs
from nnctl.graph.freezing import is_frozen
from nnctl.graph.model import CallNode, InputInfo, LayerGraph, Ref
from nnctl.layers.base import Layer
from nnctl.layers.entry import Entry, entry_names, free_name
from nnctl.spec.language.model import ModelSpec


class Tensor(NamedTuple):
    """Output number `output` of call number `call` of the layer called `layer`."""

    layer: str
    call: int = 0
    output: int = 0


@dataclass
class Member:
    """One layer of a scope.

    Attributes:
        layer: Its spec; None for an input.
        path: Its path in the layer graph, which names its weights.
        trainable: Whether it and all around it are.
        calls: What each call reads; an input has one call that reads nothing.
        entries: The name and the place in the list of the entry of each call.
        named: Keras's names for what a call reads, where it takes the inputs by name (by call number).
        arguments: The arguments of a call that are not at their defaults (by call number).
        masks: The tensor of indices whose zeros mask a call, where Keras must be told (by call number).
        inner: For a nested model: what is in it.
        held: The nested models that the layer holds, by their place below it ("layer").
        shape, dtype: For an input.
        class_name: What Keras's file calls its class, where that is not the layer's.
    """

    name: str
    layer: Layer | None
    path: str
    trainable: bool = True
    calls: list[tuple[Tensor, ...]] = field(default_factory=list)
    entries: list[tuple[str, int]] = field(default_factory=list)
    named: dict[int, tuple[str, ...]] = field(default_factory=dict)
    arguments: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    masks: dict[int, Tensor] = field(default_factory=dict)
    inner: Scope | None = None
    held: dict[str, Member] = field(default_factory=dict)
    shape: Shape = ()
    dtype: str = ""
    class_name: str = ""

    @property
    def is_input(self) -> bool:
        """Whether data enters here."""
        return self.layer is None


@dataclass
class Scope:
    """A model's or a nested model's layers, in the order of the config; inputs first."""

    parts: dict[str, Member] = field(default_factory=dict)
    outputs: list[Tensor] = field(default_factory=list)
    shapes: dict[Tensor, Shape] = field(default_factory=dict)
    refs: dict[Tensor, Ref] = field(default_factory=dict)
    """What each tensor is in the layer graph."""
    order: tuple[str, ...] = ()
    """The layers as a file that Keras wrote lists them: the order in which it keeps them."""

    @property
    def inputs(self) -> list[Member]:
        """The parts where data enters."""
        return [part for part in self.parts.values() if part.is_input]

    def add_input(self, name: str, shape: Shape, dtype: str, ref: Ref) -> tuple[Tensor, ...]:
        """A new input; its tensor."""
        self.parts[name] = Member(name, None, name, calls=[()], shape=shape, dtype=dtype)
        self.shapes[Tensor(name)], self.refs[Tensor(name)] = shape, ref
        return (Tensor(name),)


def read_scope(spec: ModelSpec, graph: LayerGraph, dtype: str) -> Scope:
    """The whole model as a scope.

    Args:
        spec: The model as written.
        graph: What was built of it.
        dtype: The experiment's, which float inputs have.
    """
    entries = spec.layers or ()
    names = entry_names(entries, declared_inputs(spec, graph))
    reader = _Reader(graph, dtype, spec.freeze)
    scope = Scope()
    for name, info in graph.inputs.items():
        kind = dtype if info.dtype.startswith("float") else info.dtype
        scope.add_input(name, info.shape, kind, Ref(name))
    known: dict[str, tuple[Tensor, ...]] = {part.name: (Tensor(part.name),) for part in scope.inputs}
    feed = next(iter(known.values())) if len(known) == 1 else ()
    frame = _Frame(scope, "", True, known)
    last = reader.run(entries, names, frame, feed)
    scope.outputs = [frame.tensor(word) for word in spec.outputs] if spec.outputs else list(last[:1])
    return scope


@dataclass
class _Frame:
    """The names that the entries of one list see while it is read."""

    scope: Scope
    prefix: str
    trainable: bool
    known: dict[str, tuple[Tensor, ...]]

    def tensor(self, word: str) -> Tensor:
        name, _, index = word.partition(":")
        return self.known[name][int(index or 0)]


class _Reader:
    def __init__(self, graph: LayerGraph, dtype: str, freeze: Sequence[str]) -> None:
        self.nodes: dict[str, CallNode] = {}
        self.inputs: dict[str, InputInfo] = {}
        self.masks: dict[Ref, MaskSource] = {}
        level: LayerGraph | None = graph
        while level is not None:
            self.nodes |= level.calls
            self.inputs |= level.inputs
            self.masks |= mask_sources(level)
            check_masks_stay(level)
            level = level.held
        self.dtype = dtype
        self.freeze = freeze

    def run(
        self, entries: Sequence[Entry], names: Sequence[str], frame: _Frame, previous: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        """Every entry of a list; the last one's tensors."""
        for place, (entry, name) in enumerate(zip(entries, names, strict=True)):
            if not entry.is_input:
                words = entry.reads
                reads = previous[:1] if words is None else tuple(frame.tensor(word) for word in words)
                frame.known[name] = self._call(entry, name, frame, reads)
                frame.scope.parts[entry.use or name].entries.append((name, place))
            previous = frame.known[name]
        return previous

    def _call(self, entry: Entry, name: str, frame: _Frame, reads: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """One call of a new layer, or of one above; its tensors."""
        full = frame.prefix + name
        part = frame.scope.parts.get(entry.use or name)
        if part is None:
            trainable = frame.trainable and entry.layer.trainable and not is_frozen(full, self.freeze)
            part = Member(name, entry.layer, full, trainable)
            frame.scope.parts[name] = part
        assert part.layer is not None
        call = len(part.calls)
        layer = part.layer if entry.use is None else part.layer.called(entry.arguments)
        if layer.given_arguments():
            part.arguments[call] = layer.given_arguments()
        if layer.input_names():
            named = dict(zip(entry.input_names or layer.input_names(), reads, strict=False))
            order = in_order(layer, named)
            reads = tuple(named[word] for word in order)
            if layer.in_keras.arguments:
                part.named[call] = order
        part.calls.append(reads)
        if part.layer is not None and part.layer.nests:
            inner = self._inner(part, full, frame.scope, reads)
            given = [(inner.shapes[tensor], inner.refs[tensor]) for tensor in inner.outputs]
        else:
            given = [(shape, Ref(full, i)) for i, shape in enumerate(self.nodes[full].output_shapes)]
            self._tell_mask(part, call, frame.scope)
            self._read_held(part, full, layer, "", part.trainable)
        made = tuple(Tensor(part.name, call, index) for index in range(len(given)))
        for tensor, (shape, ref) in zip(made, given, strict=True):
            frame.scope.shapes[tensor], frame.scope.refs[tensor] = shape, ref
        return made

    def _read_held(self, part: Member, full: str, layer: Layer, place: str, trainable: bool) -> None:
        """Read the nested models in `layer`, `part`'s own or one that it holds, as this call sees them."""
        for child, held in layer.children().items():
            at = f"{place}/{child}".removeprefix("/")
            trains = trainable and held.trainable
            if held.nests is None:
                self._read_held(part, full, held, at, trains)
                continue
            path = f"{part.path}/{at}"
            name = held.name or snake_case(held.kind)
            trains = trains and not is_frozen(path, self.freeze)
            member = part.held.setdefault(at, Member(name, held, path, trains))
            # What a layer hands on to one that it holds is read here as an input of a model around that one.
            around, called = Scope(), f"{full}/{at}"
            dtype = self.dtype if held.looks_up() is None else "int32"
            reads = [
                tensor
                for name, info in self.inputs.items()
                if name.partition(":")[0] == called
                for tensor in around.add_input(name, info.shape, dtype, Ref(name))
            ]
            self._inner(member, called, around, tuple(reads))

    def _tell_mask(self, part: Member, call: int, scope: Scope) -> None:
        """Note the mask of a call with several arguments, where Keras would drop it."""
        sequence, *others = part.calls[call]
        source = self.masks.get(scope.refs[sequence])
        if part.layer is None or part.layer.in_keras.mask is None or not others or source is None:
            return
        found = [tensor for tensor, ref in scope.refs.items() if ref == source]
        if not found:
            message = f"Keras would drop the mask of layer '{part.name}', which starts from given states"
            raise ConfigError(Problem(message, expected="an Embedding with mask_zero beside that layer"))
        part.masks[call] = found[0]

    def _inner(self, part: Member, full: str, outer: Scope, reads: tuple[Tensor, ...]) -> Scope:
        """Read a nested model as this call sees it. The first call defines it."""
        layer = part.layer
        assert layer is not None
        entries: tuple[Entry, ...] = layer.entries()
        names = entry_names(entries)
        scope = Scope()
        wanted = [n for n, e in zip(names, entries, strict=True) if e.is_input]
        if wanted:
            feeds = dict(zip(wanted, reads, strict=True))
        else:
            feeds = {free_name("input", names): reads[0]}
        known = {
            name: scope.add_input(name, outer.shapes[t], self._dtype(outer, t), outer.refs[t])
            for name, t in feeds.items()
        }
        frame = _Frame(scope, full + "/", part.trainable, known)
        last = self.run(entries, names, frame, known[next(iter(feeds))])
        words = layer.output_names()
        scope.outputs = [frame.tensor(word) for word in words] if words else list(last)
        if part.inner is None:
            part.inner = scope
        else:
            _widen(part, part.inner, scope)
        return scope

    def _dtype(self, scope: Scope, tensor: Tensor) -> str:
        part = scope.parts[tensor.layer]
        return part.dtype if part.is_input else self.dtype


def in_order(layer: Layer, given: Iterable[str]) -> tuple[str, ...]:
    """Names of inputs as Keras lists a call's: those that have a place, then the others sorted."""
    left = set(given)
    placed = tuple(takewhile(left.__contains__, by_place(layer)))
    return (*placed, *sorted(left - set(placed)))


def by_place(layer: Layer) -> tuple[str, ...]:
    """The names of the inputs that are given to Keras's call, or listed there, by their places."""
    return layer.in_keras.arguments or layer.input_names()


def _widen(model: Member, scope: Scope, other: Scope) -> None:
    """Let the inputs of `scope` take those of `other` too: lengths that differ vary.

    Raises:
        ConfigError: they have not even as many axes, which an input of Keras must have.
    """
    for part, seen in zip(scope.parts.values(), other.parts.values(), strict=True):
        if part.is_input:
            if len(part.shape) != len(seen.shape):
                called = f"called on {show(part.shape)} and on {show(seen.shape)}"
                message = (
                    f"Keras's nested models take inputs of one number of axes, but '{model.name}' is {called}"
                )
                way = (
                    f"another format; or the layers of '{model.name}' in the model itself, and `use` for each"
                )
                raise ConfigError(Problem(message, expected=way))
            part.shape = tuple(n if n == m else None for n, m in zip(part.shape, seen.shape, strict=True))
        if part.inner is not None and seen.inner is not None:
            _widen(part, part.inner, seen.inner)
