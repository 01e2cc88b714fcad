"""The loop over steps that all recurrences share: forward, and back with the gradients.

A batch is cut into blocks of rows by its size only. A thread takes a block through all steps: rows do not
depend on each other, so there is no barrier per step. A single row whose steps are not kept may be cut by
units (kernels/recurrence_units.py). What happens within a step is a cell's: two functions, made of
kernels/recurrence_parts.py.

    step(plan, given, block, h, old, new, saved, planes, spare)
        the states after the step from those before: old, new (S, rows, U) for S states, of the block's units;
        h (rows, U), of all units, is the first of them
    slope(plan, given, block, d, d_old, saved, planes, d_planes, spare, slopes)
        the gradients of the old states, d_old, from those of the new ones, d; writes slopes at this step

planes, d_planes (P, rows, U) and spare (rows, U); what `step` leaves in planes, `slope` finds there. The loop
looks after the mask: in masked rows it puts the old states over the new ones, and d over d_old, afterwards.

Arrays and letters: kernels/recurrence_arrays.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from nnctl.kernels.jit import kernel, named
from nnctl.kernels.packed import packed_size
from nnctl.kernels.panels import ROWS, panel_width
from nnctl.kernels.ranges import share
from nnctl.kernels.recurrence_arrays import Chunk, Given, Layout, Saved, Setup, Slopes
from nnctl.kernels.recurrence_parts import (
    HEAD,
    add_output_gradient,
    copy_rows,
    keep_masked,
    load_state,
    pack_back,
    pack_gates,
    write_output,
)
from nnctl.kernels.simd import take_ticket, thread_count
from nnctl.kernels.turns import TAKEN


def memory_of(batch: int, units: int, gates: int, states: int, saved: int, itemsize: int) -> Layout:
    """How both kernels use their scratch, which has `begin` elements and `size` for each thread."""
    width = panel_width(itemsize)
    # Two tiles where the batch is large enough to occupy some threads so.
    rows = 2 * ROWS if batch >= 8 * ROWS else ROWS
    blocks = (batch + rows - 1) // rows
    if batch >= 4 * ROWS:
        blocks += blocks % 2  # two threads have as many
    rows = (batch + blocks - 1) // max(1, blocks)
    plane = packed_size(units, units, width)
    begin = HEAD + max(gates * plane, packed_size(gates * units, units, width))
    # A single row by units (kernels/recurrence_units.py) has h twice and another spare row.
    planes = max((2 * states + saved + 1) * rows, 2 * states + 3)
    return Layout(blocks, plane, begin, planes * units + 16)


def recurrence(
    name: str, step: Callable[..., None], slope: Callable[..., None], pack_back: Any = pack_back
) -> tuple[Any, Any]:
    """The kernels `name`_forward and `name`_backward of a cell.

    Args:
        step, slope: The cell; see the module.
        pack_back: How V is packed for `slope`.
    """
    return _forward(name, step), _backward(name, slope, pack_back)


def _forward(name: str, step: Callable[..., None]) -> Any:
    @numba.njit(error_model="numpy", nogil=True)
    @named(f"{name}_rows_forward")
    def take_forward(
        plan: Setup, memory: Layout, given: Given, initial: Any, at: int, scratch: Any, y: Any, last: Any,
        saved: Saved,
    ) -> None:  # fmt: skip
        """Take blocks of rows through all steps until none is left."""
        units, states = plan.units, len(initial)
        kept = 1 if saved.h.size else 0
        while True:
            turn = take_ticket(scratch, TAKEN)
            if turn >= memory.blocks:
                break
            row, rows = share(plan.batch, memory.blocks, turn)
            n = rows * units
            size = states * n
            old, new = scratch[at : at + size], scratch[at + size : at + 2 * size]
            spare = scratch[at + 2 * size : at + 2 * size + n]
            for k in range(states):
                load_state(initial[k], row, rows, units, old[k * n : k * n + n])
            for s in range(plan.steps):
                t = plan.steps - 1 - s if plan.backwards else s
                block = Chunk(row, rows, 0, units, t, memory.plane, scratch)
                if kept:
                    to = (row * plan.steps + t) * units
                    copy_rows(old, units, rows, units, saved.h[to:], plan.steps * units)
                # Where nothing is kept, every step uses the same place.
                start = (kept * s * plan.batch + row) * plan.saved * units
                planes = saved.planes[start : start + plan.saved * n]
                step(plan, given, block, old[:n], old, new, saved, planes, spare)
                for k in range(states):
                    keep_masked(plan, given, block, old[k * n : k * n + n], new[k * n : k * n + n])
                write_output(plan, given, block, s, new, y)
                old, new = new, old
            for k in range(states):
                copy_rows(old[k * n :], units, rows, units, last[k][row * units :], units)

    @named(f"{name}_forward")
    def forward(
        plan: Setup,
        memory: Layout,
        given: Given,
        initial: Any,
        scratch: Any,
        y: Any,
        last: Any,
        saved: Saved,
    ) -> None:
        """All steps: y (B, T, U) by step, and the last states.

        initial, last: tuples of an array (B, U) per state. An initial state may be empty: it is zeros then.
        """
        pack_gates(given, plan, memory.plane, scratch)
        scratch[:HEAD] = 0
        for worker in numba.prange(min(thread_count(), (scratch.size - memory.begin) // memory.size)):
            at = memory.begin + np.int64(worker) * memory.size
            take_forward(plan, memory, given, initial, at, scratch, y, last, saved)

    return kernel(forward, parallel=True)


def _backward(name: str, slope: Callable[..., None], pack_back: Any) -> Any:
    @numba.njit(error_model="numpy", nogil=True)
    @named(f"{name}_rows_backward")
    def take_backward(
        plan: Setup, memory: Layout, given: Given, dy: Any, d_last: Any, saved: Saved, at: int, scratch: Any,
        slopes: Slopes, d_initial: Any,
    ) -> None:  # fmt: skip
        """Take blocks of rows back through all steps until none is left."""
        units, states = plan.units, len(d_last)
        while True:
            turn = take_ticket(scratch, TAKEN)
            if turn >= memory.blocks:
                break
            row, rows = share(plan.batch, memory.blocks, turn)
            n = rows * units
            size = states * n
            d, d_old = scratch[at : at + size], scratch[at + size : at + 2 * size]
            rest = at + 2 * size
            spare, d_planes = scratch[rest : rest + n], scratch[rest + n : rest + n + plan.saved * n]
            for k in range(states):
                load_state(d_last[k], row, rows, units, d[k * n : k * n + n])
            for s in range(plan.steps - 1, -1, -1):
                t = plan.steps - 1 - s if plan.backwards else s
                block = Chunk(row, rows, 0, units, t, memory.plane, scratch)
                add_output_gradient(plan, given, block, s, dy, d)
                start = (s * plan.batch + row) * plan.saved * units
                planes = saved.planes[start : start + plan.saved * n]
                slope(plan, given, block, d, d_old, saved, planes, d_planes, spare, slopes)
                for k in range(states):
                    keep_masked(plan, given, block, d[k * n : k * n + n], d_old[k * n : k * n + n])
                d, d_old = d_old, d
            for k in range(states):
                copy_rows(d[k * n :], units, rows, units, d_initial[k][row * units :], units)

    @named(f"{name}_backward")
    def backward(
        plan: Setup, memory: Layout, given: Given, dy: Any, d_last: Any, saved: Saved, scratch: Any,
        slopes: Slopes, d_initial: Any,
    ) -> None:  # fmt: skip
        """Gradients of x W + b and of the initial states, from those of y and the last states.

        d_last, d_initial: tuples of an array (B, U) per state. dy and those of d_last may be empty: no
        gradient came. The gradients of the weights follow from these over all steps.
        """
        pack_back(given, plan, memory.plane, scratch)
        scratch[:HEAD] = 0
        for worker in numba.prange(min(thread_count(), (scratch.size - memory.begin) // memory.size)):
            at = memory.begin + np.int64(worker) * memory.size
            take_backward(plan, memory, given, dy, d_last, saved, at, scratch, slopes, d_initial)

    return kernel(backward, parallel=True)
