"""The order of examples in an epoch: a function of seed and epoch alone, so resuming needs no state."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from nnctl.core.keys import key
from nnctl.core.philox import permutation


def order(seed: int, epoch: int, n: int, *, shuffle: bool = True) -> npt.NDArray[np.int64]:
    """The indices (n,) of epoch `epoch` (from 0) of a data set of `n` examples."""
    if not shuffle:
        return np.arange(n, dtype=np.int64)
    return permutation(key(seed, "shuffle", epoch), n)
