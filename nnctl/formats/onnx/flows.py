"""A tensor of an ONNX file as a layer's output: which axes are which, in what order its numbers lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.shapes import Shape

_MOST = 1 << 24
"""Places that are put in order one by one."""


@dataclass
class Flow:
    """A value that layers give.

    Attributes:
        ref: What gives it: a layer or an input, `name:1` for a second output.
        shape: As nnctl has it, without the batch.
        axes: For each axis of the file's tensor the axis here, 0 the batch; None for one of length 1 that is
            not here.
        whole: Whether it holds whole numbers.
        positive: Whether no number is below 0.
        order: Where it was flattened in another order than the file's: which of the file's places each number
            has that lies here.
        source: What was flattened so.
        entry: The layer that made it, where nothing else reads it yet.
        halves: The tensor's axis that says the direction of a recurrence; `parts` are both.
    """

    ref: str
    shape: Shape
    axes: tuple[int | None, ...]
    whole: bool = False
    positive: bool = False
    order: Array | None = None
    source: Flow | None = None
    entry: dict[str, Any] | None = None
    halves: int | None = None
    parts: list[Flow] = field(default_factory=list)

    @property
    def rank(self) -> int:
        """How many axes the file's tensor has."""
        return len(self.axes)

    @property
    def batch(self) -> int:
        """The file's axis that is the batch."""
        return self.axes.index(0)

    def length(self, axis: int) -> int | None:
        """How long one of the file's axes is; None where that varies, or it is the batch."""
        here = self.axes[axis]
        return 1 if here is None else None if here == 0 else self.shape[here - 1]

    def lengths(self) -> list[int | None]:
        """All axes of the file's tensor but the batch, in its order."""
        return [self.length(axis) for axis, here in enumerate(self.axes) if here != 0]

    @property
    def as_in_file(self) -> bool:
        """Whether the axes stand as in the file, and all of them."""
        return self.axes == tuple(range(len(self.shape) + 1)) and self.order is None

    def flattened_order(self) -> Array | None:
        """Which of the file's places each number has once all are in a row; None where it is its own.

        Raises:
            ValueError: a length varies, or there are very many places.
        """
        there = [here for here in self.axes if here not in (0, None)]
        if there == sorted(there):
            return None
        sizes = [self.length(axis) for axis, here in enumerate(self.axes) if here not in (0, None)]
        known = [n for n in sizes if n is not None]
        if len(known) < len(sizes) or prod(known) > _MOST:
            raise ValueError("a length varies, or there are too many places")
        places = np.arange(prod(known)).reshape(known)
        return places.transpose(np.argsort(np.array(there))).reshape(-1)


def in_order(rank: int) -> tuple[int, ...]:
    """The axes of a tensor that stand as in the file."""
    return tuple(range(rank))
