"""Recurrent ops: gradients of every input against finite differences; kernels have tests of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnctl.ops.base import Value
from nnctl.ops.recurrent import gru, lstm, simple_rnn
from tests.ops.harness import check_gradients, evaluate

B, T, U = 3, 4, 5
RNG = np.random.default_rng(2)
MASK = np.array([[1, 1, 0, 1], [0, 1, 1, 0], [1, 1, 1, 1]], np.uint8)


def draw(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.standard_normal(shape) * 0.6


CELLS = {
    "simple_rnn": (1, 1, simple_rnn, {}),
    "lstm": (4, 2, lstm, {}),
    "gru": (3, 1, gru, {"reset_after": True}),
    "gru before": (3, 1, gru, {"reset_after": False}),
}


def build(name: str, options: dict[str, Any]) -> Any:
    _, _, function, attributes = CELLS[name]

    def made(
        xw: Value, u: Value, bias: Value | None = None, h0: Value | None = None, c0: Value | None = None,
        mask: Value | None = None, factors: Value | None = None,
    ) -> Any:  # fmt: skip
        states = [s for s in (h0, c0) if s is not None]
        more = attributes | options | {"states": states, "mask": mask, "factors": factors}
        return function(xw, u, bias, **more) if name.startswith("gru") else function(xw, u, **more)

    return made


def inputs_of(name: str, full: bool) -> dict[str, Any]:
    gates, states = CELLS[name][:2]
    inputs = {"xw": draw(B, T, gates * U), "u": draw(U, gates * U)}
    if name == "gru":
        inputs["bias"] = draw(gates * U)
    if full:
        inputs |= {"h0": draw(B, U)} | ({"c0": draw(B, U)} if states == 2 else {})
        inputs |= {"mask": MASK, "factors": (RNG.random((gates, B, U)) < 0.7) / 0.7}
    return inputs


@pytest.mark.parametrize("name", CELLS)
def test_gradients(name: str) -> None:
    plain = inputs_of(name, False)
    check_gradients(build(name, {}), plain)
    # Only the last state is used: no gradient arrives at the sequence.
    check_gradients(lambda **v: build(name, {})(**v)[1], plain, wrt=["xw", "u"])
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
