"""MultiOptimizer: each optimizer has its own weights, as if the others were not there."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from nnctl.core.errors import ConfigError, Problem
from nnctl.optimizers.base import optimizers
from nnctl.runner.train import Job, train
from nnctl.workflow.check import check
from tests.runner.test_average import saved
from tests.runner.test_boundaries import IRIS, job

MOVING = "{type: SGD, momentum: 0.9, learning_rate: 0.1, use_ema: true, clipnorm: 0.5}"


def of(default: str, *more: str, epochs: int = 2, **layers: str) -> Job:
    mapped = ", ".join(f"{pattern}: {optimizer}" for pattern, optimizer in layers.items())
    multi = f"{{type: MultiOptimizer, optimizer_map: {{{mapped}}}, default_optimizer: {default}}}"
    return job(f"training.optimizer={multi}", f"training.epochs={epochs}", *more)


def trained(made: Job) -> dict[str, np.ndarray]:
    list(train(made))
    return made.session.weights.snapshot()


def same(one: Any, other: Any) -> None:
    assert list(one) == list(other)
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


def test_the_same_optimizer_in_parts_is_one_optimizer() -> None:
    """Bit for bit, with the same weights in the same order, whatever lies where in the flat buffers."""
    parts = of(MOVING, species=MOVING, dense=MOVING)
    whole = job(f"training.optimizer={MOVING}", "training.epochs=2")
    same(trained(parts), trained(whole))
    assert parts.session.weights.trainable[0] == "species/kernel"
    views = parts.session.slot_views()
    same({name: views[name] for name in whole.session.slot_views()}, whole.session.slot_views())
    assert len(views) == 2 * 6


def test_an_optimizer_that_stands_still_leaves_its_weights_alone() -> None:
    """And the others go on as beside a layer that is frozen."""
    still = of(MOVING, **{'"dense_*/b*"': "{type: SGD, learning_rate: 0.0}", "dense_1/kernel": "adam"})
    before = {name: array.copy() for name, array in still.session.weights.arrays.items()}
    after = trained(still)
    moved = {name for name in after if not np.array_equal(before[name], after[name])}
    assert moved == set(after) - {"dense_1/bias"}
    alone = of(MOVING, dense_1="{type: SGD, learning_rate: 0.0}")
    frozen = job(f"training.optimizer={MOVING}", "training.epochs=2", "model.freeze=[dense_1]")
    same(trained(alone), trained(frozen))


def test_goes_on_exactly_from_every_checkpoint() -> None:
    """With slots of different optimizers, gradients that are gathered, and an average of one part."""
    every = "gradient_accumulation_steps: 2"
    layers = {
        "dense": f"{{type: adam, {every}, use_ema: true}}",
        '"dense_?"': f"{{type: Adafactor, {every}}}",
    }
    swap = "training.callbacks=[{type: SwapEMAWeights, swap_on_epoch: true}]"
    options = (swap, "training.checkpoint={every: 3}")
    made, again = (of(f"{{type: SGD, momentum: 0.5, {every}}}", *options, **layers) for _ in range(2))
    found = saved(train(made))
    assert {name.partition("/")[0] for name in found[0].state.optimizer} == {
        "momentum", "velocity", "average", "gradient_accumulator", "row", "column"
    }  # fmt: skip
    for event in found:
        if event.state.complete:
            list(train(again, copy.deepcopy(event.state)))
            same(again.session.weights.arrays, made.session.weights.arrays)
            same(again.session.slot_views(), made.session.slot_views())


def problems(*overrides: str, optimizer_map: str) -> list[Problem]:
    multi = f"training.optimizer={{type: MultiOptimizer, optimizer_map: {optimizer_map}}}"
    with pytest.raises(ConfigError) as caught:
        check(IRIS, overrides=[multi, *overrides])
    assert all(problem.place is not None for problem in caught.value.problems)
    return list(caught.value.problems)


AT = ("training", "optimizer", "optimizer_map")


def test_what_is_wrong_with_patterns() -> None:
    odd, twice = problems(optimizer_map='{dense: sgd, spices: sgd, "dense*": sgd, "*/kernel": sgd}')
    assert (odd.path, odd.suggestion) == ((*AT, "spices"), "species")
    assert odd.expected == "one of 'dense', 'dense_1', 'species', or a pattern"
    assert twice.path == (*AT, "*/kernel")
    assert twice.message == "'dense_1/kernel' fits 'dense*', '*/kernel', but one optimizer updates it"
    (rate,) = problems("training.callbacks=[ReduceLROnPlateau]", optimizer_map="{dense: sgd}")
    assert rate.path == ("training", "callbacks", 0)
    assert "of which MultiOptimizer has several" in rate.message
    (average,) = problems("training.callbacks=[SwapEMAWeights]", optimizer_map="{dense: sgd}")
    assert "needs an average" in average.message


def test_what_no_model_is_needed_for() -> None:
    (inner,) = problems(optimizer_map="{dense: {type: MultiOptimizer}}")
    assert inner.path[:4] == (*AT, "dense")
    (unknown,) = problems(optimizer_map="{dense: {type: SGD, learning_rat: 1}}")
    assert (unknown.path, unknown.suggestion) == ((*AT, "dense", "learning_rat"), "learning_rate")
    (steps,) = problems(optimizer_map="{dense: {type: SGD, gradient_accumulation_steps: 2}}")
    assert "'gradient_accumulation_steps' must be the same" in steps.message


def test_who_updates_what() -> None:
    cls = optimizers.get("multi_optimizer")
    assert cls is not None
    given = {"a/x": "sgd", "a": "adam", "b/*": "lion", "c": "nadam", "none": "ftrl"}
    multi = cls.model_validate({"optimizer_map": given})
    names = ["a/x/k", "a/y/k", "b/k", "b/x", "d/k", "c/z/k", "a/x/b"]
    assert [problem.path for problem in multi.problems(names)] == [("optimizer_map", "none")]
    parts = {type(part.optimizer).__name__: part.names for part in multi.parts(names)}
    assert parts == {
        "SGD": ("a/x/k", "a/x/b"), "Adam": ("a/y/k",), "Lion": ("b/k", "b/x"), "Nadam": ("c/z/k",),
        "RMSprop": ("d/k",),
    }  # fmt: skip
    assert [part.path[-1] for part in multi.parts(names)] == ["a/x", "a", "b/*", "c", "default_optimizer"]
    assert multi.parts([]) == ()
