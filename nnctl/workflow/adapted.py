"""Weights that are statistics of the training split (`Layer.adapts`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError, Problem, ShapeError
from nnctl.core.events import Adapting, Event
from nnctl.data.feeding.dataset import Dataset
from nnctl.graph.model import CallNode, LayerGraph
from nnctl.workflow.kernels import PATIENCE

if TYPE_CHECKING:
    from nnctl.program.session import Session

_BLOCK = 1 << 20
"""How many numbers are read at a time."""


def adapt(
    session: Session,
    train: Dataset,
    known: Collection[str] = (),
    watch: Callable[[Event], None] = lambda event: None,
) -> None:
    """Find what layers keep of the training split: each reads it once, from the first example to the last.

    Blocks follow from the shape of an example only, so that sums over them have one order.

    Args:
        known: Weights, by full name, whose values are there already.
        watch: Told how far it is where that takes long.

    Raises:
        ConfigError: the split is too small.
        DataError: a value that is read lazily is missing, infinite or unknown.
    """
    for node in _adapting(session.model, known):
        for name, value in _found(node, train, session.dtype, watch).items():
            session.weights.arrays[f"{node.name}/{name}"][...] = value


def check_adapting(model: LayerGraph, train: Dataset, known: Collection[str] = ()) -> None:
    """Whether all that `adapt` is to find is there, in a split that is quick to read.

    Raises:
        ConfigError, DataError: as `adapt`.
    """
    for node in _adapting(model, known):
        _found(node, train, "float32", lambda event: None)


def _adapting(model: LayerGraph, known: Collection[str]) -> Iterator[CallNode]:
    """The calls of layers whose statistics are to be found."""
    for node in model.nodes:
        # None where the layer is called again: the first call's input is what its statistics are of.
        names = {info.name for info in model.weights_of(node.name)}
        if node.layer.adapts() and not names <= set(known):
            yield node


def _found(node: CallNode, train: Dataset, dtype: str, watch: Callable[[Event], None]) -> Mapping[str, Any]:
    """What the layer finds, by weight."""
    source = node.inputs[0].name
    if source not in train.inputs:
        message = (
            f"the initial weights do not hold the statistics of '{node.name}', which reads the "
            f"layer '{source}'"
        )
        raise ConfigError(Problem(message, node.path, expected="its statistics in the config"))
    part = train.inputs[source]
    pieces = _told(train.pieces(part, dtype, _BLOCK), len(train), node.name, watch)
    try:
        return node.layer.adapted(pieces)
    except ShapeError as error:
        message = f"layer '{node.name}': {error}"
        raise ConfigError(Problem(message, (*node.path, *error.path), expected=error.expected)) from None


def _told(
    pieces: Iterator[tuple[int, Array]], total: int, layer: str, watch: Callable[[Event], None]
) -> Iterator[Array]:
    """The values of `pieces`; from `PATIENCE` on `watch` hears how many of `total` examples were read."""
    began = time.perf_counter()
    told = False
    for start, values in pieces:
        told = told or time.perf_counter() - began > PATIENCE
        if told:
            watch(Adapting(start, total, layer))
        yield values
    if told:
        watch(Adapting(total, total, layer))
