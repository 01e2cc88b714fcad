"""The arguments of attention's kernels, in groups with names. Importable without numba.

Letters: N examples, H heads, T queries, S keys, D numbers of a query and of a key in a head, V of a value.
"""

from __future__ import annotations

from typing import NamedTuple

from nnctl.core.arrays import Array


class Heads(NamedTuple):
    """Sizes: q (N, T, H, D), k (N, S, H, D), v (N, S, H, V), y (N, T, H, V)."""

    batch: int
    heads: int
    queries: int
    keys: int
    size: int
    value_size: int


class Seen(NamedTuple):
    """Which keys a query sees, and what of its softmax is kept."""

    mask: Array
    """uint8, flat: 0 where a key is not seen; or empty."""
    batch_step: int
    """Elements of the mask from one example to the next, 0 if it says the same of all; so the next two."""
    head_step: int
    query_step: int
    causal: int
    """1: no query sees a key that comes after it."""
    zero: int
    """1: a query that sees no key by the mask gets 0; 0: it sees all keys alike."""
    kept: Array
    """(N, H, T, S) uint8, flat: 0 where dropout drops; or empty."""
    factor: float
    """What is kept is multiplied by."""
