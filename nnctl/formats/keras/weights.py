"""Which weight lies where in Keras's `model.weights.h5`.

Groups are named by class and counted in the order in which Keras keeps a model's layers, not by layer names.
Source: keras.src.saving.saving_lib._save_state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from nnctl.core.arrays import Array
from nnctl.core.registry import snake_case
from nnctl.formats.keras.model import becomes_chain, is_chain
from nnctl.formats.keras.order import ordered
from nnctl.formats.keras.scopes import Member, Scope
from nnctl.graph.model import LayerGraph
from nnctl.layers.recurrent import Recurrent


def keras_weights(scope: Scope, graph: LayerGraph, weights: Mapping[str, Array]) -> dict[str, Array]:
    """The weights by their paths in the file.

    Args:
        weights: By their full names in the layer graph.
    """
    return {path: weights[name] for path, name in _paths(scope, graph, is_chain(scope), "layers")}


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
        place = f"{path}/cell/vars" if isinstance(part.layer, Recurrent) else f"{path}/vars"
        for number, info in enumerate(graph.weights_of(part.path)):
            yield f"{place}/{number}", info.name


def _class_name(part: Member) -> str:
    if part.inner is None:
        return type(part.layer).__name__
    return "Sequential" if becomes_chain(part) else "Functional"
