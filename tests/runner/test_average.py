"""SwapEMAWeights: validated and saved with the average of the weights, trained as without it."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from nnctl.core import events
from nnctl.core.errors import ConfigError
from nnctl.core.events import Event
from nnctl.runner.evaluate import evaluate
from nnctl.runner.train import Job, train
from nnctl.runs.state import TrainingState
from nnctl.workflow.check import check
from tests.runner.test_boundaries import IRIS, job

OPTIMIZER = "{type: SGD, momentum: 0.9, learning_rate: 0.1, use_ema: true, ema_momentum: 0.8}"
EPOCHS = 3


def averaging(callbacks: str, every: str = "epoch", validated: int = 1) -> Job:
    training = (f"optimizer={OPTIMIZER}", f"epochs={EPOCHS}", f"callbacks={callbacks}")
    training += (f"validation_frequency={validated}",)
    return job(*(f"training.{text}" for text in (*training, "checkpoint={every: " + every + "}")))


def saved(told: Iterable[Event]) -> list[events.CheckpointDue]:
    """Every checkpoint but the final model, as it was then."""
    due = (event for event in told if isinstance(event, events.CheckpointDue))
    return [copy.deepcopy(event) for event in due if event.reason != "end"]


def by_epoch(checkpoints: list[events.CheckpointDue]) -> dict[int, TrainingState]:
    return {event.epoch: event.state for event in checkpoints if event.state.complete}


def average_of(state: TrainingState) -> dict[str, np.ndarray]:
    return {name.removeprefix("average/"): a for name, a in state.optimizer.items() if "average/" in name}


@pytest.fixture(scope="module")
def plain() -> tuple[Job, dict[int, TrainingState]]:
    """A run without the callback, and its state after each epoch."""
    made = averaging("[]")
    return made, by_epoch(saved(train(made)))


@pytest.mark.parametrize("on_epoch", [False, True])
def test_trains_as_without_it_and_validates_the_average(
    on_epoch: bool, plain: tuple[Job, dict[int, TrainingState]]
) -> None:
    """With `swap_on_epoch`, weights and average have changed places in what is saved between epochs."""
    without, before = plain
    final = without.session.weights.flat.copy()
    made = averaging(f"[{{type: SwapEMAWeights, swap_on_epoch: {str(on_epoch).lower()}}}]")
    losses: list[float] = []

    def watched() -> Iterable[Event]:
        for event in train(made):
            if isinstance(event, events.EpochEnded):
                losses.append(event.logs["val_loss"])
            yield event

    found = by_epoch(saved(watched()))
    np.testing.assert_array_equal(made.session.weights.flat, final)
    np.testing.assert_array_equal(made.session.slots["average"], final)
    assert sorted(found) == [1, 2, 3]
    for epoch, state in found.items():
        weights, average = before[epoch].weights, average_of(before[epoch])
        at_hand, beside = (average, weights) if on_epoch else (weights, average)
        for name in average:
            np.testing.assert_array_equal(state.weights[name], at_hand[name])
            np.testing.assert_array_equal(average_of(state)[name], beside[name])
        without.session.weights.load({**weights, **average})
        assert without.validation is not None
        assert evaluate(without.session, without.validation, 16)["loss"] == losses[epoch - 1]
    without.session.weights.flat[...] = final


def test_the_best_model_that_waits_is_the_average(plain: tuple[Job, dict[int, TrainingState]]) -> None:
    """The second epoch's waits while the third is trained: no checkpoint is due between them."""
    made = averaging("[{type: SwapEMAWeights, swap_on_epoch: true}]", "auto", validated=2)
    made.clock = lambda: 0.0
    (best,) = [event for event in saved(train(made)) if event.reason == "best"]
    assert best.epoch == 2
    for name, average in average_of(plain[1][2]).items():
        np.testing.assert_array_equal(best.state.weights[name], average)


def test_goes_on_exactly_from_every_checkpoint() -> None:
    """Also where EarlyStopping puts an average back that it kept."""
    stopping = "{type: EarlyStopping, patience: 1, restore_best_weights: true}"
    callbacks = f"[{{type: SwapEMAWeights, swap_on_epoch: true}}, {stopping}]"
    made, again = averaging(callbacks, "3"), averaging(callbacks, "3")
    found = saved(train(made))
    assert {"averaged" in event.state.scalars for event in found} == {True, False}
    for event in found:
        if event.state.complete:
            list(train(again, copy.deepcopy(event.state)))
            np.testing.assert_array_equal(again.session.weights.flat, made.session.weights.flat)
            np.testing.assert_array_equal(again.session.slots["average"], made.session.slots["average"])


def test_an_optimizer_without_an_average(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SwapEMAWeights needs an average of the weights") as caught:
        check(IRIS, overrides=["training.callbacks=[SwapEMAWeights]"])
    (problem,) = caught.value.problems
    assert problem.path == ("training", "callbacks", 0)
    assert problem.place is not None
