"""From a model's spec to its layer graph: names resolved, shapes inferred, every problem collected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from nnctl.core.errors import ConfigError, Path, Problem, ShapeError, nearest
from nnctl.core.foreign import is_foreign, raised
from nnctl.core.records import record
from nnctl.core.shapes import Shape, show
from nnctl.graph.fillings import weight_problems
from nnctl.graph.freezing import Freezing, is_frozen, with_frozen
from nnctl.graph.model import CallNode, InputInfo, LayerGraph, Ref, WeightInfo, shown_reads
from nnctl.layers.base import Layer, listed
from nnctl.layers.calling import at_parameters
from nnctl.layers.entry import Entry, entry_names
from nnctl.layers.wrapper import Holding
from nnctl.spec.language.model import ModelSpec


@record
class _Held:
    """A layer that may hold others, as these are built: its names, place, and what is true of its call."""

    name: str
    owner: str
    trainable: bool
    inference: bool
    before: str | None
    """What learns before it."""
    path: Path

    def below(self, child: str, path: Path, trainable: bool) -> _Held:
        """The same of a layer in it."""
        names = (f"{self.name}/{child}", f"{self.owner}/{child}")
        return _Held(*names, self.trainable and trainable, self.inference, self.before, (*self.path, *path))


Tensors = tuple[Ref | None, ...]
"""The outputs of a call; None where an error was already reported, so that nothing is reported twice."""


@dataclass
class _Scope:
    """The names that entries of one layer list see."""

    prefix: str
    path: Path
    """Where the scope's container stands; its list is at path + ("layers",)."""
    trainable: bool = True
    inference: bool = False
    """Whether a container around says `training: false`."""
    names: dict[str, Tensors] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    """The owner path of each layer that `use` may name."""


def build(
    spec: ModelSpec,
    signature: Mapping[str, InputInfo] | None = None,
    unknown: frozenset[int] = frozenset(),
) -> LayerGraph:
    """The layer graph of a model.

    Args:
        spec: The model as written.
        signature: What the data offers by input name; used where the model leaves inputs or shapes out.
        unknown: Entries whose problems were reported already; of what reads them, nothing is said or built.

    Raises:
        ConfigError: every problem found; paths are those of the whole config (below "model").
    """
    return _GraphBuilder(spec, dict(signature or {}), unknown).build()


class _GraphBuilder:
    def __init__(self, spec: ModelSpec, signature: dict[str, InputInfo], unknown: frozenset[int]) -> None:
        self.spec = spec
        self.entries = spec.layers or ()
        self.signature = signature
        self.unknown = unknown
        self.graph = LayerGraph()
        self.problems: list[Problem] = []
        self.freezing = Freezing(spec.freeze)
        self.learners: dict[str, str] = {}
        """Of each call with weights to learn in or before it: the last layer that has some."""
        self.inside: _GraphBuilder | None = None
        """Builds the nested models that layers hold, into `graph.held`."""

    def build(self) -> LayerGraph:
        scope = _Scope("", ("model",))
        self._declare_inputs(scope)
        feed: Tensors | None = None
        if len(scope.names) == 1:
            (feed,) = scope.names.values()
        elif self.problems and not scope.names:
            feed = (None,)
        last = self._run(self.entries, scope, feed)
        self._declare_outputs(scope, last)
        self.problems += self.freezing.problems(not self.problems and not self.unknown)
        if self.problems:
            raise ConfigError(self.problems)
        return self.graph

    def _fail(self, message: str, path: Path, **more: Any) -> None:
        self.problems.append(Problem(message, path, **more))

    def _declare_inputs(self, scope: _Scope) -> None:
        """Model inputs: written under `inputs`, as Input layers, or read off the data."""
        written = self.spec.inputs or {}
        for name, given in written.items():
            shape = tuple(given.shape) if given.shape is not None else None
            self._add_input(name, shape, given.dtype, scope, ("model", "inputs", name))
        if not written and not any(e.is_input for e in self.entries):
            if not self.signature:
                self._fail(
                    "the model's inputs are not known", ("model",), expected="inputs: {x: {shape: [...]}}"
                )
            for name, info in self.signature.items():
                self._add_input(name, info.shape, info.dtype, scope, ("model",))

    def _add_input(
        self, name: str, shape: Shape | None, dtype: str | None, scope: _Scope, path: Path
    ) -> None:
        known = self.signature.get(name)
        if self.signature and known is None:
            hint = nearest(name, list(self.signature))
            names = ", ".join(f"'{n}'" for n in self.signature)
            self._fail(
                f"the data gives no input '{name}'; it gives {names}", path, suggestion=hint, at_key=True
            )
        if shape is None and known is not None:
            shape = known.shape
        if shape is None:
            if not self.signature:
                self._fail(f"the shape of input '{name}' is not known", path, expected="shape: [...]")
            scope.names[name] = (None,)
            return
        if known is not None and not _fits(shape, known.shape):
            self._fail(
                f"input '{name}' is declared as {show(shape)}, but the data gives {show(known.shape)}", path
            )
        if 0 in shape:
            self._fail(f"input '{name}' is {show(shape)}: there is nothing in it", path)
        self.graph.inputs[name] = InputInfo(shape, dtype or (known.dtype if known else "float32"))
        scope.names[name] = (Ref(name),)

    def _run(self, entries: Sequence[Entry], scope: _Scope, feed: Tensors | None) -> Tensors:
        """Every entry of one list; the last one's outputs."""
        previous = feed
        names = entry_names(entries, taken=list(scope.names))
        for index, (entry, name) in enumerate(zip(entries, names, strict=True)):
            path = (*scope.path, "layers", index)
            previous = self._entry(entry, name, scope, previous, path)
        return previous if previous is not None else (None,)

    def _entry(self, entry: Entry, name: str, scope: _Scope, previous: Tensors | None, path: Path) -> Tensors:
        if entry.is_input and not scope.prefix:
            self._add_input(name, entry.layer.shape, entry.layer.dtype, scope, path)
            return scope.names[name]
        if not scope.prefix and path[-1] in self.unknown:
            scope.names[name] = (None,)
            scope.entries[name] = entry
            self.freezing.begun(name)
            return scope.names[name]
        inputs = self._inputs(entry, scope, previous, path)
        if entry.use is not None:
            return self._shared(entry, name, scope, inputs, path)
        if name in scope.names:
            self._fail(f"the name '{name}' is taken", (*path, "name"))
        full = scope.prefix + name
        out = self._call(entry.layer, entry, full, full, inputs, scope, path)
        scope.names[name] = out
        scope.entries[name] = entry
        scope.owners[name] = full
        return out

    def _shared(self, entry: Entry, name: str, scope: _Scope, inputs: Tensors | None, path: Path) -> Tensors:
        """`{use: name}`: an earlier layer called again with the same weights."""
        first = scope.entries.get(entry.use or "")
        if first is None or first.layer is None:
            hint = nearest(entry.use or "", list(scope.entries))
            self._fail(f"no layer above is called '{entry.use}'", (*path, "use"), suggestion=hint)
            return (None,)
        owner = scope.owners.get(entry.use or "")
        if owner is None:
            scope.names[name] = (None,)
            return (None,)
        layer = first.layer.called(entry.arguments)
        out = self._call(layer, entry, scope.prefix + name, owner, inputs, scope, path)
        scope.names[name] = out
        return out

    def _inputs(self, entry: Entry, scope: _Scope, previous: Tensors | None, path: Path) -> Tensors | None:
        """What an entry reads; None where that is not known (already reported)."""
        if entry.reads is None:
            if previous is None:
                names = ", ".join(f"'{n}'" for n in scope.names)
                self._fail(
                    "the first layer of a model with several inputs must say which it reads",
                    path,
                    expected=f"inputs: one or more of {names}",
                )
            # A layer with several outputs hands on its first, as Keras's Sequential would need it to.
            return previous[:1] if previous is not None else None
        refs: list[Ref | None] = []
        keys: Iterable[str | int] = entry.input_names or count()
        for at, word in zip(keys, entry.reads, strict=False):
            refs.append(self._resolve(word, scope, (*path, "inputs", at)))
        return tuple(refs)

    def _resolve(self, word: str, scope: _Scope, path: Path) -> Ref | None:
        name, _, which = word.partition(":")
        if name not in scope.names:
            hint = nearest(name, list(scope.names))
            self._fail(f"no input or layer above is called '{name}'", path, suggestion=hint)
            return None
        outputs = scope.names[name]
        if outputs == (None,):
            return None
        index = int(which) if which.isdigit() else 0
        if index >= len(outputs):
            count = len(outputs)
            self._fail(f"'{name}' has {count} output{'s' * (count != 1)}, counted from 0", path)
            return None
        return outputs[index]

    def _call(
        self,
        layer: Layer,
        entry: Entry,
        name: str,
        owner: str,
        inputs: Tensors | None,
        scope: _Scope,
        path: Path,
    ) -> Tensors:
        """One call of a layer or container, as `entry` says it."""
        self.freezing.begun(owner)
        if inputs is None or any(ref is None for ref in inputs):
            return (None,)
        refs = tuple(ref for ref in inputs if ref is not None)
        trainable = scope.trainable and layer.trainable and not is_frozen(owner, self.spec.freeze)
        inference = scope.inference or layer.given_arguments().get("training") is False
        if layer.nests is not None:
            inner = _Scope(name + "/", path, trainable, inference)
            return self._container(layer, name, owner, refs, inner, path)
        kind = type(layer).__name__
        fewest, most = layer.takes()
        if len(refs) < fewest or (most is not None and len(refs) > most):
            wanted = _count(fewest, most)
            named = ", ".join(f"{word}: ..." for word in layer.input_names()[:fewest])
            expected = f"inputs: {{{named}}}" if named else f"inputs: {wanted}"
            self._fail(f"{kind} '{name}' takes {wanted}, {len(refs)} given", path, expected=expected)
            return (None,)
        shapes = tuple(self.graph.shape(ref) for ref in refs)
        given = at_parameters(layer, entry.input_names, shapes)
        layer = with_frozen(layer, owner, self.spec.freeze)
        before = next((self.learners[ref.name] for ref in refs if ref.name in self.learners), None)
        try:
            if not self._holds(layer, given, _Held(name, owner, trainable, inference, before, path)):
                return (None,)
            made = layer.activated_shape(*given)
            weights = layer.weights(*given)
        except ShapeError as error:
            message = f"layer '{name}': {error} (it reads {shown_reads(refs, shapes)})"
            self._fail(message, (*path, *error.path), expected=error.expected)
            return (None,)
        except Exception as error:
            if not is_foreign(layer):
                raise
            self._fail(f"layer '{name}': {raised(layer, error)}", path)
            return (None,)
        outputs = tuple(listed(made))
        if owner == name:
            # Weights to start from may hold what it would find.
            known = self.spec.initial_weights is not None
            if layer.adapts() and not known and refs[0].name not in self.graph.inputs:
                self._fail(
                    f"{kind} '{name}' finds its statistics in an input of the model, but it reads the layer "
                    f"'{refs[0].name}'",
                    path,
                    expected="an input for it to read, or its statistics in the config",
                )
            self.freezing.built(owner, bool(weights))
            self.problems += weight_problems(layer, name, weights, path)
            for key, weight in weights.items():
                full = f"{owner}/{key}"
                self.graph.weights[full] = WeightInfo(
                    full, owner, key, weight, trainable and weight.trainable
                )
        elif not self._same_weights(owner, {k: w.shape for k, w in weights.items()}, path, refs, shapes):
            return (None,)
        mixers = self._mixers(layer, name, refs, path)
        mixers += (name,) if layer.mixes_examples and not inference else ()
        node = CallNode(
            name, layer, owner, refs, shapes, outputs, trainable, path, entry.input_names, inference, mixers
        )
        self._note_learner(node, before, any(weight.trainable for weight in weights.values()))
        self.graph.calls[name] = node
        return tuple(Ref(name, i) for i in range(len(outputs)))

    def _mixers(self, layer: Layer, name: str, refs: tuple[Ref, ...], path: Path) -> tuple[str, ...]:
        """What has mixed the examples that a call reads; a problem where that is not the same for all."""
        first, *others = refs
        found = self.graph.mixers(first)
        for other in others:
            if self.graph.mixers(other) != found:
                mixed, plain = (first, other) if found else (other, first)
                mixer = self.graph.mixers(mixed)[-1]
                self._fail(
                    f"{layer.kind} '{name}' joins '{mixed.name}', whose examples '{mixer}' has mixed, with "
                    f"'{plain.name}', where it has not mixed the same ones",
                    path,
                    expected=f"'{mixer}' before whatever both are made of",
                )
                break
        return found

    def _holds(self, layer: Layer, given: Sequence[Any], held: _Held) -> bool:
        """Build the nested models that a layer holds; whether there is no problem in them.

        Raises:
            ShapeError: the layer cannot take the shapes `given`.
        """
        if not isinstance(layer, Holding):
            return True
        count = len(self.problems)
        for child, inner in layer.children().items():
            below = held.below(child, layer.path_of(child), inner.trainable)
            if inner.nests is None:
                with layer.within(child):
                    self._holds(inner, layer.given_to(child, *given), below)
                self._check_gradient(inner, below.name, held.before, held.inference, below.path)
                continue
            builder = self.inside or self._builder_inside()
            refs = []
            for at, shape in enumerate(layer.given_to(child, *given)):
                refs.append(Ref(f"{below.name}:{at}" if at else below.name))
                builder.graph.inputs[refs[-1].name] = InputInfo(shape, "float32")
                if held.before is not None:
                    builder.learners[refs[-1].name] = held.before
            self.freezing.begun(below.owner)
            scope = _Scope(below.name + "/", below.path, below.trainable, below.inference)
            builder._container(inner, below.name, below.owner, tuple(refs), scope, below.path)
        return len(self.problems) == count

    def _builder_inside(self) -> _GraphBuilder:
        """The builder of what layers hold; its problems are this one's."""
        self.inside = _GraphBuilder(self.spec, {}, frozenset())
        self.inside.problems, self.inside.freezing = self.problems, self.freezing
        self.graph.held = self.inside.graph
        return self.inside

    def _check_gradient(
        self, layer: Layer, name: str, before: str | None, inference: bool, path: Path
    ) -> None:
        """A problem where what learns before a layer gets no gradient through it."""
        # What changes its input only while training leaves it as it is in inference.
        rests = inference and "training" in layer.call_arguments()
        if before is not None and not layer.passes_gradient and not rests:
            self._fail(
                f"{layer.kind} '{name}' passes no gradient on, so that '{before}' before it would not learn",
                path,
                expected="only layers without weights before it, or ones that are not trainable",
            )

    def _note_learner(self, node: CallNode, before: str | None, has_weights: bool) -> None:
        """Keep in mind what learns in or before a call; a problem where no gradient gets there."""
        self._check_gradient(node.layer, node.name, before, node.inference, node.path)
        learner = node.owner if node.trainable and has_weights else before
        if learner is not None:
            self.learners[node.name] = learner

    def _same_weights(
        self,
        owner: str,
        shapes: Mapping[str, tuple[int, ...]],
        path: Path,
        refs: tuple[Ref, ...],
        given: tuple[Shape, ...],
    ) -> bool:
        """Does a shared layer's second input fit the weights its first one made?"""
        for info in self.graph.weights_of(owner):
            if shapes.get(info.field) != info.weight.shape:
                first = self.graph.node(owner)
                before = shown_reads(first.inputs, first.input_shapes)
                self._fail(
                    f"'{owner}' was built on {before}, with a {info.field} of {show(info.weight.shape)}; "
                    f"on {shown_reads(refs, given)} it would need {show(shapes.get(info.field, ()))}",
                    path,
                    expected=f"an input like {before}, or an entry of its own, with weights of its own",
                )
                return False
        return True

    def _container(
        self,
        layer: Layer,
        name: str,
        owner: str,
        refs: tuple[Ref, ...],
        scope: _Scope,
        path: Path,
    ) -> Tensors:
        """A nested model: its entries, in a scope of their own. A shared one runs its entries again."""
        entries: tuple[Entry, ...] = layer.entries()
        declared = [e.layer for e in entries if e.is_input]
        if declared and len(declared) != len(refs):
            self._fail(f"'{name}' declares {_count(len(declared), len(declared))}, {len(refs)} given", path)
            return (None,)
        feeds = iter(refs)
        names = entry_names(entries)
        previous: Tensors | None = tuple(refs) if not declared and len(refs) == 1 else None
        for index, (entry, key) in enumerate(zip(entries, names, strict=True)):
            at = (*path, "layers", index)
            if entry.is_input:
                ref = next(feeds)
                shape = self.graph.shape(ref)
                declared_shape = entry.layer.shape
                if declared_shape is not None and not _fits(declared_shape, shape):
                    self._fail(
                        f"the input '{key}' of '{name}' is declared as {show(declared_shape)}, but "
                        f"'{ref.name}' {show(shape)} comes in",
                        at,
                        expected=f"an input of {show(declared_shape)}",
                    )
                    return (None,)
                previous = (ref,)
                scope.names[key] = previous
                continue
            shared_owner = None if name == owner else f"{owner}/{key}"
            previous = self._inner(entry, key, scope, previous, at, shared_owner)
        words = layer.output_names()
        if words:
            previous = tuple(self._resolve(w, scope, (*path, "outputs", i)) for i, w in enumerate(words))
        self.freezing.built(owner, False)
        return previous if previous is not None else (None,)

    def _inner(
        self, entry: Entry, name: str, scope: _Scope, previous: Tensors | None, path: Path, owner: str | None
    ) -> Tensors:
        """An entry inside a container; `owner` is the first call's layer where the container is shared."""
        if owner is None or entry.use is not None:
            return self._entry(entry, name, scope, previous, path)
        inputs = self._inputs(entry, scope, previous, path)
        out = self._call(entry.layer, entry, scope.prefix + name, owner, inputs, scope, path)
        scope.names[name] = out
        scope.entries[name] = entry
        scope.owners[name] = owner
        return out

    def _declare_outputs(self, scope: _Scope, last: Tensors) -> None:
        words = self.spec.outputs
        if isinstance(words, str):
            words = [words]
        if not words:
            (ref, *_) = last
            if ref is not None:
                # By the entry's name: of a nested model as well, whose last layer has a longer one.
                name = next((n for n, outputs in reversed(scope.names.items()) if outputs is last), ref.name)
                self.graph.outputs[name] = ref
            return
        for at, word in enumerate(words):
            ref = self._resolve(word, scope, ("model", "outputs", at))
            if ref is not None:
                self.graph.outputs[word] = ref


def _fits(declared: Shape, given: Shape) -> bool:
    """Can a tensor of shape `given` be fed where `declared` stands?"""
    return len(declared) == len(given) and all(
        d is None or g is None or d == g for d, g in zip(declared, given, strict=True)
    )


def _count(least: int, most: int | None) -> str:
    if most == least:
        return f"{least} input{'s' * (least != 1)}"
    return f"at least {least} inputs" if most is None else f"{least} to {most} inputs"
