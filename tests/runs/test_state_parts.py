"""A state in parts: each change of one changes its hash and the whole's, and no other part's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nnctl.runs.state import TrainingState
from nnctl.runs.state_parts import copied, part_digests, state_sha256


def state() -> TrainingState:
    return TrainingState(
        step=7,
        epoch=1,
        step_in_epoch=2,
        weights={"a/kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "b/bias": np.zeros(2)},
        optimizer={"m/a/kernel": np.ones((2, 3), np.float32)},
        scalars={"learning_rate": 0.25},
        callback_states=[{"wait": 1, "best": None}, {}],
        metric_states={"loss/mean": np.zeros(2)},
        logs={"loss": 0.5},
        kept={"best": {"a/kernel": np.zeros((2, 3), np.float32)}},
    )


def change(array: np.ndarray) -> None:
    array.reshape(-1)[-1] = np.nextafter(array.reshape(-1)[-1], array.dtype.type(9))


CHANGES: dict[str, Callable[[TrainingState], object]] = {
    "weights/a/kernel": lambda s: change(s.weights["a/kernel"]),
    "weights/b/bias": lambda s: change(s.weights["b/bias"]),
    "optimizer/m/a/kernel": lambda s: change(s.optimizer["m/a/kernel"]),
    "metrics/loss/mean": lambda s: change(s.metric_states["loss/mean"]),
    "scalars/learning_rate": lambda s: s.scalars.update(learning_rate=0.125),  # type: ignore[attr-defined]
    "logs/loss": lambda s: s.logs.update(loss=0.75),  # type: ignore[attr-defined]
    "callbacks/0": lambda s: s.callback_states[0].update(wait=2),
    "callbacks/1": lambda s: s.callback_states[1].update(seen=True),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_a_part(name: str) -> None:
    before, after = state(), state()
    assert state_sha256(before) == state_sha256(after)
    assert list(part_digests(before)) == list(CHANGES)
    kept = copied(after)
    CHANGES[name](after)
    assert state_sha256(before) != state_sha256(after)
    one, other = part_digests(before), part_digests(after)
    assert [part for part in one if one[part] != other[part]] == [name]
    assert state_sha256(kept) == state_sha256(before)


def test_the_place_in_the_data_counts() -> None:
    found = {state_sha256(state())}
    for name in ("step", "epoch", "step_in_epoch"):
        moved = state()
        setattr(moved, name, 4)
        found.add(state_sha256(moved))
    assert len(found) == 4


def test_type_and_shape_count() -> None:
    one, other = state(), state()
    other.weights = {**one.weights, "a/kernel": one.weights["a/kernel"].reshape(3, 2)}
    assert state_sha256(one) != state_sha256(other)
    assert part_digests(one)["weights/a/kernel"] != part_digests(other)["weights/a/kernel"]
