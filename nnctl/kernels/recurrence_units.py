"""A single row's recurrence on several threads: each step's units are shared out (kernels/turns.py).

A part of a step makes the gates and states of UNITS units, which follow from h of all units at the step
before. V is most of what a step reads, and each thread reads some of its columns. A unit's numbers do not
depend on its part.

Shared, from `Layout.begin` on: h of all units before even and odd steps (2, U); the states before even and
odd steps (2, S U), part by part as (S, the part's units).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from nnctl.kernels.jit import inline, kernel, named
from nnctl.kernels.recurrence_arrays import Chunk, Given, Layout, Saved, Setup
from nnctl.kernels.recurrence_parts import (
    HEAD,
    copy_rows,
    keep_masked,
    load_state,
    write_output,
)
from nnctl.kernels.simd import thread_count
from nnctl.kernels.turns import part_done, take_part

UNITS = 64
"""Units of a part; the last one has what is left, too."""


@inline
def _parts_of(plan: Setup) -> int:
    """How many parts a step is cut into."""
    return plan.units // UNITS


@inline
def _units_of(plan: Setup, unit: int) -> int:
    """How many units the part has that begins at `unit`."""
    return UNITS if unit + 2 * UNITS <= plan.units else plan.units - unit


@inline
def _states_at(plan: Setup, memory: Layout, states: int, s: int, unit: int) -> int:
    """Where the states before step s begin, of the part that begins at `unit`."""
    return memory.begin + (2 + s % 2 * states) * plan.units + states * unit


@inline
def _begin(plan: Setup, memory: Layout, initial: Any, scratch: Any) -> None:
    """Put the initial states where the first step's parts find them."""
    units, states = plan.units, len(initial)
    load_state(initial[0], 0, 1, units, scratch[memory.begin : memory.begin + units])
    for unit in range(0, units - UNITS + 1, UNITS):
        for k in range(states):
            n = _units_of(plan, unit)
            at = _states_at(plan, memory, states, 0, unit) + k * n
            load_state(initial[k][unit:], 0, 1, n, scratch[at : at + n])


@inline
def _end(plan: Setup, memory: Layout, scratch: Any, last: Any) -> None:
    """The last states from where the last step's parts have put them."""
    states = len(last)
    for unit in range(0, plan.units - UNITS + 1, UNITS):
        for k in range(states):
            n = _units_of(plan, unit)
            at = _states_at(plan, memory, states, plan.steps, unit) + k * n
            copy_rows(scratch[at:], n, 1, n, last[k][unit:], n)


def by_units(name: str, step: Callable[..., None]) -> Any:
    """The kernel `name`_units of a cell: as `name`_forward, of a single row of which nothing is kept.

    Args:
        step: The cell, which can make some units without the gates of others.
    """

    @numba.njit(error_model="numpy", nogil=True)
    @named(f"{name}_units_parts")
    def take_units(
        plan: Setup, memory: Layout, given: Given, states: int, at: int, scratch: Any, y: Any, saved: Saved
    ) -> None:
        """Take parts of steps until none is left. `at`: this thread's memory, behind what is shared."""
        units, parts = plan.units, _parts_of(plan)
        spare = scratch[at + (2 + 2 * states) * units : at + (3 + 2 * states) * units]
        while True:
            turn = take_part(scratch, plan.steps, parts)
            if turn < 0:
                break
            s, unit = turn // parts, turn % parts * UNITS
            n = _units_of(plan, unit)
            t = plan.steps - 1 - s if plan.backwards else s
            block = Chunk(0, 1, unit, n, t, memory.plane, scratch)
            h_at, next_at = memory.begin + s % 2 * units, memory.begin + (s + 1) % 2 * units
            old_at = _states_at(plan, memory, states, s, unit)
            new_at = _states_at(plan, memory, states, s + 1, unit)
            old, new = scratch[old_at : old_at + states * n], scratch[new_at : new_at + states * n]
            planes = saved.planes[plan.saved * unit : plan.saved * (unit + n)]
            step(plan, given, block, scratch[h_at : h_at + units], old, new, saved, planes, spare)
            for k in range(states):
                keep_masked(plan, given, block, old[k * n : k * n + n], new[k * n : k * n + n])
            write_output(plan, given, block, s, new, y)
            copy_rows(new, n, 1, n, scratch[next_at + unit :], n)
            part_done(scratch)

    @named(f"{name}_units")
    def units(
        plan: Setup, memory: Layout, given: Given, initial: Any, scratch: Any, y: Any, last: Any, saved: Saved
    ) -> None:
        """All steps, at least one part each, on as many threads as parts; arguments as `name`_forward's."""
        scratch[:HEAD] = 0
        _begin(plan, memory, initial, scratch)
        room = (scratch.size - memory.begin) // memory.size
        for worker in numba.prange(min(thread_count(), room, _parts_of(plan))):
            at = memory.begin + np.int64(worker) * memory.size
            take_units(plan, memory, given, len(initial), at, scratch, y, saved)
        _end(plan, memory, scratch, last)

    return kernel(units, parallel=True)
