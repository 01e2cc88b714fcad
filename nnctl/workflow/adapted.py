"""Weights that are statistics of the training split (`Layer.adapts`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from nnctl.core.arrays import Array
from nnctl.core.errors import ConfigError, Problem, ShapeError
from nnctl.core.events import Adapting, Event
from nnctl.data.feeding.dataset import Dataset
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
    for node in session.model.nodes:
        # None where the layer is called again: the first call's input is what its statistics are of.
        names = {info.name for info in session.model.weights_of(node.name)}
        if not node.layer.adapts() or names <= set(known):
            continue
        part = train.inputs[node.inputs[0].name]
        pieces = _told(train.pieces(part, session.dtype, _BLOCK), len(train), node.name, watch)
        try:
            found = node.layer.adapted(pieces)
        except ShapeError as error:
            message = f"layer '{node.name}': {error}"
            raise ConfigError(Problem(message, (*node.path, *error.path), expected=error.expected)) from None
        for name, value in found.items():
            session.weights.arrays[f"{node.name}/{name}"][...] = value


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
