"""The angles of points in the plane."""

from __future__ import annotations

import nnctl.kernels.special  # noqa: F401 (what arctan2 is in a kernel)
from nnctl.kernels.functions import arctan2
from nnctl.kernels.jit import kernel


@kernel
def angles(y, x, out):  # type: ignore[no-untyped-def]
    """out = arctan2(y, x), from -pi to pi; all (N,)."""
    for i in range(x.shape[0]):
        out[i] = arctan2(y[i], x[i])
