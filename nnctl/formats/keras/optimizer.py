"""An optimizer's state as Keras keeps it: its variables, in the order in which Keras makes them.

Source: keras.src.optimizers.base_optimizer.BaseOptimizer, and the `build` of each optimizer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from nnctl.core.arrays import Array
from nnctl.core.registry import snake_case
from nnctl.formats.keras.patterns import optimizer_map
from nnctl.formats.keras.weights import KerasWeight
from nnctl.optimizers.base import OptimizerSpec
from nnctl.optimizers.between import AVERAGE, GATHERED
from nnctl.optimizers.gradient import GradientOptimizer
from nnctl.optimizers.in_keras import KeptWeight
from nnctl.optimizers.multi_optimizer import MultiOptimizer
from nnctl.schedules.base import ScheduleSpec

Variable = tuple[str, Array]
"""A variable's name in Keras, and what it holds."""


def optimizer_variables(
    optimizer: OptimizerSpec,
    trained: Sequence[KerasWeight],
    weights: Mapping[str, Array],
    slots: Mapping[str, Array] | None,
    batches: int,
    rate: float | None,
    dtype: str,
) -> dict[str, list[Variable]]:
    """The variables of an optimizer that Keras has built and trained with, by group of a weights file.

    The group "" has all of them; those of a MultiOptimizer's optimizers have a group each as well.

    Args:
        trained: The weights that it updates, in Keras's order.
        weights: Their values by full name.
        slots: By "slot/weight"; None: it starts anew.
        batches: How many it has seen.
        rate: The learning rate, if it is not the optimizer's own.
        dtype: The experiment's.
    """
    batches = 0 if slots is None else batches
    if not isinstance(optimizer, MultiOptimizer):
        return {"": list(_variables(optimizer, trained, weights, slots, batches, rate, dtype))}
    found = {"": list(_counters(optimizer, batches, 0.0, dtype))}
    counts: Counter[str] = Counter()
    by_pattern, default = optimizer_map(optimizer, trained)
    for part in (*by_pattern.values(), default):
        own = [at for at in trained if at.name in part.names]
        seen = batches if own else 0  # Keras does not call one that has no weights.
        held = list(_variables(part.optimizer, own, weights, slots, seen, None, dtype))
        kind = snake_case(type(part.optimizer).__name__)
        group = f"optimizers/{kind}_{counts[kind]}" if counts[kind] else f"optimizers/{kind}"
        counts[kind] += 1
        found[""] += held
        found[group] = held
    return found


def _variables(
    optimizer: OptimizerSpec,
    trained: Sequence[KerasWeight],
    weights: Mapping[str, Array],
    slots: Mapping[str, Array] | None,
    batches: int,
    rate: float | None,
    dtype: str,
) -> Iterator[Variable]:
    """The variables of a single optimizer; arguments as those of `optimizer_variables`."""
    assert isinstance(optimizer, GradientOptimizer)
    own_rate = None if isinstance(optimizer.learning_rate, ScheduleSpec) else optimizer.learning_rate
    yield from _counters(optimizer, batches, own_rate if rate is None else rate, dtype)
    if not trained:
        return
    steps = batches // (optimizer.gradient_accumulation_steps or 1)
    kept = [_kept(optimizer, at, weights[at.name], slots, steps) for at in trained]
    for slot in (AVERAGE, GATHERED):
        if slot in optimizer.all_slots():
            yield from ((_name(at, slot), of.slots[slot]) for at, of in zip(trained, kept, strict=True))
    for made in optimizer.keras_rounds():
        for at, of in zip(trained, kept, strict=True):
            for slot in made:
                held = optimizer.keras_slot(slot, of)
                if held is not None:
                    yield _name(at, slot), held
    for name, number in optimizer.keras_numbers(steps).items():
        yield name, np.array(number, dtype)


def _counters(optimizer: OptimizerSpec, batches: int, rate: float | None, dtype: str) -> Iterator[Variable]:
    """What every optimizer counts; a schedule's learning rate is no variable."""
    name = snake_case(type(optimizer).__name__)
    yield f"{name}/iteration", np.array(batches, np.int32)
    if rate is not None:
        yield f"{name}/learning_rate", np.array(rate, dtype)


def _kept(
    optimizer: GradientOptimizer,
    at: KerasWeight,
    values: Array,
    slots: Mapping[str, Array] | None,
    steps: int,
) -> KeptWeight:
    own = {
        slot: np.full_like(values, first) if slots is None else slots[f"{slot}/{at.name}"]
        for slot, first in optimizer.all_slots().items()
    }
    return KeptWeight(at.name, values, own, steps)


def _name(at: KerasWeight, slot: str) -> str:
    return f"{at.variable.replace('/', '_')}_{slot}"
