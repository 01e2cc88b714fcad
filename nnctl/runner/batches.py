"""Feeding a program: which examples a step sees, and putting them into its input buffers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from nnctl.core.arrays import Array
from nnctl.program.bind import Bound


class Examples(Protocol):
    """A split, as the runner sees it (`data.dataset.Dataset`)."""

    def __len__(self) -> int: ...

    def sizes(self, batch: int) -> Mapping[str, tuple[int, ...]]:
        """The full shape of each model input of a batch."""
        ...

    def read(self, indices: Array, out: Mapping[str, Array]) -> None:
        """Write the examples `indices` into `out`: input:<name>, target:<output>, sample_weight:<output>."""
        ...


@dataclass(frozen=True)
class Batches:
    """How a split is cut into steps.

    Args:
        examples: How many there are, at least one.
        size: The batch size; the last batch of a pass may be short.
        limit: Steps a pass at the most (Keras: steps_per_epoch), or None.
    """

    examples: int
    size: int
    limit: int | None = None

    @property
    def steps(self) -> int:
        """Steps in one pass."""
        whole = -(-self.examples // self.size)
        return whole if self.limit is None else min(whole, self.limit)

    def counts(self) -> list[int]:
        """The batch sizes that occur, the largest first."""
        last = self.examples - (self.steps - 1) * self.size
        return sorted({min(self.size, self.examples), min(last, self.size)}, reverse=True)

    def slices(self, start: int = 0) -> Iterator[slice]:
        """The part of an epoch's order that each step sees, from step `start`."""
        for step in range(start, self.steps):
            yield slice(step * self.size, min((step + 1) * self.size, self.examples))


def feed(program: Bound, split: Examples, indices: Array, step: int) -> None:
    """Fill a program's inputs with the examples `indices`, and the step counter.

    Inference has it too where a plugin's layer draws random numbers then.
    """
    split.read(indices, program.inputs)
    counter = program.inputs.get("step")
    if counter is not None:
        counter[...] = step


def in_order(examples: int) -> Array:
    """Every example once, as stored: the order of evaluation and prediction."""
    return np.arange(examples, dtype=np.int64)
