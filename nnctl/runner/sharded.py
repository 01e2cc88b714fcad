"""A step over a batch in shards: each is computed as if it were a batch, and all of them make one update."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from nnctl.core.arrays import Array
from nnctl.program.bind import Bound
from nnctl.program.programs import EvaluationProgram, Program, TrainingProgram
from nnctl.program.session import Session
from nnctl.ranks.base import Ranks
from nnctl.ranks.tree import TreeSum, added, buffers, shards_of, spans
from nnctl.runner.batches import Batches, Examples, Kind, feed, in_order

_SHARD = 40
"""The bit of the step's number from which on it has the shard's: random layers draw anew in each."""

Run = Callable[[str, Bound], None]
"""Runs a program; told what it is for."""


class Sharded:
    """How batches are cut, who computes which part, and how the parts are put together.

    A shard's loss and gradients count by its share of the batch's examples. What a forward pass changes
    (the moving statistics of normalizations) starts in each shard from what it was before the step, and
    becomes their mean, weighted alike. Sums follow one tree (`ranks.tree`), whoever computes the shards.

    Args:
        shards: In how many parts a batch is cut.
    """

    def __init__(self, session: Session, shards: int, ranks: Ranks) -> None:
        self.session, self.shards, self.ranks = session, shards, ranks
        self.own = shards_of(ranks.rank, ranks.size, shards)
        self._counts = [len(shards_of(rank, ranks.size, shards)) for rank in range(ranks.size)]
        self._changed: dict[str, Array] | None = None

    @cached_property
    def _sum(self) -> TreeSum:
        return TreeSum(self.ranks, self.shards, self.session.weights.gradients)

    @property
    def nbytes(self) -> int:
        """Bytes of the buffers that shards' gradients are added up in."""
        return buffers(len(self.own), self.ranks.size) * self.session.weights.gradients.nbytes

    def kinds(self, batches: Batches) -> list[Kind]:
        """The sizes and buckets of the shards that this process computes, the largest first."""
        found = {
            (span.stop - span.start, bucket)
            for count, bucket in batches.kinds()
            for _, span in self._spans(count)
        }
        return sorted(found, key=lambda kind: (kind[0], kind[1] or 0), reverse=True)

    def parts(self, batches: Iterable[Array]) -> Iterator[Array]:
        """The examples of this process's shards, batch by batch."""
        return (indices[span] for indices in batches for _, span in self._spans(len(indices)))

    def _spans(self, count: int) -> list[tuple[int, slice]]:
        """This process's shards of a batch that have examples, and which."""
        cut = spans(count, self.shards)
        return [(shard, cut[shard]) for shard in self.own if cut[shard].stop > cut[shard].start]

    def train(
        self,
        program_of: Callable[[int], TrainingProgram],
        split: Examples,
        parts: Iterator[Array],
        count: int,
        step: int,
        run: Run,
        signal: int = 0,
    ) -> int:
        """Losses and metrics of a batch of `count` examples, and the mean of its shards' gradients.

        Args:
            program_of: The program of so many examples.
            parts: What `parts` gives, as far as it was read.
            signal: One that this process got, or 0.

        Returns:
            The signal that one of the processes got, or 0: it travels with the sums.
        """
        session = self.session
        own = self._spans(count)
        changed = _Numbers(self._change(program_of(own[0][1].stop - own[0][1].start if own else 1)))
        states = _Numbers(session.states)
        rows = np.zeros((len(self.own), 2 + states.size + changed.size))
        rows[:, -1] = signal
        for shard, span in own:
            examples = next(parts)
            weight = (span.stop - span.start) / count
            changed.restore()
            states.clear()
            program = session.bound(program_of(len(examples)))
            feed(program, split, examples, step | shard << _SHARD)
            run("training", program)
            self._sum.take(shard, weight)
            row = rows[shard - self.own.start]
            row[0] = session.loss[0] * weight
            row[1 : 1 + states.size] = states.now()
            row[1 + states.size : -1] = changed.now() * weight
        present = [span.stop > span.start for span in spans(count, self.shards)]
        every = self.ranks.gather_rows(rows, self._counts)
        total = _total(every, present)
        session.loss[0] = total[0]
        states.put(states.before + total[1 : 1 + states.size])
        changed.put(total[1 + states.size : -1])
        self._sum.finish(present)
        return int(every[:, -1].max())

    def first_non_finite(
        self, program_of: Callable[[int], TrainingProgram], split: Examples, indices: Array, step: int
    ) -> str | None:
        """Of which layer or loss the first number is that is not finite, in the first shard with one.

        The step runs again, call by call.
        """
        found = None
        for shard, span in self._spans(len(indices)):
            program = self.session.bound(program_of(span.stop - span.start))
            feed(program, split, indices[span], step | shard << _SHARD)
            node = program.first_non_finite()
            if node is not None:
                found = node.origin
                break
        return next((origin for origin in self.ranks.gather(found) if origin is not None), None)

    def evaluate(self, split: Examples, batch_size: int) -> dict[str, float]:
        """Loss and metrics over a whole split, in inference: as many batches at once as there are shards."""
        session = self.session
        session.reset_states()
        batches = Batches(len(split), batch_size, buckets=split.buckets)
        cut = list(batches.cut(in_order(len(split))))
        own = split.expect(b for at, b in enumerate(cut) if at % self.shards in self.own)
        states = _Numbers(session.states)
        for first in range(0, len(cut), self.shards):
            present = [first + shard < len(cut) for shard in range(self.shards)]
            rows = np.zeros((len(self.own), states.size))
            before = states.now()
            for shard in self.own:
                if not present[shard]:
                    continue
                indices = next(own)
                states.clear()
                bucket = batches.bucket(indices)
                program = session.bound(EvaluationProgram(split.sizes(len(indices), bucket)))
                feed(program, split, indices, 0)
                program.run()
                rows[shard - self.own.start] = states.now()
            states.put(before + _total(self.ranks.gather_rows(rows, self._counts), present))
        logs = session.logs()
        session.reset_states()
        return logs

    def _change(self, program: Program) -> Mapping[str, Array]:
        """The weights that a forward pass in training changes."""
        if self._changed is None:
            graph = self.session.compiled(program).graph
            names = {node.inputs[at].name for node in graph.nodes for at in node.op.mutates}
            arrays = self.session.weights.arrays
            self._changed = {name: array for name, array in arrays.items() if name in names}
        return self._changed


def _total(rows: Array, present: Sequence[bool]) -> Array:
    """The sum of every shard's row, of those that are present."""
    there = [row if is_there else None for row, is_there in zip(rows, present, strict=True)]
    total = added(there, (0, len(there)))
    assert total is not None
    return total


class _Numbers:
    """Arrays as one row of doubles, and what they held at first."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = list(arrays.values())
        self.size = sum(array.size for array in self._arrays)
        self.before = self.now()

    def now(self) -> Array:
        """What they hold, a copy."""
        flat = [array.reshape(-1).astype(np.float64) for array in self._arrays]
        return np.concatenate(flat) if flat else np.empty(0)

    def put(self, row: Array) -> None:
        """Let them hold these numbers."""
        at = 0
        for array in self._arrays:
            array[...] = row[at : at + array.size].reshape(array.shape)
            at += array.size

    def restore(self) -> None:
        """Let them hold again what they held at first."""
        self.put(self.before)

    def clear(self) -> None:
        """Let them hold zeros."""
        for array in self._arrays:
            array[...] = 0
