"""The recurrent kernels against plain float64 NumPy, and their gradients against finite differences."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from nnctl.core.arrays import Array
from nnctl.kernels.codes import ACTIVATION_CODES
from nnctl.kernels.panels import ROWS
from nnctl.kernels.ranges import share
from nnctl.kernels.recurrence import memory_of
from nnctl.layers.gru import GRU
from nnctl.layers.lstm import LSTM
from nnctl.layers.simple_rnn import SimpleRNN
from nnctl.ops.base import Op, TensorType
from nnctl.ops.recurrence import Cell, Recurrence, RecurrenceGrad
from nnctl.program.bind import load_kernel

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

    def inputs(self, name: str) -> list[Array]:
        """xw, V, the extra weight where there is one, and the initial states."""
        cell, b, n = CELLS[name][0], self.batch, self.units
        width = cell.gates * n
        extra = [self.draw(width)] if name == "gru" else []
        states = [self.draw(b, n) + k / 10 for k in range(cell.states)]
        v = self.draw(n, width) / np.sqrt(n)
        return [x.astype(self.dtype) for x in (self.draw(b, self.steps, width), v, *extra, *states)]

    def mask(self) -> list[Array]:
        if not self.masked:
            return []
        mask = np.random.default_rng(3).random((self.batch, self.steps)) < 0.6
        mask[0], mask[-1] = True, False
        return [mask.astype(np.uint8)]

    def factors(self, gates: int) -> list[Array]:
        if not self.dropped:
            return []
        kept = np.random.default_rng(4).random((gates, self.batch, self.units)) < 0.7
        return [(kept / 0.7).astype(self.dtype)]

    def factors_or_ones(self, gates: int) -> Array:
        return self.factors(gates)[0] if self.dropped else np.ones((gates, 1, 1))

    def op(self, name: str, started: bool = True, kept: bool = True) -> Recurrence:
        codes = [ACTIVATION_CODES[word] for word in (self.activation, self.recurrent_activation)]
        return Recurrence(
            CELLS[name][0], *codes, self.backwards, self.zero_masked, name == "gru", started, self.masked,
            self.dropped, kept,
        )  # fmt: skip


def run(op: Op, inputs: Sequence[Array]) -> list[Array]:
    """The op's kernel on arrays, with NaN in all memory that it is to write."""
    types = [TensorType(x.shape, x.dtype.name) for x in inputs]
    outputs = op.infer(*types)
    out = [np.full(t.shape, np.nan, t.dtype) for t in outputs]
    scratch = np.full(op.scratch(types, outputs, 3) // inputs[0].itemsize, np.nan, inputs[0].dtype)
    for call in op.calls(inputs, out, scratch.view(np.uint8), 3):
        load_kernel(call)(*call.args)
    return out


def run_plain(case: Case, step: Any, xw: Array, states: list[Array]) -> tuple[Array, ...]:
    """Keras's loop: masked steps keep the state and repeat the output (or zero it)."""
    mask, outputs = case.mask(), []
    times = range(case.steps)[:: -1 if case.backwards else 1]
    for t in times:
        new = step(xw[:, t], *states)
        keep = mask[0][:, t, None] > 0 if case.masked else np.ones((case.batch, 1), bool)
        states = [np.where(keep, n, o) for n, o in zip(new, states, strict=True)]
        outputs.append(states[0] * (keep if case.zero_masked else 1))
    return np.stack(outputs, 1), *states


def plain_simple_rnn(case: Case, xw: Array, v: Array, h0: Array) -> tuple[Array, ...]:
    a, (factors,) = FUNCTIONS[case.activation], case.factors_or_ones(1)
    return run_plain(case, lambda x, h: [a(x + (h * factors) @ v)], xw, [h0])


def plain_lstm(case: Case, xw: Array, v: Array, h0: Array, c0: Array) -> tuple[Array, ...]:
    a, s = FUNCTIONS[case.activation], FUNCTIONS[case.recurrent_activation]
    factors = case.factors_or_ones(4)

    def step(x: Array, h: Array, c: Array) -> list[Array]:
        parts = zip(np.split(x, 4, 1), np.split(v, 4, 1), factors, strict=True)
        i, f, g, o = (xg + (h * m) @ vg for xg, vg, m in parts)
        c = s(f) * c + s(i) * a(g)
        return [s(o) * a(c), c]

    return run_plain(case, step, xw, [h0, c0])


def plain_gru(case: Case, xw: Array, v: Array, bias: Array, h0: Array) -> tuple[Array, ...]:
    a, s = FUNCTIONS[case.activation], FUNCTIONS[case.recurrent_activation]
    factors, (vz, vr, vg), (bz, br, bg) = case.factors_or_ones(3), np.split(v, 3, 1), np.split(bias, 3)

    def step(x: Array, h: Array) -> list[Array]:
        xz, xr, xg = np.split(x, 3, 1)
        z, r = s(xz + (h * factors[0]) @ vz + bz), s(xr + (h * factors[1]) @ vr + br)
        return [z * h + (1 - z) * a(xg + r * ((h * factors[2]) @ vg + bg))]

    return run_plain(case, step, xw, [h0])


def plain_gru_reset_before(case: Case, xw: Array, v: Array, h0: Array) -> tuple[Array, ...]:
    a, s = FUNCTIONS[case.activation], FUNCTIONS[case.recurrent_activation]
    factors, (vz, vr, vg) = case.factors_or_ones(3), np.split(v, 3, 1)

    def step(x: Array, h: Array) -> list[Array]:
        xz, xr, xg = np.split(x, 3, 1)
        z, r = s(xz + (h * factors[0]) @ vz), s(xr + (h * factors[1]) @ vr)
        return [z * h + (1 - z) * a(xg + (r * h * factors[2]) @ vg)]

    return run_plain(case, step, xw, [h0])


CELLS: dict[str, tuple[Cell, Callable[..., tuple[Array, ...]]]] = {
    "simple_rnn": (SimpleRNN.step_op, plain_simple_rnn),
    "lstm": (LSTM.step_op, plain_lstm),
    "gru": (GRU.step_op, plain_gru),
    "gru_reset_before": (GRU.reset_before, plain_gru_reset_before),
}

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


def weight_gradients(case: Case, cell: Cell, kept: list[Array], d_xw: Array, d_hv: Array) -> list[Array]:
    """Of V and of a recurrent bias, where there is one: what products read times their gradients."""
    parts = []
    for gate, (factors, d) in enumerate(
        zip(case.factors_or_ones(cell.gates), np.split(d_hv, cell.gates, 2), strict=True)
    ):
        source = kept[2] if gate == cell.own_source else kept[0] * factors[:, None]
        parts.append(np.einsum("btj,btk->jk", source, d))
    return [np.concatenate(parts, 1), *([d_hv.sum((0, 1))] if cell.own_slope else [])]


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_and_gradients(case: Case, name: str) -> None:
    cell, plain = CELLS[name]
    inputs, masks, factors = case.inputs(name), case.mask(), case.factors(cell.gates)
    out, expected = run(case.op(name), [*inputs, *masks, *factors]), plain(case, *inputs)
    results = 1 + cell.states
    for got, want in zip(out, expected, strict=False):
        np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-12)
    fleeting = run(case.op(name, kept=False), [*inputs, *masks, *factors])
    for got, again in zip(fleeting[:results], out, strict=False):
        np.testing.assert_array_equal(got, again)

    weights = [np.random.default_rng(5).standard_normal(o.shape) for o in expected]
    back, kept = RecurrenceGrad(case.op(name), (True,) * results), out[results:]
    extra = inputs[2 : len(inputs) - cell.states]
    d_xw, *more = run(back, [*inputs[:2], *extra, *kept, *weights, *masks, *factors])
    d_states, d_hv = more[: cell.states], more[-1] if cell.own_slope else d_xw

    def loss(*x: Array) -> float:
        return float(sum((w * o).sum() for w, o in zip(weights, plain(case, *x), strict=True)))

    of_weights = weight_gradients(case, cell, kept, d_xw, d_hv)
    directional(loss, inputs, [d_xw, *of_weights, *d_states])


@pytest.mark.parametrize("name", CELLS)
def test_without_states_and_with_some_gradients(name: str) -> None:
    """Initial states that are not given are zeros; gradients that do not arrive are none."""
    case, cell = Case(4, 3, 6), CELLS[name][0]
    inputs = case.inputs(name)
    weights, zeros = inputs[: len(inputs) - cell.states], [np.zeros((4, 6))] * cell.states
    first = run(case.op(name), [*weights, *zeros])
    for a, b in zip(first, run(case.op(name, started=False), weights), strict=True):
        np.testing.assert_array_equal(a, b)
    dh, kept = case.draw(4, 6), first[1 + cell.states :]
    all_arrive = RecurrenceGrad(case.op(name), (True,) * (1 + cell.states))
    one_arrives = RecurrenceGrad(case.op(name), (False, True, *[False] * (cell.states - 1)))
    full = run(all_arrive, [*weights, *kept, np.zeros((4, 3, 6)), dh, *zeros[1:]])
    for a, b in zip(full, run(one_arrives, [*weights, *kept, dh]), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", CELLS)
def test_float32_and_rows_of_any_batch(name: str) -> None:
    """A row's numbers are the same whatever batch it is in."""
    case, plain = Case(65, 5, 20, dtype="float32"), CELLS[name][1]
    inputs = case.inputs(name)
    out = run(case.op(name), inputs)
    for got, want in zip(out, plain(case, *inputs), strict=False):
        np.testing.assert_allclose(got, want, atol=2e-6)
    few = [x[:3] if x.shape[0] == 65 else x for x in inputs]
    np.testing.assert_array_equal(run(case.op(name), few)[0], out[0][:3])


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("units", [15, 16, 20, 83, 525])
def test_one_row_alone(name: str, units: int) -> None:
    """A batch of one has the bits of its row among others.

    525 units are two blocks of a sum; 20 and 83 fill no whole vectors.
    """
    case = Case(2, 3, units, dtype="float32")
    inputs = case.inputs(name)
    inputs[1] = inputs[1] * np.float32(units**-0.5)
    xw, *rest = inputs
    weights, states = rest[: -CELLS[name][0].states], rest[-CELLS[name][0].states :]
    alone = [xw[1:], *weights, *(state[1:] for state in states)]
    results = 1 + len(states)
    both = run(case.op(name, kept=False), inputs)[:results]
    for got, want in zip(run(case.op(name, kept=False), alone), both, strict=False):
        np.testing.assert_array_equal(got, want[1:])


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("units", [128, 200])
@pytest.mark.parametrize("steps", [1, 4, 7])
def test_one_row_by_units(name: str, units: int, steps: int) -> None:
    """Steps that threads share have the bits of a row among others, with all that there is.

    128 units are two parts, 200 three of which the last is longer.
    """
    case = Case(3, steps, units, True, True, True, True, dtype="float32")
    xw, *rest = case.inputs(name)
    weights, states = rest[: -CELLS[name][0].states], rest[-CELLS[name][0].states :]
    factors = case.factors(CELLS[name][0].gates)[0]
    mask = (np.arange(3 * steps) % 3 != 1).astype(np.uint8).reshape(3, steps)
    together = run(case.op(name, kept=False), [xw, *weights, *states, mask, factors])
    for row in range(3):
        one = slice(row, row + 1)
        alone = [xw[one], *weights, *(state[one] for state in states), mask[one]]
        found = run(case.op(name, kept=False), [*alone, np.ascontiguousarray(factors[:, one])])
        for got, want in zip(found[: 1 + len(states)], together, strict=False):
            np.testing.assert_array_equal(got, want[one])


@pytest.mark.parametrize(
    ("name", "batch", "units", "kept", "threads", "kernel"),
    [
        ("lstm", 1, 128, False, 2, "lstm_units"),
        ("gru", 1, 200, False, 3, "gru_units"),
        ("lstm", 1, 127, False, 2, "lstm_forward"),
        ("lstm", 2, 128, False, 2, "lstm_forward"),
        ("lstm", 1, 128, False, 1, "lstm_forward"),
        ("lstm", 1, 128, True, 2, "lstm_forward"),
        ("gru_reset_before", 1, 128, False, 2, "gru_reset_before_forward"),
    ],
)
def test_whose_units_are_shared(
    name: str, batch: int, units: int, kept: bool, threads: int, kernel: str
) -> None:
    """One row's, of which nothing is kept, on several threads."""
    case = Case(batch, 2, units, dtype="float32")
    op, inputs = case.op(name, kept=kept), case.inputs(name)
    types = [TensorType(x.shape, x.dtype.name) for x in inputs]
    outputs = op.infer(*types)
    out = [np.zeros(t.shape, t.dtype) for t in outputs]
    scratch = np.zeros(op.scratch(types, outputs, threads), np.uint8)
    assert [call.kernel.split(".")[1] for call in op.calls(inputs, out, scratch, threads)] == [kernel]


def test_blocks_of_nearly_equal_length() -> None:
    """Every row is in one block; from four tiles on, two threads have as many blocks, as long."""
    for batch in range(1, 300):
        memory = memory_of(batch, 5, 4, 2, 5, 4)
        blocks = [share.py_func(batch, memory.blocks, n) for n in range(memory.blocks)]
        rows = [count for _, count in blocks]
        assert [row for row, _ in blocks] == [sum(rows[:n]) for n in range(len(rows))]
        assert sum(rows) == batch
        assert max(rows) <= min(min(rows) + 1, 2 * ROWS)
        assert batch < 4 * ROWS or len(rows) % 2 == 0
        assert memory.size >= (2 * 2 + 5 + 1) * max(rows) * 5


def test_sizes_that_do_not_fit() -> None:
    op = Case(2, 3, 2).op("lstm")
    for gates_of_x, gates_of_h in ((8, 6), (6, 8)):
        with pytest.raises(ValueError, match="lstm of"):
            op.infer(TensorType((2, 3, gates_of_x), "float32"), TensorType((2, gates_of_h), "float32"))


def hashed() -> None:
    """Prints one hash of all cells' values and gradients."""
    import hashlib

    case, digest = Case(37, 5, 43, masked=True, dtype="float32"), hashlib.sha256()
    for name, (cell, _) in CELLS.items():
        xw, v = case.inputs(name)[:2]
        # Numbers that no other library computes.
        xw, v = ((np.arange(x.size) * 0.7297 % 1.3 - 0.6).astype(x.dtype).reshape(x.shape) for x in (xw, v))
        extra = [np.linspace(-1, 1, 3 * 43).astype("float32")] if name == "gru" else []
        mask = (np.arange(37 * 5) % 7 > 0).astype(np.uint8).reshape(37, 5)
        out = run(case.op(name, started=False), [xw, v / 4, *extra, mask])
        back = RecurrenceGrad(case.op(name, started=False), (True, *[False] * cell.states))
        found = run(back, [xw, v / 4, *extra, *out[1 + cell.states :], xw[:, :, :43].copy(), mask])
        single = Case(1, 5, 130, dtype="float32")
        long = [
            (np.arange(x.size) * 0.7297 % 1.3 - 0.6).astype("float32").reshape(x.shape)
            for x in single.inputs(name)
        ]
        alone = run(single.op(name, kept=False), [long[0], long[1] / 4, *long[2:]])
        for array in (*out[: 1 + cell.states], *found, *alone[: 1 + cell.states]):
            digest.update(array.tobytes())
    print(digest.hexdigest())


@pytest.mark.slow
def test_one_hash_on_all_machines() -> None:
    """Threads x CPU targets: the same bits (in child processes, as Numba reads these once)."""
    haswell = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma"}
    generic = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    hashes = set()
    for machine in ({"NUMBA_NUM_THREADS": "1"}, {"NUMBA_NUM_THREADS": "3"}, haswell, generic):
        done = subprocess.run(
            [sys.executable, "-c", f"from {__name__} import hashed; hashed()"],
            env=os.environ | machine,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        hashes.add(done.stdout)
    assert len(hashes) == 1
