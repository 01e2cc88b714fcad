"""An orthonormal basis of the columns of a matrix, in a fixed order of operations.

Householder, Unitary Triangularization of a Nonsymmetric Matrix (1958); Golub and Van Loan,
Matrix Computations, 5.2. float64 throughout; the signs make R's diagonal positive, which makes
the factors unique.
"""

from __future__ import annotations

import numpy as np

from nnctl.kernels.jit import inline, kernel


@inline
def reflect(a, v, k, from_column, work):
    """a[k:, from_column:] -= v (2 v^T a) for a unit vector v = v[k:, k]; work (C,)."""
    rows, columns = a.shape
    for c in range(from_column, columns):
        work[c] = 0.0
    for r in range(k, rows):
        factor = 2.0 * v[r, k]
        for c in range(from_column, columns):
            work[c] += factor * a[r, c]
    for r in range(k, rows):
        factor = v[r, k]
        for c in range(from_column, columns):
            a[r, c] -= factor * work[c]


@kernel
def orthonormal_columns(a, work, q):
    """q (M, N), M >= N: the Q of a = Q R with R's diagonal positive. a (M, N) is overwritten; work (2 N,).

    A column that depends on those before it leaves a basis vector of its own.
    """
    rows, columns = a.shape
    for k in range(columns):
        square = 0.0
        for r in range(k, rows):
            square += a[r, k] * a[r, k]
        norm = np.sqrt(square)
        head = a[k, k]
        diagonal = -norm if head > 0.0 else norm
        work[columns + k] = -1.0 if diagonal < 0.0 else 1.0
        length = np.sqrt(2.0 * norm * (norm + abs(head)))
        a[k, k] = head - diagonal
        for r in range(k, rows):
            a[r, k] = a[r, k] / length if length > 0.0 else 0.0
        reflect(a, a, k, k + 1, work)
    for r in range(rows):
        for c in range(columns):
            q[r, c] = 1.0 if r == c else 0.0
    for back in range(columns):
        k = columns - 1 - back
        reflect(q, a, k, k, work)
    for r in range(rows):
        for c in range(columns):
            q[r, c] *= work[columns + c]
