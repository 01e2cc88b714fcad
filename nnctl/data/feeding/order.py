"""The order of examples in an epoch: a function of seed and epoch only, so resuming needs no state."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from nnctl.core.keys import key
from nnctl.core.philox import permutation, permutations, words64

Shuffle = bool | Literal["batch"] | int
"""Any order; batches of neighbours; or mixed within so many examples (tf.data's `buffer_size`)."""
Order = npt.NDArray[np.int64]

PLACES = 16
"""From so many places of the data the examples of a window come."""
_SMALL = 1024
"""Orders of more examples than these are made one by one."""
_TOGETHER = 64


def order(seed: int, epoch: int, n: int, *, shuffle: Shuffle = True, batch: int = 1) -> Order:
    """The indices (n,) of epoch `epoch` (from 0) of a data set of `n` examples.

    Args:
        shuffle: False: as they are stored. `batch`: runs of `batch` neighbours in a random order, a shorter
            one last (Keras's `shuffle="batch"`). A number: a window of so many examples, from `PLACES`
            random places of the data, is mixed before the next, so that a disk is read in long runs.
    """
    if shuffle is False:
        return np.arange(n, dtype=np.int64)
    if shuffle is True:
        return _any(seed, epoch, n)
    if shuffle == "batch":
        whole = n // batch
        return np.concatenate([_runs(_any(seed, epoch, whole), batch), np.arange(whole * batch, n)])
    run = -(-shuffle // PLACES)
    runs = _runs(_any(seed, epoch, -(-n // run)), run)
    return _mixed(runs[runs < n], shuffle, words64(key(seed, "window", epoch), n))


def _any(seed: int, epoch: int, n: int) -> Order:
    """A random order (n,)."""
    if n > _SMALL:
        return permutation(key(seed, "shuffle", epoch), n)
    first, at = divmod(epoch, _TOGETHER)
    found: Order = _orders(seed, first, n)[at].copy()
    return found


@lru_cache(maxsize=2)
def _orders(seed: int, block: int, n: int) -> Order:
    """The orders of `_TOGETHER` epochs, from the first of them: one alone costs as much as a short epoch."""
    epochs = range(block * _TOGETHER, (block + 1) * _TOGETHER)
    return permutations([key(seed, "shuffle", epoch) for epoch in epochs], n)


def _runs(numbers: Order, length: int) -> Order:
    """The indices of the runs of `length` with these numbers."""
    return (numbers[:, None] * length + np.arange(length)).reshape(-1)


def _mixed(indices: Order, window: int, words: npt.NDArray[np.uint64]) -> Order:
    """Each window of indices (n,) in the order of its random words (n,)."""
    for first in range(0, len(indices), window):
        part = slice(first, first + window)
        indices[part] = indices[part][np.argsort(words[part], kind="stable")]
    return indices
