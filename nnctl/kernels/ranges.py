"""How a flat job is cut: blocks of a fixed length, so that no result depends on the threads.

A kernel over n elements is written once, as a *part* over [lo, hi), and used twice: plainly
over [0, n) and, where n pays for it, in parallel block by block. Bounds are unsigned: Numba
checks signed indices for wraparound, and such a loop does not vectorise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from nnctl.kernels.jit import inline

BLOCK = 16384
"""Elements of one parallel iteration."""
EVEN, GROUP = 4096, 64
"""Elements, nearly, of one where all are to be equal, for work that takes long for an element; in groups."""


def assume_no_overlap(flags: Any) -> Any:
    flags.noalias = True
    return flags


def part(function: Callable[..., Any]) -> Any:
    """A loop that kernels share. Its arrays are the same memory or share none.

    Said to LLVM, so that the loop also vectorises where the output overwrites an input.
    """
    dispatcher: Any = numba.njit(error_model="numpy", fastmath=False)(function)
    dispatcher._compiler._customize_flags = assume_no_overlap
    return dispatcher


@inline
def block_count(n):
    """Blocks of n elements."""
    return (n + BLOCK - 1) // BLOCK


@inline
def first(block):
    """Where a block starts."""
    return np.uint64(np.int64(block) * BLOCK)


@inline
def last(block, n):
    """Where a block of n elements ends."""
    return np.uint64(min(np.int64(n), np.int64(block) * BLOCK + BLOCK))


@inline
def share(n, parts, number):
    """Where a part of n begins, and how long it is, where n is cut into parts of nearly equal length."""
    least, more = n // parts, n % parts
    return number * least + min(number, more), least + (1 if number < more else 0)


@inline
def even_count(n):
    """Parts of n elements that are nearly equal."""
    return (n + EVEN - 1) // EVEN


@inline
def even_range(n, part):
    """Where such a part of n elements begins and ends."""
    begin, groups = share((n + GROUP - 1) // GROUP, even_count(n), np.int64(part))
    return np.uint64(begin * GROUP), np.uint64(min(np.int64(n), (begin + groups) * GROUP))


@inline
def all_of(x):
    """The number of elements of a 1-D array, unsigned."""
    return np.uint64(x.shape[0])
