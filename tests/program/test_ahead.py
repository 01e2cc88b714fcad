"""The numbers of steps, worked out ahead: those of each step, at whatever rate holds then."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.optimizers.adam import Adam
from nnctl.program.ahead import STEPS, Ahead


def optimizer(**more: object) -> Adam:
    schedule = {"type": "ExponentialDecay", "initial_learning_rate": 0.5, "decay_steps": 3, "decay_rate": 0.5}
    return Adam.model_validate({"learning_rate": schedule, **more})


def test_every_step_has_its_own() -> None:
    own = optimizer(use_ema=True, ema_overwrite_frequency=3, gradient_accumulation_steps=2)
    ahead = Ahead(own)
    for batch in [*range(2 * STEPS + 5), 7, 0, 500, STEPS]:
        assert ahead.numbers(batch, None).tolist() == list(own.all_hyper(batch, own.rate(batch))), batch


def test_a_rate_that_is_set_holds_from_that_step_on() -> None:
    own = optimizer()
    ahead = Ahead(own)
    for batch, rate in [(0, None), (1, 0.25), (2, 0.25), (3, 0.0), (4, -0.0), (5, None)]:
        found = ahead.numbers(batch, rate)
        expected = np.array(own.all_hyper(batch, own.rate(batch) if rate is None else rate))
        assert found.tobytes() == expected.tobytes(), batch


def test_many_are_worked_out_together(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    plain = Adam.all_hyper
    monkeypatch.setattr(Adam, "all_hyper", lambda self, b, r: asked.append(b) or plain(self, b, r))
    ahead = Ahead(optimizer())
    for batch in range(10, 10 + STEPS):
        ahead.numbers(batch, None)
    assert asked == list(range(10, 10 + STEPS))


def test_a_schedule_that_ends_does_so_in_its_own_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def rate(self: Adam, step: int) -> float:
        if step > 4:
            raise ValueError(f"no rate at {step}")
        return 1.0 / (1 + step)

    monkeypatch.setattr(Adam, "rate", rate)
    own = optimizer()
    ahead = Ahead(own)
    for batch in range(5):
        assert ahead.numbers(batch, None)[0] == 1.0 / (1 + batch)
    with pytest.raises(ValueError, match="no rate at 5"):
        ahead.numbers(5, None)
