"""Which weight lies where in Keras's `model.weights.h5`.

Groups are named by class and counted in the order in which Keras keeps a model's layers, not by layer names.
Source: keras.src.saving.saving_lib._save_state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from nnctl.core.arrays import Array
from nnctl.core.records import record
from nnctl.core.registry import snake_case
from nnctl.formats.keras.model import becomes_chain, is_chain
from nnctl.formats.keras.order import ordered
from nnctl.formats.keras.scopes import Member, Scope
from nnctl.graph.model import LayerGraph
from nnctl.layers.base import Layer


@record
class KerasWeight:
    """A weight where Keras has it.

    Attributes:
        name: Its full name in the layer graph.
        path: Where it lies in the file of weights.
        layer: How Keras's path of the variable begins: up to the layer that has it or holds what has it.
    """

    name: str
    shape: tuple[int, ...]
    path: str
    layer: str

    @property
    def own_name(self) -> str:
        """What Keras's path of the variable ends in."""
        return self.name.rpartition("/")[2]

    @property
    def variable(self) -> str:
        """Keras's path of the variable; a layer that holds others has more in the middle."""
        return f"{self.layer}/{self.own_name}"


def keras_weights(scope: Scope, graph: LayerGraph, weights: Mapping[str, Array]) -> dict[str, Array]:
    """The weights by their paths in the file.

    Args:
        weights: By their full names in the layer graph.
    """
    return {path: weights[name] for path, name in keras_paths(scope, graph).items()}


def keras_paths(scope: Scope, graph: LayerGraph) -> dict[str, str]:
    """The weights' full names in the layer graph, by their paths in the file."""
    return {at.path: at.name for part in _parts(scope, "") for at in part.weights(graph)}


def by_layer(scope: Scope, graph: LayerGraph, name: str) -> dict[str, list[KerasWeight]]:
    """The weights of each layer of a model called `name`, in Keras's order; none is there twice."""
    found: dict[str, list[KerasWeight]] = {}
    for part in _parts(scope, name):
        own: dict[str, KerasWeight] = {}
        for at in part.weights(graph):
            own.setdefault(at.name, at)
        found[part.member.name] = list(own.values())
    return found


def configure(scope: Scope, weights: Mapping[str, Array]) -> None:
    """Put weights that Keras has in the config there."""
    for part in scope.parts.values():
        if part.inner is not None:
            configure(part.inner, weights)
            continue
        for member in part.held.values():
            assert member.inner is not None
            configure(member.inner, weights)
        if part.layer is not None:
            names = {field: f"{part.path}/{field}" for field in part.layer.in_keras.configured}
            found = {field: weights[n] for field, n in names.items() if n in weights}
            if found:
                part.layer = part.layer.model_copy(update=dict(part.layer.configured(found)))


@record
class _Part:
    """A layer where Keras keeps it: the group of its weights, and how its variables' paths begin."""

    member: Member
    group: str
    around: str

    def weights(self, graph: LayerGraph) -> Iterator[KerasWeight]:
        """Its weights in Keras's order: its own, then those of what it holds."""
        part = self.member
        if part.inner is not None:
            for inner in _parts(part.inner, part.name, becomes_chain(part), f"{self.group}/layers"):
                yield from inner.weights(graph)
            return
        assert part.layer is not None
        infos = {info.field: info for info in graph.weights_of(part.path)}
        configured, held = part.layer.in_keras.configured, tuple(f"{place}/" for place in part.held)
        infos = {k: n for k, n in infos.items() if k not in configured and not k.startswith(held)}
        places = own_paths(part.layer, list(infos))
        for place in own_first(places):
            info, path = infos[places[place]], f"{self.group}/{place}"
            yield KerasWeight(info.name, info.weight.shape, path, f"{self.around}{part.name}")
        for place, member in part.held.items():
            assert member.inner is not None
            assert graph.held is not None
            for inner in _parts(
                member.inner, member.name, becomes_chain(member), f"{self.group}/{place}/layers"
            ):
                yield from inner.weights(graph.held)


def _parts(scope: Scope, name: str, chain: bool | None = None, group: str = "layers") -> Iterator[_Part]:
    """The layers of a model in Keras's order.

    Args:
        name: The model's; a Sequential's stands in its variables' paths.
        chain: Whether it becomes a Sequential; None: if it can.
        group: Below which its layers' groups are.
    """
    chain = is_chain(scope) if chain is None else chain
    counts: Counter[str] = Counter()
    for part in scope.parts.values() if chain else ordered(scope):
        if not part.is_input:
            kind = snake_case(_class_name(part))
            count = counts[kind]
            counts[kind] += 1
            yield _Part(part, f"{group}/{kind}" + f"_{count}" * (count > 0), f"{name}/" if chain else "")


def own_first(places: Iterable[str]) -> list[str]:
    """Places of weights: those of a group itself come before those of the groups below it."""
    first: dict[tuple[str, ...], int] = {}
    ranks: dict[str, list[int]] = {}
    for place in places:
        *groups, _, _ = place.split("/")
        around = [tuple(groups[: depth + 1]) for depth in range(len(groups))]
        ranks[place] = [first.setdefault(group, len(first)) for group in around]
    return sorted(ranks, key=ranks.__getitem__)


def own_paths(layer: Layer, names: Sequence[str]) -> dict[str, str]:
    """Which of a layer's weights lies where below the layer's own group: `vars/0`, `cell/vars/1`.

    Keras numbers the weights of each group by themselves, in the order in which they were made.

    Args:
        layer: Its parts and children say what the groups are called.
        names: The layer's weights, in its order; "query/kernel" is the weight of a part or a child.
    """
    counts: Counter[str] = Counter()
    paths = {}
    for group, name in [*_again(layer), *((_group(layer, n.rpartition("/")[0]), n) for n in names)]:
        paths["/".join(filter(None, (group, "vars", str(counts[group]))))] = name
        counts[group] += 1
    return paths


def _again(layer: Layer, group: str = "") -> Iterator[tuple[str, str]]:
    """(group, name) of each weight that a layer in this group keeps besides the one that it holds."""
    for name in layer.in_keras.keeps:
        yield group, f"{group}/{name}".removeprefix("/")
    for child, held in layer.children().items() if layer.nests is None else ():
        yield from _again(held, f"{group}/{child}".removeprefix("/"))


def _group(layer: Layer, part: str) -> str:
    """The group of the weights of `part` ("" for a layer's own), which may be a child, or a part of it."""
    child, _, rest = part.partition("/")
    held = layer.children().get(child)
    if held is None:
        return layer.in_keras.parts.get(part, part)
    return f"{child}/{_group(held, rest)}".removesuffix("/")


def _class_name(part: Member) -> str:
    if part.inner is None:
        assert part.layer is not None
        return part.class_name or part.layer.in_keras.class_name or type(part.layer).__name__
    return "Sequential" if becomes_chain(part) else "Functional"
