"""Which weight lies where in Keras's `model.weights.h5`.

Groups are named by class and counted in the order in which Keras keeps a model's layers, not by layer names.
Source: keras.src.saving.saving_lib._save_state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from nnctl.core.arrays import Array
from nnctl.core.registry import snake_case
from nnctl.formats.keras.model import becomes_chain, is_chain
from nnctl.formats.keras.order import ordered
from nnctl.formats.keras.scopes import Member, Scope
from nnctl.graph.model import LayerGraph
from nnctl.layers.base import Layer


def keras_weights(scope: Scope, graph: LayerGraph, weights: Mapping[str, Array]) -> dict[str, Array]:
    """The weights by their paths in the file.

    Args:
        weights: By their full names in the layer graph.
    """
    return {path: weights[name] for path, name in _paths(scope, graph, is_chain(scope), "layers")}


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


def _paths(scope: Scope, graph: LayerGraph, chain: bool, prefix: str) -> Iterator[tuple[str, str]]:
    """(path, the weight's full name) of every weight in a scope."""
    counts: Counter[str] = Counter()
    for part in scope.parts.values() if chain else ordered(scope):
        if part.is_input:
            continue
        group = snake_case(_class_name(part))
        count = counts[group]
        counts[group] += 1
        path = f"{prefix}/{group}_{count}" if count else f"{prefix}/{group}"
        if part.inner is not None:
            yield from _paths(part.inner, graph, becomes_chain(part), f"{path}/layers")
            continue
        assert part.layer is not None
        infos = {info.field: info.name for info in graph.weights_of(part.path)}
        configured, held = part.layer.in_keras.configured, tuple(f"{place}/" for place in part.held)
        infos = {k: n for k, n in infos.items() if k not in configured and not k.startswith(held)}
        for place, name in own_paths(part.layer, list(infos)).items():
            yield f"{path}/{place}", infos[name]
        for place, member in part.held.items():
            assert member.inner is not None
            below = f"{path}/{place}/layers"
            assert graph.held is not None
            yield from _paths(member.inner, graph.held, becomes_chain(member), below)


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
        return part.layer.in_keras.class_name or type(part.layer).__name__
    return "Sequential" if becomes_chain(part) else "Functional"
