"""The recurrent kernels against plain float64 NumPy, and their gradients against finite differences."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.kernels import gru, gru_gradient, lstm, simple_rnn
from nnctl.kernels.codes import ACTIVATION_CODES

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
            xg + (h * m) @ ug for xg, ug, m in zip(np.split(x, 4, 1), np.split(u, 4, 1), factors, strict=True)
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
    inputs = [
        case.draw(b, t, 4 * n),
        case.draw(n, 4 * n) / np.sqrt(n),
        case.draw(b, n),
        case.draw(b, n) + 0.1,
    ]
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
        [
            np.einsum("btj,btk->jk", out[3] * m[:, None], d)
            for m, d in zip(factors, np.split(dxw, 4, 2), strict=True)
        ],
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
    few = lstm_forward(
        Case(3, 5, 20, dtype="float32"), inputs[0][:3], inputs[1], inputs[2][:3], inputs[3][:3]
    )
    np.testing.assert_array_equal(few[0], out[0][:3])


def plain_simple_rnn(case: Case, xw: Array, u: Array, h0: Array) -> tuple[Array, ...]:
    a, _ = case.functions()
    factors = case.dropout(1)[0] if case.dropped else np.ones((1, 1))
    y, (h,) = run_plain(case, lambda x, states: [a(x + (states[0] * factors) @ u)], xw, [h0])
    return y, h


@pytest.mark.parametrize("case", CASES, ids=str)
def test_simple_rnn(case: Case) -> None:
    b, t, n = case.batch, case.steps, case.units
    xw, u, h0 = inputs = [case.draw(b, t, n), case.draw(n, n) / np.sqrt(n), case.draw(b, n)]
    mask, dropout = case.mask().reshape(-1), case.dropout(1).reshape(-1)
    attributes = (b, t, n, case.codes()[0], int(case.backwards), int(case.zero_masked))
    scratch = np.full(simple_rnn.scratch_size(b, n, u.itemsize, 3), np.nan)

    def forward(*shapes: tuple[int, ...]) -> list[Array]:
        out = [np.full(shape, np.nan) for shape in shapes]
        flat = (o.reshape(-1) for o in out)
        simple_rnn.simple_rnn_forward(
            xw.reshape(-1), u, h0.reshape(-1), mask, dropout, *attributes, scratch, *flat
        )
        return out

    y, h_last, h_before, outputs = forward((b, t, n), (b, n), (b, t, n), (t, b, n))
    expected = plain_simple_rnn(case, *inputs)
    for got, want in zip((y, h_last), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)
    for got, again in zip(forward((b, t, n), (b, n), (0,), (b, n))[:2], (y, h_last), strict=True):
        np.testing.assert_array_equal(got, again)
    weights = [np.random.default_rng(5).standard_normal(o.shape) for o in expected]
    dxw, dh0 = np.full((b, t, n), np.nan), np.full((b, n), np.nan)
    simple_rnn.simple_rnn_backward(
        *(w.reshape(-1) for w in weights), u, outputs.reshape(-1), mask, dropout, *attributes, scratch,
        dxw.reshape(-1), dh0.reshape(-1),
    )  # fmt: skip
    factors = case.dropout(1)[0][:, None] if case.dropped else 1.0
    du = np.einsum("btj,btk->jk", h_before * factors, dxw)

    def loss(*x: Array) -> float:
        return float(sum((w * o).sum() for w, o in zip(weights, plain_simple_rnn(case, *x), strict=True)))

    directional(loss, inputs, [dxw, du, dh0])


def plain_gru(case: Case, after: bool, xw: Array, u: Array, bias: Array, h0: Array) -> tuple[Array, ...]:
    a, s = case.functions()
    factors = case.dropout(3) if case.dropped else np.ones((3, 1, 1))
    uz, ur, uh = np.split(u, 3, 1)
    bz, br, bh = np.split(bias, 3)

    def cell(x: Array, states: list[Array]) -> list[Array]:
        (h,) = states
        xz, xr, xh = np.split(x, 3, 1)
        z = s(xz + (h * factors[0]) @ uz + bz)
        r = s(xr + (h * factors[1]) @ ur + br)
        hh = a(xh + r * ((h * factors[2]) @ uh + bh)) if after else a(xh + (r * h * factors[2]) @ uh)
        return [z * h + (1 - z) * hh]

    y, (h,) = run_plain(case, cell, xw, [h0])
    return y, h


@pytest.mark.parametrize(("case", "after"), list(itertools.product(CASES, [True, False])), ids=str)
def test_gru(case: Case, after: bool) -> None:
    b, t, n = case.batch, case.steps, case.units
    xw, u, bias, h0 = inputs = [
        case.draw(b, t, 3 * n), case.draw(n, 3 * n) / np.sqrt(n), case.draw(3 * n) * after, case.draw(b, n)
    ]  # fmt: skip
    given = bias if after else np.zeros(0)
    mask, dropout = case.mask().reshape(-1), case.dropout(3).reshape(-1)
    attributes = (b, t, n, *case.codes(), int(after), int(case.backwards), int(case.zero_masked))
    scratch = np.full(gru.scratch_size(b, n, u.itemsize, 3), np.nan)

    def forward(*shapes: tuple[int, ...]) -> list[Array]:
        out = [np.full(shape, np.nan) for shape in shapes]
        flat = (o.reshape(-1) for o in out)
        gru.gru_forward(xw.reshape(-1), u, given, h0.reshape(-1), mask, dropout, *attributes, scratch, *flat)
        return out

    y, h_last, h_before, reset_h, gates = forward((b, t, n), (b, n), (b, t, n), (b, t, n), (t, b, 4 * n))
    expected = plain_gru(case, after, *inputs)
    for got, want in zip((y, h_last), expected, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)
    for got, again in zip(forward((b, t, n), (b, n), (0,), (0,), (b, 4 * n))[:2], (y, h_last), strict=True):
        np.testing.assert_array_equal(got, again)
    weights = [np.random.default_rng(5).standard_normal(o.shape) for o in expected]
    dxw, d_inner, dh0 = (np.full(shape, np.nan) for shape in ((b, t, 3 * n), (b, t, 3 * n), (b, n)))
    gru_gradient.gru_backward(
        *(w.reshape(-1) for w in weights), u, h_before.reshape(-1), gates.reshape(-1), mask, dropout,
        *attributes, scratch, dxw.reshape(-1), d_inner.reshape(-1), dh0.reshape(-1),
    )  # fmt: skip
    factors = case.dropout(3)[:, :, None] if case.dropped else np.ones((3, 1, 1, 1))
    sources = [h_before * factors[0], h_before * factors[1], h_before * factors[2] if after else reset_h]
    inner = d_inner if after else dxw
    parts = zip(sources, np.split(inner, 3, 2), strict=True)
    du = np.concatenate([np.einsum("btj,btk->jk", source, d) for source, d in parts], axis=1)
    d_bias = inner.sum((0, 1)) * after

    def loss(x: Array, uu: Array, bb: Array, h: Array) -> float:
        outputs = plain_gru(case, after, x, uu, bb * after, h)
        return float(sum((w * o).sum() for w, o in zip(weights, outputs, strict=True)))

    directional(loss, inputs, [dxw, du, d_bias, dh0])


_HASH = """
import hashlib, numpy as np
from nnctl.kernels import gru, gru_gradient, lstm
b, t, n, digest = 37, 5, 43, hashlib.sha256()
draw = lambda *shape: (np.arange(np.prod(shape)) * 0.7297 % 1.3 - 0.6).astype("float32")
none, mask = np.zeros(0, "float32"), (np.arange(b * t) % 7 > 0).astype(np.uint8)
empty = lambda *shape: np.full(int(np.prod(shape)), 7, "float32")
u, sizes = draw(n, 4 * n).reshape(n, 4 * n) / 4, (b, t, n, 3, 2)
y, before, cells = empty(b, t, n), empty(b, t, n), empty(b, t, n)
h, c, gates = empty(b, n), empty(b, n), empty(b, t, 4 * n)
work = empty(lstm.scratch_size(b, n, 4, 3))
xw = draw(b, t, 4 * n)
lstm.lstm_forward(xw, u, none, none, mask, none, *sizes, 0, 0, work, y, h, c, before, gates, cells)
dxw, dh, dc = empty(b, t, 4 * n), empty(b, n), empty(b, n)
lstm.lstm_backward(draw(b, t, n), none, none, u, gates, cells, mask, none, *sizes, 0, 0, work, dxw, dh, dc)
for array in (y, h, c, dxw, dh, dc):
    digest.update(array.tobytes())
u, work = draw(n, 3 * n).reshape(n, 3 * n) / 4, empty(gru.scratch_size(b, n, 4, 3))
xw, bias = draw(b, t, 3 * n), draw(3 * n)
gru.gru_forward(xw, u, bias, none, mask, none, *sizes, 1, 0, 0, work, y, h, before, none, gates)
dxw, inner, dy = empty(b, t, 3 * n), empty(b, t, 3 * n), draw(b, t, n)
gru_gradient.gru_backward(dy, none, u, before, gates, mask, none, *sizes, 1, 0, 0, work, dxw, inner, dh)
for array in (y, h, dxw, inner, dh):
    digest.update(array.tobytes())
print(digest.hexdigest())
"""


@pytest.mark.slow
def test_one_hash_on_all_machines() -> None:
    """Threads x CPU targets: the same bits (in child processes, as Numba reads these once)."""
    haswell = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma"}
    generic = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    hashes = set()
    for machine in ({"NUMBA_NUM_THREADS": "1"}, {"NUMBA_NUM_THREADS": "3"}, haswell, generic):
        done = subprocess.run(
            [sys.executable, "-c", _HASH],
            env=os.environ | machine,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        hashes.add(done.stdout)
    assert len(hashes) == 1
