"""What a cell's step and its gradient are made of: products with V, activations in place, masked rows.

Arrays are flat. V is packed once per call (kernels/packed.py), or
read where it lies (kernels/recurrence_row.py). Letters and groups of arguments:
kernels/recurrence_arrays.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nnctl.kernels.codes import HARD_SIGMOID, RELU, SIGMOID, TANH
from nnctl.kernels.interleaved import interleaved
from nnctl.kernels.jit import inline
from nnctl.kernels.mathfn import sigmoid, tanh
from nnctl.kernels.packed import pack, product
from nnctl.kernels.ranges import part
from nnctl.kernels.recurrence_arrays import Chunk, Given, Saved, Setup
from nnctl.kernels.recurrence_row import is_alone, row_times
from nnctl.kernels.simd import fma
from nnctl.kernels.tile import address

HEAD = 16
"""Elements at the start of the scratch memory: the counter of row blocks, or the words of
kernels/turns.py."""


@inline
def pack_gates(given: Given, plan: Setup, plane: int, scratch: Any) -> None:
    """Pack V gate by gate, `plane` elements each: for h V, unless there is one row only."""
    if is_alone(plan.batch, plan.units):
        return
    for gate in range(plan.gates):
        pack(given.v, False, 0, plan.units, gate * plan.units, plan.units, scratch, HEAD + gate * plane)


@inline
def pack_gates_back(given: Given, plan: Setup, plane: int, scratch: Any) -> None:
    """Pack the transpose of V gate by gate, `plane` elements each."""
    for gate in range(plan.gates):
        pack(given.v, True, gate * plan.units, plan.units, 0, plan.units, scratch, HEAD + gate * plane)


@inline
def pack_back(given: Given, plan: Setup, plane: int, scratch: Any) -> None:
    """Pack the transpose of V for `add_gates_to_state`: by gates if there are factors, else as a whole."""
    gates = plan.gates if given.factors.size else 1
    k = plan.gates * plan.units // gates
    for gate in range(gates):
        pack(given.v, True, gate * k, k, 0, plan.units, scratch, HEAD + gate * plane)


@interleaved
def activate(x: Any, code: int) -> None:
    """x = f(x) in place, x (N,); linear, relu, sigmoid, tanh or hard_sigmoid by code."""
    t = x.dtype.type
    count = np.uint64(x.size)
    if code == SIGMOID:
        for i in range(count):
            x[i] = sigmoid(x[i])
    elif code == TANH:
        for i in range(count):
            x[i] = tanh(x[i])
    elif code == RELU:
        for i in range(count):
            x[i] = t(0) if x[i] < t(0) else x[i]
    elif code == HARD_SIGMOID:
        for i in range(count):
            y = x[i] + t(3)
            y = t(0) if y < t(0) else y
            x[i] = (t(6) if y > t(6) else y) / t(6)


@part
def scale_by_slope(y: Any, code: int, dy: Any) -> None:
    """dy = f'(x) dy where y = f(x) tells the slope; y, dy (N,). Codes as in `activate`."""
    t = y.dtype.type
    count = np.uint64(y.size)
    if code == SIGMOID:
        for i in range(count):
            dy[i] = dy[i] * (y[i] * (t(1) - y[i]))
    elif code == TANH:
        for i in range(count):
            dy[i] = dy[i] * (t(1) - y[i] * y[i])
    elif code == RELU:
        for i in range(count):
            dy[i] = dy[i] if y[i] > t(0) else t(0)
    elif code == HARD_SIGMOID:
        for i in range(count):
            dy[i] = dy[i] / t(6) if t(0) < y[i] < t(1) else t(0)


@part
def copy_rows(x: Any, x_row: int, rows: int, units: int, out: Any, out_row: int) -> None:
    """out[r*out_row + j] = x[r*x_row + j] for r < rows, j < units."""
    for r in range(rows):
        source, target = np.uint64(r * x_row), np.uint64(r * out_row)
        for j in range(np.uint64(units)):
            out[target + j] = x[source + j]


@part
def add_rows(x: Any, x_row: int, rows: int, units: int, out: Any) -> None:
    """out[r*units + j] += x[r*x_row + j] for r < rows, j < units."""
    for r in range(rows):
        source, target = np.uint64(r * x_row), np.uint64(r * units)
        for j in range(np.uint64(units)):
            out[target + j] += x[source + j]


@inline
def load_state(state: Any, row: int, rows: int, units: int, out: Any) -> None:
    """Rows of an initial state (B, U), or zeros where it is empty."""
    if state.size:
        copy_rows(state[row * units :], units, rows, units, out, units)
    else:
        out[:] = 0


@inline
def is_masked(plan: Setup, given: Given, row: int, t: int) -> bool:
    """Whether the mask, if there is one, leaves out step t of an example."""
    return given.mask.size > 0 and given.mask[row * plan.steps + t] == 0


@inline
def keep_masked(plan: Setup, given: Given, block: Chunk, old: Any, new: Any) -> None:
    """new = old in the rows that are masked at this step; old, new (rows, the block's units)."""
    units = block.units
    for r in range(block.rows if given.mask.size else 0):
        if is_masked(plan, given, block.row + r, block.t):
            copy_rows(old[r * units :], units, 1, units, new[r * units :], units)


@inline
def clear_masked(plan: Setup, given: Given, block: Chunk, x: Any) -> None:
    """x = 0 in the rows that are masked at this step; x (planes, rows, U)."""
    units = plan.units
    for r in range(block.rows if given.mask.size else 0):
        if is_masked(plan, given, block.row + r, block.t):
            for start in range(r * units, x.size, block.rows * units):
                x[start : start + units] = 0


@inline
def write_output(plan: Setup, given: Given, block: Chunk, s: int, h: Any, y: Any) -> None:
    """Step s of y (B, T, U), by step: the state, or zeros in masked rows with `zero_masked`."""
    across = plan.steps * plan.units
    first = block.row * across + s * plan.units + block.unit
    copy_rows(h, block.units, block.rows, block.units, y[first:], across)
    for r in range(block.rows if plan.zero_masked else 0):
        if is_masked(plan, given, block.row + r, block.t):
            start = first + r * across
            y[start : start + block.units] = 0


@inline
def add_output_gradient(plan: Setup, given: Given, block: Chunk, s: int, dy: Any, dh: Any) -> None:
    """The gradient of `write_output`: dh += dy at step s. Nothing if dy is empty."""
    units = plan.units
    for r in range(block.rows if dy.size else 0):
        row = block.row + r
        if not (plan.zero_masked and is_masked(plan, given, row, block.t)):
            add_rows(dy[(row * plan.steps + s) * units :], units, 1, units, dh[r * units :])


@inline
def factors_of(plan: Setup, given: Given, block: Chunk, gate: int) -> Any:
    """What h is multiplied by before a gate's product, (rows, U). There must be factors."""
    start = (gate * plan.batch + block.row) * plan.units
    return given.factors[start : start + block.rows * plan.units]


@inline
def dropped(plan: Setup, given: Given, block: Chunk, gate: int, h: Any, spare: Any) -> Any:
    """h as a gate's product reads it, (rows, U): h itself, or h times its factors in `spare`."""
    if given.factors.size:
        multiply(h, factors_of(plan, given, block, gate), spare)
        return spare
    return h


@inline
def by_time(plan: Setup, block: Chunk, gate: int) -> tuple[int, int]:
    """Where a gate of this block and step begins in an array (B, T, G U), and how far apart its rows are."""
    width = plan.gates * plan.units
    at = (block.row * plan.steps + block.t) * width + gate * plan.units + block.unit
    return at, plan.steps * width


@inline
def h_before(plan: Setup, block: Chunk, saved: Saved, out: Any) -> None:
    """out = h before this step, (rows, U)."""
    start = (block.row * plan.steps + block.t) * plan.units
    copy_rows(saved.h[start:], plan.steps * plan.units, block.rows, plan.units, out, plan.units)


@inline
def gate_product(
    plan: Setup,
    block: Chunk,
    gate: int,
    a: int,
    a_row: int,
    older: int,
    older_row: int,
    bias: int,
    out: Any,
) -> None:
    """out = older + A V + bias of one gate, or A V^T, as V is packed; A, out (rows, U).

    a, older and bias are addresses, the last two 0 where absent; rows lie a_row and older_row elements apart.
    """
    product(
        a, a_row, 1, block.rows, plan.units, 0, plan.units, plan.units, HEAD + gate * block.plane, plan.units,
        older, older_row, bias, block.scratch, out, 0, plan.units,
    )  # fmt: skip


@inline
def state_product(
    plan: Setup, given: Given, block: Chunk, gate: int, h: Any, added: bool, biased: bool, out: Any
) -> None:
    """out = [x W + b, if added] + h V + [b' = given.extra, if biased] of one gate.

    Shapes: h (rows, U), out (rows, the block's units).
    """
    units = plan.units
    at, row = by_time(plan, block, gate)
    if is_alone(block.rows, units):
        first = gate * units + block.unit
        older, bias = at if added else -1, first if biased else -1
        row_times(h, given.v, first, block.units, given.xw, older, given.extra, bias, out)
    else:
        older = address(given.xw, at) if added else 0
        bias = address(given.extra, gate * units) if biased else 0
        gate_product(plan, block, gate, address(h, 0), units, older, row, bias, out)


@inline
def write_gates(plan: Setup, block: Chunk, gate: int, d: Any, out: Any) -> None:
    """Gradients of gates from `gate` on, planes d (rows, U), to their places in out (B, T, G U) by time."""
    n = block.rows * plan.units
    for k in range(d.size // n):
        at, row = by_time(plan, block, gate + k)
        copy_rows(d[k * n :], plan.units, block.rows, plan.units, out[at:], row)


@inline
def add_gate_to_state(
    plan: Setup, given: Given, block: Chunk, gate: int, d: int, d_row: int, spare: Any, out: Any
) -> None:
    """out += factors (d V^T) of one gate; d the address of rows d_row apart, spare, out (rows, U).

    V is packed by `pack_gates_back`.
    """
    older = 0 if given.factors.size else address(out, 0)
    to = spare if given.factors.size else out
    gate_product(plan, block, gate, d, d_row, older, plan.units, 0, to)
    if given.factors.size:
        multiply_add(factors_of(plan, given, block, gate), spare, out)


@inline
def add_gates_to_state(plan: Setup, given: Given, block: Chunk, d: Any, spare: Any, out: Any) -> None:
    """out += the sum over gates of factors (d V^T): d (B, T, G U) by time, spare, out (rows, U).

    Without factors that is one product. V is packed by `pack_back`.
    """
    at, row = by_time(plan, block, 0)
    if given.factors.size:
        for gate in range(plan.gates):
            place = address(d, at + gate * plan.units)
            add_gate_to_state(plan, given, block, gate, place, row, spare, out)
    else:
        k = plan.gates * plan.units
        product(
            address(d, at), row, 1, block.rows, k, 0, k, plan.units, HEAD, plan.units, address(out, 0),
            plan.units, 0, block.scratch, out, 0, plan.units,
        )  # fmt: skip


@part
def multiply_add(x: Any, y: Any, out: Any) -> None:
    """out += x y, rounded once, all (N,)."""
    for i in range(np.uint64(out.size)):
        out[i] = fma(x[i], y[i], out[i])


@part
def multiply(x: Any, y: Any, out: Any) -> None:
    """out = x y, all (N,)."""
    for i in range(np.uint64(out.size)):
        out[i] = x[i] * y[i]
