"""The recurrent kernels against plain float64 NumPy, and their gradients against finite differences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from nnctl.kernels import lstm
from nnctl.kernels.codes import ACTIVATION_CODES

Array = np.ndarray[Any, Any]

FUNCTIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
}


@dataclass
class Case:
    """One recurrence with everything that may be set."""

    batch: int
    steps: int
    units: int
    masked: bool = False
    dropped: bool = False
    backwards: bool = False
    zero_masked: bool = False
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    dtype: str = "float64"

    def draw(self, *shape: int) -> Array:
        return (np.random.default_rng(sum(shape)).standard_normal(shape) * 0.7).astype(self.dtype)

    def mask(self) -> Array:
        if not self.masked:
            return np.zeros((0, 0), np.uint8)
        mask = np.random.default_rng(3).random((self.batch, self.steps)) < 0.6
        mask[0], mask[-1] = True, False
        return mask.astype(np.uint8)

    def dropout(self, gates: int) -> Array:
        if not self.dropped:
            return np.zeros((0, 0, 0), self.dtype)
        kept = np.random.default_rng(4).random((gates, self.batch, self.units)) < 0.7
        return (kept / 0.7).astype(self.dtype)

    def functions(self) -> tuple[Any, Any]:
        return FUNCTIONS[self.activation], FUNCTIONS[self.recurrent_activation]

    def codes(self) -> tuple[int, int]:
        return ACTIVATION_CODES[self.activation], ACTIVATION_CODES[self.recurrent_activation]


def run_plain(case: Case, cell: Any, xw: Array, states: list[Array]) -> tuple[Array, list[Array]]:
    """Keras's loop: masked steps keep the state and repeat the output (or zero it)."""
    mask, outputs = case.mask(), []
    times = range(case.steps)[:: -1 if case.backwards else 1]
    for t in times:
        new = cell(xw[:, t], states)
        keep = mask[:, t, None] > 0 if case.masked else np.ones((case.batch, 1), bool)
        states = [np.where(keep, n, o) for n, o in zip(new, states, strict=True)]
        outputs.append(states[0] * (keep if case.zero_masked else 1))
    return np.stack(outputs, 1), states


def plain_lstm(case: Case, xw: Array, u: Array, h0: Array, c0: Array) -> tuple[Array, ...]:
    a, r = case.functions()
    dropout = case.dropout(4)

    def cell(x: Array, states: list[Array]) -> list[Array]:
        h, c = states
        factors = dropout if case.dropped else np.ones((4, 1, 1))
        i, f, g, o = (
            xg + (h * m) @ ug
            for xg, ug, m in zip(np.split(x, 4, 1), np.split(u, 4, 1), factors, strict=True)
        )
        c = r(f) * c + r(i) * a(g)
        return [r(o) * a(c), c]

    y, (h, c) = run_plain(case, cell, xw, [h0, c0])
    return y, h, c


def lstm_forward(case: Case, xw: Array, u: Array, h0: Array, c0: Array, keep: bool = True) -> list[Array]:
    b, t, n, dtype = case.batch, case.steps, case.units, case.dtype
    shapes = [(b, t, n), (b, n), (b, n), (b, t, n), (t, b, 4 * n), (t, b, n)]
    if not keep:
        shapes[3:] = [(0,), (b, 4 * n), (b, n)]
    out = [np.full(shape, np.nan, dtype) for shape in shapes]
    scratch = np.full(lstm.scratch_size(b, n, u.itemsize, 3), np.nan, dtype)
    lstm.lstm_forward(
        xw.reshape(-1), u, h0.reshape(-1), c0.reshape(-1), case.mask().reshape(-1), case.dropout(4).reshape(-1),
        b, t, n, *case.codes(), int(case.backwards), int(case.zero_masked), scratch, *(o.reshape(-1) for o in out),
    )  # fmt: skip
    return out


def lstm_backward(case: Case, u: Array, kept: list[Array], dy: Array, dh: Array, dc: Array) -> list[Array]:
    b, t, n, dtype = case.batch, case.steps, case.units, case.dtype
    out = [np.full(shape, np.nan, dtype) for shape in ((b, t, 4 * n), (b, n), (b, n))]
    scratch = np.full(lstm.scratch_size(b, n, u.itemsize, 3), np.nan, dtype)
    lstm.lstm_backward(
        dy.reshape(-1), dh.reshape(-1), dc.reshape(-1), u, kept[1].reshape(-1), kept[2].reshape(-1),
        case.mask().reshape(-1), case.dropout(4).reshape(-1), b, t, n, *case.codes(),
        int(case.backwards), int(case.zero_masked), scratch, *(o.reshape(-1) for o in out),
    )  # fmt: skip
    return out


CASES = [
    Case(3, 4, 5),
    Case(1, 1, 1),
    Case(19, 3, 33, masked=True),
    Case(5, 6, 7, masked=True, zero_masked=True, backwards=True),
    Case(9, 3, 4, dropped=True, masked=True),
    Case(70, 2, 3, activation="relu", recurrent_activation="hard_sigmoid"),
    Case(3, 2, 530, activation="linear", recurrent_activation="tanh", backwards=True),
]


def directional(f: Any, inputs: list[Array], gradients: list[Array], step: float = 1e-6) -> None:
    """The slope along one random direction over all inputs is what the gradients say."""
    rng = np.random.default_rng(11)
    directions = [rng.standard_normal(x.shape) for x in inputs]
    up, down = (
        f(*(x + sign * step * d for x, d in zip(inputs, directions, strict=True))) for sign in (1, -1)
    )
    told = sum((g * d).sum() for g, d in zip(gradients, directions, strict=True))
    assert abs((up - down) / (2 * step) - told) <= 1e-6 * max(1.0, abs(told))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_lstm(case: Case) -> None:
    b, t, n = case.batch, case.steps, case.units
    inputs = [case.draw(b, t, 4 * n), case.draw(n, 4 * n) / np.sqrt(n), case.draw(b, n), case.draw(b, n) + 0.1]
    out = lstm_forward(case, *inputs)
    expected = plain_lstm(case, *inputs)
    for got, want in zip(out, expected, strict=False):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)
    for got, again in zip(lstm_forward(case, *inputs, keep=False)[:3], out, strict=False):
        np.testing.assert_array_equal(got, again)
    weights = [np.random.default_rng(5).standard_normal(o.shape) for o in expected]
    dxw, dh0, dc0 = lstm_backward(case, inputs[1], out[3:], *weights)

    def loss(*x: Array) -> float:
        return float(sum((w * o).sum() for w, o in zip(weights, plain_lstm(case, *x), strict=True)))

    factors = case.dropout(4) if case.dropped else np.ones((4, 1, 1))
    du = np.concatenate(
        [np.einsum("btj,btk->jk", out[3] * m[:, None], d) for m, d in zip(factors, np.split(dxw, 4, 2), strict=True)],
        axis=1,
    )
    directional(loss, inputs, [dxw, du, dh0, dc0])


def test_lstm_without_states_and_with_some_gradients() -> None:
    """Empty initial states are zeros; empty gradients are none."""
    case = Case(4, 3, 6)
    empty, zeros = np.zeros(0), np.zeros((4, 6))
    xw, u = case.draw(4, 3, 24), case.draw(6, 24)
    first, second = lstm_forward(case, xw, u, zeros, zeros), lstm_forward(case, xw, u, empty, empty)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    dh = case.draw(4, 6)
    full = lstm_backward(case, u, first[3:], np.zeros((4, 3, 6)), dh, zeros)
    for a, b in zip(full, lstm_backward(case, u, first[3:], empty, dh, empty), strict=True):
        np.testing.assert_array_equal(a, b)


def test_lstm_float32_and_rows_of_any_batch() -> None:
    case = Case(65, 5, 20, dtype="float32")
    inputs = [case.draw(65, 5, 80), case.draw(20, 80), case.draw(65, 20), case.draw(65, 20)]
    out = lstm_forward(case, *inputs)
    for got, want in zip(out, plain_lstm(case, *inputs), strict=False):
        np.testing.assert_allclose(got, want, atol=2e-6)
    few = lstm_forward(Case(3, 5, 20, dtype="float32"), inputs[0][:3], inputs[1], inputs[2][:3], inputs[3][:3])
    np.testing.assert_array_equal(few[0], out[0][:3])
