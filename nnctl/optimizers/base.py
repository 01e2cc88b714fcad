"""What an optimizer is: its slots, its numbers of each step, and one fused update over flat buffers.

All trainable weights lie in one flat buffer (each variable starts at a multiple of 16 elements), their
gradients in another, each slot in one more. An update is a pass over them, the padding between variables
included: that of gradients is zero, and nothing reads what comes of it elsewhere. Where several optimizers
share the work, each has a stretch of the buffers to itself (`parts`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from nnctl.core.errors import Path, Problem
from nnctl.core.records import record
from nnctl.core.registry import Registry
from nnctl.core.spec import OneOf, Spec

if TYPE_CHECKING:
    from nnctl.ops.base import Value

optimizers: Registry[OptimizerSpec] = Registry("optimizer", "nnctl.optimizers")
register = optimizers.register


@record
class FlatUpdate:
    """What an optimizer's update works on, while the update's op graph is built.

    Attributes:
        weights: Variable (P,): all trainable weights, flat.
        gradients: Variable (P,): their gradients, flat.
        slots: Variables (P,) by slot name: all of `all_slots()`.
        hyper: Input (H,) float64: `all_hyper(...)` of this step.
        starts: Where each variable starts, and one more entry: P. (V + 1,)
        shapes: Each variable's shape (what is left up to the next start is padding). (V,)
        names: The variables' names.
    """

    weights: Value
    gradients: Value
    slots: Mapping[str, Value]
    hyper: Value
    starts: Sequence[int]
    shapes: Sequence[tuple[int, ...]]
    names: Sequence[str]


@record
class Part:
    """The weights that one optimizer updates; it sees no others.

    Attributes:
        names: The weights, in the model's order.
        path: Where in the config the optimizer is, below `training.optimizer`.
    """

    optimizer: OptimizerSpec
    names: tuple[str, ...]
    path: Path = ()


class OptimizerSpec(Spec):
    """An optimizer's parameters and meaning. Source: keras.optimizers."""

    has_rate: ClassVar[bool] = True
    """Whether it has one learning rate, which callbacks may set."""

    def slots(self) -> Mapping[str, float]:
        """The flat buffers it keeps, by name, with their first value."""
        raise NotImplementedError

    def rate(self, step: int) -> float:
        """The learning rate of update `step` (from 0) by the config: a number or the schedule's."""
        raise NotImplementedError

    def hyper(self, step: int, learning_rate: float) -> Sequence[float]:
        """The numbers that update `step` (from 0) needs; always as many. Stored in the hyper input."""
        raise NotImplementedError

    def update(self, flat: FlatUpdate) -> None:
        """Add the ops of one update: clipping, weight decay, the step itself."""
        raise NotImplementedError

    # What an optimizer that gathers gradients or averages weights says besides.

    def all_slots(self) -> Mapping[str, float]:
        """`slots`, and the flat buffers for that."""
        return self.slots()

    def all_hyper(self, batch: int, learning_rate: float) -> Sequence[float]:
        """`hyper` of the step after batch `batch` (from 0), and the numbers for that."""
        return self.hyper(batch, learning_rate)

    def parts(self, names: Sequence[str]) -> tuple[Part, ...]:
        """Which optimizer updates which of the weights `names`: each lies in one part."""
        return (Part(self, tuple(names)),)

    def problems(self, names: Sequence[str]) -> list[Problem]:
        """What is wrong with it for a model of these weights; paths are below the optimizer."""
        return []

    def steps_after(self, batch: int) -> bool:
        """Whether a step follows on batch `batch` (from 0); else its gradients are only gathered."""
        return True

    def gather(self, flat: FlatUpdate) -> None:
        """Add the ops that keep gradients for a later step."""
        raise NotImplementedError

    @property
    def final_slot(self) -> str | None:
        """The slot whose numbers the weights become when training ends, if there is one."""
        return None


Optimizer = Annotated[Any, OneOf(optimizers)]
"""A field that takes an optimizer's name or a mapping with `type`."""
