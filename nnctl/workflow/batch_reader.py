"""A data set under the names that programs give their inputs, class weights included."""

from __future__ import annotations

from collections.abc import Mapping

from nnctl.core.arrays import Array
from nnctl.data.feeding.dataset import WEIGHT, Dataset
from nnctl.data.open import Data
from nnctl.graph.objective import Objective
from nnctl.workflow.class_weights import ClassWeight, class_numbers, class_weights


class BatchReader:
    """Feeds programs from a data set: `input:<name>`, `target:<output>`, `sample_weight`.

    Args:
        class_weight: What an example's weight is multiplied by, by the class number of `weighed` (C,).
        weighed: The output whose class counts.
    """

    def __init__(self, data: Dataset, class_weight: Array | None = None, weighed: str | None = None) -> None:
        self.data = data
        self.class_weight = class_weight
        self.weighed = weighed

    def __len__(self) -> int:
        return len(self.data)

    def sizes(self, batch: int) -> Mapping[str, tuple[int, ...]]:
        """The full shape of each model input of a batch."""
        return {name: (batch, *part.shape) for name, part in self.data.inputs.items()}

    def read(self, indices: Array, out: Mapping[str, Array]) -> None:
        """Write the examples `indices` into the buffers of a program."""
        # By kind and not by name: an input and an output may have the same, or be called sample_weight.
        for name, buffer in out.items():
            kind, _, rest = name.partition(":")
            if kind in ("input", "target"):
                parts = self.data.inputs if kind == "input" else self.data.targets
                self.data.read(parts[rest], indices, buffer)
            elif name == WEIGHT and self.data.weight is not None:
                self.data.read(self.data.weight, indices, buffer)
        if WEIGHT in out:
            self._weigh(indices, out)

    def _weigh(self, indices: Array, out: Mapping[str, Array]) -> None:
        """Sample weights: the data's own (or 1), times the weight of the example's class."""
        weights = out[WEIGHT]
        if self.data.weight is None:
            weights[...] = 1
        if self.class_weight is not None:
            classes = class_numbers(out[f"target:{self.weighed}"])
            # A label that is no class is one that the loss ignores.
            known = (classes >= 0) & (classes < len(self.class_weight))
            weights[known] *= self.class_weight[classes[known]]


def make_reader(
    dataset: Dataset, data: Data, objective: Objective, weights: ClassWeight | None
) -> BatchReader:
    """What training reads a split by, with class weights where the config gives some. Raises ConfigError."""
    if not weights:
        return BatchReader(dataset)
    output, table = class_weights(dataset, data, objective, weights)
    return BatchReader(dataset, table, output)
