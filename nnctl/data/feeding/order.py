"""The order of examples in an epoch: a function of seed and epoch only, so resuming needs no state."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from nnctl.core.keys import key
from nnctl.core.philox import permutation, permutations

_SMALL = 1024
"""Orders of more examples than these are made one by one."""
_TOGETHER = 64


def order(seed: int, epoch: int, n: int, *, shuffle: bool = True) -> npt.NDArray[np.int64]:
    """The indices (n,) of epoch `epoch` (from 0) of a data set of `n` examples."""
    if not shuffle:
        return np.arange(n, dtype=np.int64)
    if n > _SMALL:
        return permutation(key(seed, "shuffle", epoch), n)
    first, at = divmod(epoch, _TOGETHER)
    found: npt.NDArray[np.int64] = _orders(seed, first, n)[at].copy()
    return found


@lru_cache(maxsize=2)
def _orders(seed: int, block: int, n: int) -> npt.NDArray[np.int64]:
    """The orders of `_TOGETHER` epochs, from the first of them: one alone costs as much as a short epoch."""
    epochs = range(block * _TOGETHER, (block + 1) * _TOGETHER)
    return permutations([key(seed, "shuffle", epoch) for epoch in epochs], n)
