"""Sizes of attention, and what the kernels make of random numbers of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnctl.kernels.attention_arrays import Heads, Seen

CASES = {
    "one": Heads(1, 1, 1, 1, 1, 1),
    "odd": Heads(2, 3, 5, 7, 3, 2),
    "few": Heads(1, 2, 49, 33, 20, 17),
    "long": Heads(1, 1, 230, 70, 33, 40),
    "blocks": Heads(1, 1, 600, 530, 3, 2),
    "deep": Heads(2, 1, 3, 25, 520, 5),
}
NONE = np.zeros(0, np.uint8)


def seen(
    sizes: Heads, mask: np.ndarray | None = None, causal: int = 0, zero: int = 0, rate: float = 0.0
) -> Seen:
    """How the kernels are told; half of the softmax and more is kept with a rate."""
    steps = [0, 0, 0]
    if mask is not None:
        steps = [0 if mask.shape[a] == 1 else int(np.prod(mask.shape[a + 1 :])) for a in range(3)]
    kept = NONE
    if rate:
        drawn = np.random.default_rng(9).random((sizes.batch, sizes.heads, sizes.queries, sizes.keys))
        kept = (drawn >= rate).astype(np.uint8).reshape(-1)
    given = NONE if mask is None else mask.reshape(-1)
    return Seen(given, *steps, causal, zero, kept, 1 / (1 - rate))


def draw(sizes: Heads, dtype: str) -> list[np.ndarray]:
    """q, k, v and dy, as rows."""
    rng = np.random.default_rng(8)
    batch, heads, queries, keys, size, value_size = sizes
    shapes = [(queries, size), (keys, size), (keys, value_size), (queries, value_size)]
    return [rng.normal(size=(batch * rows, heads * columns)).astype(dtype) for rows, columns in shapes]


def run(sizes: Heads, which: Seen, given: Sequence[np.ndarray], threads: int = 1) -> list[Any]:
    """y, dq, dk and dv."""
    from nnctl.kernels import attention

    q, k, v, dy = given
    y, *slopes = (np.full(x.size, np.nan, q.dtype) for x in (dy, q, k, v))
    for backward in (False, True):
        count = attention.scratch_size(sizes, backward, q.itemsize, threads)
        # What lies in scratch must not matter.
        scratch = np.full(count, np.nan, q.dtype)
        if backward:
            attention.attention_grad(sizes, which, *given, scratch, *slopes)
        else:
            attention.attention(sizes, which, q, k, v, scratch, y)
    return [y, *slopes]
