"""Recurrent ops: gradients of every input against finite differences; kernels have tests of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnctl.layers.gru import GRU
from nnctl.layers.lstm import LSTM
from nnctl.layers.simple_rnn import SimpleRNN
from nnctl.ops.base import Value
from nnctl.ops.recurrence import recurrence
from tests.ops.harness import check_gradients, evaluate

B, T, U = 3, 4, 5
RNG = np.random.default_rng(2)
MASK = np.array([[1, 1, 0, 1], [0, 1, 1, 0], [1, 1, 1, 1]], np.uint8)


def draw(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.standard_normal(shape) * 0.6


CELLS = {
    "simple_rnn": SimpleRNN.step_op,
    "lstm": LSTM.step_op,
    "gru": GRU.step_op,
    "gru_reset_before": GRU.reset_before,
}


def build(name: str, options: dict[str, Any]) -> Any:
    def made(
        xw: Value, v: Value, h0: Value | None = None, c0: Value | None = None, **more: Value
    ) -> tuple[Value, ...]:
        states = [s for s in (h0, c0) if s is not None]
        return recurrence(CELLS[name], xw, v, states=states, **more, **options)

    return made


def inputs_of(name: str, full: bool) -> dict[str, Any]:
    gates, states = CELLS[name].gates, CELLS[name].states
    inputs = {"xw": draw(B, T, gates * U), "v": draw(U, gates * U)}
    if name == "gru":
        inputs["extra"] = draw(gates * U)
    if full:
        inputs |= {"h0": draw(B, U)} | ({"c0": draw(B, U)} if states == 2 else {})
        inputs |= {"mask": MASK, "factors": (RNG.random((gates, B, U)) < 0.7) / 0.7}
    return inputs


@pytest.mark.parametrize("name", CELLS)
def test_gradients(name: str) -> None:
    plain = inputs_of(name, False)
    check_gradients(build(name, {}), plain)
    # Only the last state is used: no gradient arrives at the sequence.
    check_gradients(lambda **v: build(name, {})(**v)[1], plain, wrt=["xw", "v"])
    full = inputs_of(name, True)
    wrt = [key for key in full if key not in ("mask", "factors")]
    options = {"go_backwards": True, "zero_output_for_mask": True}
    check_gradients(build(name, options), full, wrt=wrt)


@pytest.mark.parametrize("name", CELLS)
def test_the_same_without_keeping_anything(name: str) -> None:
    inputs = inputs_of(name, True)
    kept, fleeting = (evaluate(build(name, {"keep": keep}), inputs) for keep in (True, False))
    for a, b in zip(kept, fleeting, strict=True):
        np.testing.assert_array_equal(a, b)
