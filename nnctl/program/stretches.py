"""The stretches of the flat buffers that each optimizer updates, and the slots it keeps for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.errors import Path
from nnctl.core.records import record
from nnctl.optimizers.base import OptimizerSpec, Part
from nnctl.program.weights import Room, Weights, aligned


@record
class Stretch:
    """One optimizer's part of the flat buffers.

    Attributes:
        names: The weights in it.
        starts: Where each starts in it, and its size. (V + 1,)
        span: Where it lies in the whole.
        slots: By name, (P,) each.
        hyper: The numbers of a step. (H,) float64
        prefix: What its memory is called in programs begins with this; "" for a single one.
        path: Where in the config the optimizer is, below `training.optimizer`.
    """

    optimizer: OptimizerSpec
    names: tuple[str, ...]
    starts: Sequence[int]
    span: slice
    slots: dict[str, Array] = field(repr=False)
    hyper: Array = field(repr=False)
    prefix: str = ""
    path: Path = ()

    def memory(self, weights: Weights) -> dict[str, Array]:
        """What programs know it by."""
        return {
            f"{self.prefix}weights": weights.flat[self.span],
            f"{self.prefix}gradients": weights.gradients[self.span],
            f"{self.prefix}hyper": self.hyper,
            **{f"{self.prefix}slot:{name}": slot for name, slot in self.slots.items()},
        }


def stretches(parts: Sequence[Part], weights: Weights, room: Room = aligned) -> list[Stretch]:
    """A stretch for each part, its slots as they begin; the weights lie in the order of the parts.

    Args:
        room: What gives the slots room.
    """
    found, first = [], 0
    for at, part in enumerate(parts):
        starts = weights.starts[first : first + len(part.names) + 1]
        first += len(part.names)
        slots = {}
        for name, value in part.optimizer.all_slots().items():
            slots[name] = room(starts[-1] - starts[0], weights.dtype, value)
        prefix = f"{at}:" if len(parts) > 1 else ""
        span, own = slice(starts[0], starts[-1]), [start - starts[0] for start in starts]
        hyper = np.zeros(len(part.optimizer.all_hyper(0, 0.0)))
        found.append(Stretch(part.optimizer, part.names, own, span, slots, hyper, prefix, part.path))
    return found
