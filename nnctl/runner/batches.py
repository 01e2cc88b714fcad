"""Feeding a program: which examples a step sees, and putting them into its input buffers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import Protocol

import numpy as np

from nnctl.core.arrays import Array, distinct_values
from nnctl.core.records import record
from nnctl.program.bind import Bound


class Examples(Protocol):
    """A split, as the runner sees it (`data.dataset.Dataset`)."""

    def __len__(self) -> int: ...

    @property
    def buckets(self) -> Array | None:
        """The bucket of each example (N,), where only those of one may stand side by side."""
        ...

    def sizes(self, batch: int, bucket: int | None = None) -> Mapping[str, tuple[int, ...]]:
        """The full shape of each model input of a batch."""
        ...

    def filled_first(self, output: str) -> bool:
        """Whether what fills an output's steps up stands before them."""
        ...

    def expect(self, batches: Iterable[Array]) -> Iterator[Array]:
        """The same batches, which are going to be read one after the other."""
        ...

    def read(self, indices: Array, out: Mapping[str, Array]) -> None:
        """Write the examples `indices` into `out`: input:<name>, target:<output>, sample_weight:<output>."""
        ...


Kind = tuple[int, int | None]
"""How many examples a batch has, and of which bucket they are."""


@record
class Batches:
    """How a split is cut into steps.

    Args:
        examples: How many there are, at least one.
        size: The batch size; the last batch of a pass may be short, and the last of each bucket.
        limit: Steps a pass at the most (Keras: steps_per_epoch), or None.
        buckets: The bucket of each example, where only those of one may stand side by side.
        sizes: The batch size of each bucket, where that is not `size`.
    """

    examples: int
    size: int
    limit: int | None = None
    buckets: Array | None = field(default=None, repr=False, compare=False)
    sizes: Sequence[int] | None = None

    @property
    def steps(self) -> int:
        """Steps in one pass."""
        whole = sum(-(-count // self._size(bucket)) for bucket, count in self._counted)
        return whole if self.limit is None else min(whole, self.limit)

    def kinds(self) -> list[Kind]:
        """The sizes and buckets of batches that occur, the largest first."""
        if self.buckets is None:
            last = self.examples - (self.steps - 1) * self.size
            counts = {min(self.size, self.examples), min(last, self.size)}
            return [(count, None) for count in sorted(counts, reverse=True)]
        found = {
            (count, bucket)
            for bucket, examples in self._counted
            for count in (min(self._size(bucket), examples), examples % self._size(bucket))
            if count
        }
        return sorted(found, key=lambda kind: (kind[0], kind[1] or 0), reverse=True)

    def cut(self, order: Array, start: int = 0) -> Iterator[Array]:
        """The examples of each step from step `start` on, of a pass that sees them in this order.

        Those of a bucket are gathered in order, and are a step where they are enough of them; what is left of
        each bucket comes last. That is what `bucket_by_sequence_length` does.
        """
        if self.buckets is None:
            for step in range(start, self.steps):
                yield order[step * self.size : (step + 1) * self.size]
            return
        yield from (order[places] for places in self._gathered(order)[start : self.steps])

    def bucket(self, indices: Array) -> int | None:
        """The bucket that the examples of a step are of."""
        return None if self.buckets is None else int(self.buckets[indices[0]])

    def _size(self, bucket: int | None) -> int:
        """The batch size of a bucket."""
        return self.size if bucket is None or self.sizes is None else self.sizes[bucket]

    @cached_property
    def _counted(self) -> list[tuple[int | None, int]]:
        """The buckets, and how many examples each has."""
        if self.buckets is None:
            return [(None, self.examples)]
        found, counts = np.unique(self.buckets, return_counts=True)
        return list(zip(found.tolist(), counts.tolist(), strict=True))

    def _gathered(self, order: Array) -> list[Array]:
        """The places in `order` of the examples of each step."""
        assert self.buckets is not None
        buckets = self.buckets[order]
        steps: list[tuple[int, Array]] = []
        for bucket in distinct_values(buckets).tolist():
            places = np.flatnonzero(buckets == bucket)
            size = self._size(bucket)
            for first in range(0, len(places), size):
                step = places[first : first + size]
                # A step comes when its last example does; one that never gets full, after all others.
                due = int(step[-1]) if len(step) == size else len(order) + bucket
                steps.append((due, step))
        return [step for _, step in sorted(steps, key=lambda found: found[0])]


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
