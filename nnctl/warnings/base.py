"""What a warning is: a function that looks at a whole experiment and says what is legal and surely a mistake.

A warning names its place and the way out. It must be sure: who reads ten warnings of which nine mean nothing
will not read the tenth. What depends on rows that were not read is not said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from math import inf

from nnctl.core.arrays import distinct_values
from nnctl.core.errors import Problem
from nnctl.core.ranges import Range
from nnctl.core.records import record
from nnctl.data.feeding.dataset import Dataset, ExampleArray
from nnctl.data.open import Data
from nnctl.graph.model import LayerGraph
from nnctl.graph.objective import Objective
from nnctl.spec.language.experiment import Experiment


@record
class Seen:
    """An experiment that has no errors, as far as it is known.

    Attributes:
        data: None where the data is too large to be looked at whole (`check`): `train` says the rest.
    """

    experiment: Experiment
    model: LayerGraph
    objective: Objective
    data: Data | None

    def range_of(self, output: str) -> Range | None:
        """Between what the numbers of an output lie, as far as the layers say."""
        return self._ranges[self.model.outputs[output].name]

    @cached_property
    def _ranges(self) -> dict[str, Range | None]:
        """By input and layer. Each layer is asked once: in a graph, many ways may lead to it."""
        found: dict[str, Range | None] = dict.fromkeys(self.model.inputs)
        for node in self.model.nodes:
            found[node.name] = node.layer.output_range(
                *node.at_parameters([found[ref.name] for ref in node.inputs])
            )
        return found

    @cached_property
    def targets(self) -> dict[str, ArrayFacts]:
        """What the training split's targets hold, by output; not of those that are read from disk."""
        if self.data is None:
            return {}
        train, found = self.data.train, {}
        for output in self.objective.outputs:
            part = train.targets.get(output.output)
            if part is not None and part.feed.kept() and len(train):
                ignored = getattr(output.loss, "ignore_class", None)
                found[output.output] = _values(train, part, output.target.kind == "onehot", ignored)
        return found


@record
class ArrayFacts:
    """What an array holds.

    Attributes:
        only: The class (or number) that every example has, if they all have one and the same.
        distinct: The numbers in it, if they are few.
    """

    low: float
    high: float
    only: float | None
    distinct: frozenset[float] | None
    count: int


def _values(split: Dataset, part: ExampleArray, onehot: bool, ignored: int | None) -> ArrayFacts:
    """Over all examples of a split, in pieces."""
    low, high, count = inf, -inf, 0
    distinct: set[float] | None = set()
    classes: set[float] = set()
    for _, values in split.pieces(part, part.dtype):
        if ignored is not None:
            values = values[values != ignored]
        if not values.size:
            continue
        count += len(values)
        low, high = min(low, float(values.min())), max(high, float(values.max()))
        if distinct is not None:
            distinct |= set(distinct_values(values).tolist())
            distinct = distinct if len(distinct) <= _FEW else None
        if len(classes) < 2:
            classes |= set(distinct_values(values.argmax(axis=-1) if onehot else values)[:2].tolist())
    only = next(iter(classes)) if len(classes) == 1 else None
    return ArrayFacts(low, high, only, frozenset(distinct) if distinct else None, count)


_FEW = 3

ExperimentCheck = Callable[[Seen], Iterator[Problem]]
