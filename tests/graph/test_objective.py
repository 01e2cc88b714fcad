"""What an objective keeps count of while it trains, and the numbers it makes of that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from nnctl.core.errors import ConfigError
from nnctl.graph.objective import Objective
from tests.graph.test_compile import compiled, model


def two() -> Objective:
    found = compiled(model(("a", 2), ("b", 1)), loss="mse", metrics={"b": ["mae", "accuracy"]})
    return replace(found, unscaled={"b_loss": 9.0, "b_mae": 3.0})


def test_names_and_their_order() -> None:
    assert two().log_names() == (
        "loss", "a_loss", "b_loss", "b_loss_unscaled", "b_mae", "b_mae_unscaled", "b_accuracy",
    )  # fmt: skip
    assert compiled(model(("a", 2)), loss="mse").loss_names() == ("loss",)


def test_which_way_is_better() -> None:
    less = ("loss", "a_loss", "b_loss", "b_loss_unscaled", "b_mae", "b_mae_unscaled")
    assert two().better() == {**dict.fromkeys(less, "min"), "b_accuracy": "max"}


def test_states() -> None:
    names = ["loss/mean", "a_loss/mean", "b_loss/mean"]
    states = two().states()
    assert list(states)[:3] == names
    assert [states[name] for name in names] == [(2,)] * 3
    assert {name.partition("/")[0] for name in list(states)[3:]} == {"b_mae", "b_accuracy"}


def test_results() -> None:
    """Totals over counts; 0 where nothing was counted; in the target's unit beside that."""
    objective = two()
    states = {name: np.zeros(shape) for name, shape in objective.states().items()}
    states["loss/mean"][:] = 6.0, 4.0
    states["b_loss/mean"][:] = 3.0, 2.0
    found = objective.results(states)
    assert (found["loss"], found["a_loss"], found["b_loss"]) == (1.5, 0.0, 1.5)
    assert found["b_loss_unscaled"] == 13.5
    assert list(found) == list(objective.log_names())
    (mae,) = (name for name in states if name.startswith("b_mae/"))
    states[mae][:] = 8.0, 4.0
    found = objective.results(states)
    assert (found["b_mae"], found["b_mae_unscaled"], found["b_accuracy"]) == (2.0, 6.0, 0.0)


def test_a_sum_cannot_be_computed_in_shards() -> None:
    """One shard is the whole batch."""
    loss = {"a": {"type": "MeanSquaredError", "reduction": "sum"}, "b": "mse"}
    assert len(compiled(model(("a", 2), ("b", 1)), loss=loss, shards=1).outputs) == 2
    with pytest.raises(ConfigError, match="cannot be computed in shards") as caught:
        compiled(model(("a", 2), ("b", 1)), loss=loss, shards=2)
    assert caught.value.problems[0].path == ("training", "loss", "a")
