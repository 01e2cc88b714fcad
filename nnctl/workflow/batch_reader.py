"""A data set under the names that programs give their inputs, class weights included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from nnctl.core.arrays import Array
from nnctl.data.feeding.dataset import Dataset
from nnctl.data.open import Data
from nnctl.graph.objective import Objective
from nnctl.spec.language.class_weight import ClassWeight
from nnctl.workflow.class_weights import class_numbers, class_weights


class BatchReader:
    """Feeds programs from a data set: `input:<name>`, `target:<output>`, `sample_weight:<output>`.

    Args:
        class_weight: By output: what the weight of an example, or of a step, is multiplied by, by its class
            number (C,).
    """

    def __init__(self, data: Dataset, class_weight: Mapping[str, Array] | None = None) -> None:
        self.data = data
        self.class_weight = class_weight or {}
        self._buffers: Mapping[str, Array] | None = None
        self._readers: Sequence[Callable[[Array], object]] = ()
        self._weighed: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.data)

    @property
    def buckets(self) -> Array | None:
        """The bucket of each example, where only those of one may stand side by side."""
        return self.data.buckets.of if self.data.buckets is not None else None

    def sizes(self, batch: int, bucket: int | None = None) -> Mapping[str, tuple[int, ...]]:
        """The full shape of each model input of a batch: one of a bucket, or of any examples."""
        return {name: (batch, *shape) for name, shape in self.data.input_shapes(bucket).items()}

    def filled_first(self, output: str) -> bool:
        """Whether what fills an output's steps up stands before them."""
        return output in self.data.filled_first

    def expect(self, batches: Iterable[Array]) -> Iterator[Array]:
        """The same batches: what is in memory is not read ahead."""
        return iter(batches)

    def read(self, indices: Array, out: Mapping[str, Array]) -> None:
        """Write the examples `indices`, as many as buffers have rows, into the buffers of a program."""
        if out is not self._buffers:
            self._buffers, self._readers = out, [*self._prepare(out)]
        firsts = self.data.rows[indices]
        for read in self._readers:
            read(firsts)
        for output in self._weighed:
            self._weigh(output, indices, out[f"sample_weight:{output}"], out)

    def _prepare(self, out: Mapping[str, Array]) -> Iterator[Callable[[Array], object]]:
        """What writes the inputs and targets into the buffers of a program, given first rows."""
        # By kind and not by name: an input and an output may have the same.
        kinds = [name.partition(":") for name in out]
        self._weighed = [output for kind, _, output in kinds if kind == "sample_weight"]
        for kind, colon, name in kinds:
            if kind in ("input", "target"):
                parts = self.data.inputs if kind == "input" else self.data.targets
                yield self.data.reader(parts[name], out[kind + colon + name])

    def _weigh(self, output: str, indices: Array, weights: Array, out: Mapping[str, Array]) -> None:
        """An output's sample weights: the data's own (or 1), times the weights of the classes.

        Where each step has a class and each example a weight, that is the weight of all its steps.
        """
        weights[...] = 1
        part = self.data.weights.get(output)
        if part is not None:
            axes = 1 + len(part.shape)
            own = np.empty(weights.shape[:axes], dtype=weights.dtype)
            self.data.read(part, indices, own)
            weights[...] = own.reshape(*own.shape, *(1,) * (weights.ndim - axes))
        if output in self.class_weight:
            labels = out[f"target:{output}"]
            table, classes = self.class_weight[output], class_numbers(labels, weights.ndim - 1)
            # A label that is no class is one that the loss ignores.
            known = (classes >= 0) & (classes < len(table))
            weights[known] *= table[classes[known]]


def make_reader(
    dataset: Dataset, data: Data, objective: Objective, weights: ClassWeight | None
) -> BatchReader:
    """What training reads a split by, with class weights where the config gives some. Raises ConfigError."""
    return BatchReader(dataset, class_weights(dataset, data, objective, weights) if weights else None)
