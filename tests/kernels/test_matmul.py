"""The matrix product against exact arithmetic in its documented order, and one hash everywhere."""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from nnctl.kernels.codes import PACKED
from nnctl.kernels.matmul import _cut, matmul, pack_matrix, panels_size, scratch_size
from nnctl.kernels.panels import block_depth
from nnctl.kernels.row_product import COLUMNS, MOST_COLUMNS, in_vectors, room, row_product, task_columns

RNG = np.random.default_rng(7)


def product(
    a: np.ndarray, b: np.ndarray, *, ta: bool = False, tb: bool = False, bias: np.ndarray | None = None,
    gate: np.ndarray | None = None, relu: bool = False, add: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """op(A) op(B) by the kernel; a and b come as plain (M, K) and (K, N)."""
    (c,) = products(
        a[None], b[None], [0], [0], ta=ta, tb=tb, bias=bias, gate=None if gate is None else gate[None],
        relu=relu, add=None if add is None else add[None],
    )  # fmt: skip
    return c


def products(
    a: np.ndarray, b: np.ndarray, a_of: list[int], b_of: list[int], *, ta: bool = False, tb: bool = False,
    bias: np.ndarray | None = None, gate: np.ndarray | None = None, relu: bool = False,
    add: np.ndarray | None = None,
) -> np.ndarray:  # fmt: skip
    """op(A[i]) op(B[j]) for the pairs of a_of and b_of; a and b come as plain (Q, M, K) and (R, K, N)."""
    count, m, k, n, dtype = len(a_of), a.shape[1], a.shape[2], b.shape[2], a.dtype
    c = np.full((count, m, n), np.nan, dtype) if add is None else add.copy()
    scratch = np.empty(scratch_size(count, m, n, k, dtype.itemsize, 3), dtype)
    matmul(
        np.ascontiguousarray(a.swapaxes(1, 2) if ta else a),
        np.ascontiguousarray(b.swapaxes(1, 2) if tb else b),
        np.empty(0, dtype) if bias is None else bias, np.empty((1, 0, 0), dtype) if gate is None else gate,
        np.array(a_of, np.int64), np.array(b_of, np.int64),
        int(ta), int(tb), int(relu), int(add is not None), scratch, c,
    )  # fmt: skip
    return c


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_matrix_that_is_packed_before(transposed: bool, dtype: str) -> None:
    """The same bits, whatever is left over of panels and blocks of k."""
    for m, k, n in (
        (7, 13, 5), (2, 512, 16), (33, 513, 17), (700, 40, 9), (25, 1100, 290), (3, 1, 1), (40, 0, 20),
    ):  # fmt: skip
        a, b, bias = draw(m, k, dtype=dtype), draw(k, n, dtype=dtype), draw(n, dtype=dtype)
        given = np.ascontiguousarray(b.T) if transposed else b
        size = panels_size(k, n, a.itemsize)
        packed = np.full(size + 8, np.nan, dtype)
        pack_matrix(given, int(transposed), k, n, packed[:size])
        assert np.isnan(packed[size:]).all()
        c, scratch = (
            np.full((1, m, n), np.nan, dtype),
            np.empty(scratch_size(1, m, n, k, a.itemsize, 3), dtype),
        )
        zero, no_gate = np.zeros(1, np.int64), np.empty((1, 0, 0), dtype)
        panels = packed[:size].reshape(1, 1, -1)
        matmul(a[None], panels, bias, no_gate, zero, zero, 0, PACKED, 1, 0, scratch, c)
        np.testing.assert_array_equal(c[0], product(a, b, bias=bias, relu=True))


def draw(*shape: int, dtype: str = "float32") -> np.ndarray:
    return RNG.standard_normal(shape).astype(dtype)


def rounded(value: Fraction, dtype: np.dtype) -> float:
    """The nearest number of the dtype, ties to even (float64 of an exact fraction is that)."""
    if dtype == np.float64:
        return float(value)
    if value == 0:
        return 0.0
    # Scale so that a float32 significand is an integer, round half to even, scale back.
    exponent = math.frexp(float(value))[1] - 24
    return float(np.float32(round(value / Fraction(2) ** exponent) * 2.0**exponent))


def exact_order(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The documented order of accumulation, every fma in exact rational arithmetic."""
    m, k, n, dtype = a.shape[0], a.shape[1], b.shape[1], a.dtype
    depth, c = block_depth(k), np.zeros((m, n), dtype)
    for i, j in itertools.product(range(m), range(n)):
        for start in range(0, k, depth):
            total = 0.0
            for step in range(start, min(k, start + depth)):
                total = rounded(
                    Fraction(float(a[i, step])) * Fraction(float(b[step, j])) + Fraction(total), dtype
                )
            c[i, j] = c[i, j] + dtype.type(total)
    return c


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("m", "k", "n"), [(3, 5, 2), (1, 1300, 1), (2, 513, 3), (9, 17, 11), (1, 40, 7)])
def test_bits_follow_the_documented_order(m: int, k: int, n: int, dtype: str) -> None:
    a, b = draw(m, k, dtype=dtype), draw(k, n, dtype=dtype)
    for ta, tb in itertools.product([False, True], repeat=2):
        np.testing.assert_array_equal(product(a, b, ta=ta, tb=tb), exact_order(a, b))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("m", [1, 7, 8, 33, 130])
@pytest.mark.parametrize("n", [1, 10, 16, 31, 33, 100])
def test_against_float64(m: int, n: int, dtype: str) -> None:
    for k in (1, 15, 17, 700):
        a, b = draw(m, k, dtype=dtype), draw(k, n, dtype=dtype)
        bias, gate, old = draw(n, dtype=dtype), draw(m, n, dtype=dtype), draw(m, n, dtype=dtype)
        exact = a.astype("float64") @ b.astype("float64")
        tolerance = {"float32": 3e-5, "float64": 1e-13}[dtype] * math.sqrt(k)
        for ta, tb in itertools.product([False, True], repeat=2):
            np.testing.assert_allclose(product(a, b, ta=ta, tb=tb), exact, atol=tolerance)
            full = product(a, b, ta=ta, tb=tb, bias=bias, gate=gate, relu=True, add=old)
            expected = np.where(gate > 0, np.maximum(exact + old + bias, 0), 0)
            np.testing.assert_allclose(full, expected, atol=tolerance)


def test_tasks_are_long_strips_of_columns_where_enough_are_left() -> None:
    columns = [_cut(1, 128, n, 4096, 16)[1] for n in (128, 448, 449, 512, 2048)]
    assert columns == [16, 32, 64, 64, 128]
    # Two blocks of rows: four strips will do.
    assert [_cut(1, 1024, n, 512, 16)[1] for n in (192, 193)] == [32, 64]
    assert _cut(1, 0, 0, 0, 16)[1] == 16


def test_few_panels_are_cut_into_rows_enough_for_some_threads() -> None:
    tasks = [
        -(-m // _cut(1, m, n, k, 16)[0]) * -(-n // 16)
        for m, n, k in ((256, 77, 100), (128, 48, 300), (256, 112, 300))
    ]
    assert tasks == [2 * 5, 3 * 3, 2 * 7]


@pytest.mark.parametrize(("m", "k", "n"), [(600, 1100, 290), (1100, 40, 530), (70, 2100, 1300)])
def test_large_shapes_that_are_cut_and_copied(m: int, k: int, n: int) -> None:
    a, b, bias = draw(m, k), draw(k, n), draw(n)
    first = product(a, b, bias=bias)
    np.testing.assert_allclose(first, a.astype("float64") @ b.astype("float64") + bias, atol=2e-3)
    for ta, tb in ((True, False), (False, True), (True, True)):
        np.testing.assert_array_equal(product(a, b, ta=ta, tb=tb, bias=bias), first)


def test_empty_sums_and_empty_results() -> None:
    bias = draw(5)
    np.testing.assert_array_equal(product(draw(3, 0), draw(0, 5), bias=bias), np.broadcast_to(bias, (3, 5)))
    assert product(draw(0, 4), draw(4, 5)).shape == (0, 5)
    assert product(draw(4, 4), draw(4, 0)).shape == (4, 0)


def test_rows_do_not_depend_on_the_batch() -> None:
    a, b = draw(300, 900), draw(900, 70)
    np.testing.assert_array_equal(product(a, b)[:11], product(a[:11], b))


@pytest.mark.parametrize(("m", "k", "n"), [(5, 7, 3), (70, 600, 90), (1, 4, 1)])
@pytest.mark.parametrize("count", [1, 2, 23])
def test_each_of_many_products_has_the_bits_of_a_single_one(count: int, m: int, k: int, n: int) -> None:
    a, b, bias = draw(3, m, k), draw(2, k, n), draw(n)
    a_of, b_of = [i % 3 for i in range(count)], [i * 2 // count for i in range(count)]
    gate, old = draw(count, m, n), draw(count, m, n)
    for ta, tb in itertools.product([False, True], repeat=2):
        got = products(a, b, a_of, b_of, ta=ta, tb=tb, bias=bias, gate=gate, relu=True, add=old)
        for p, (i, j) in enumerate(zip(a_of, b_of, strict=True)):
            alone = product(a[i], b[j], ta=ta, tb=tb, bias=bias, gate=gate[p], relu=True, add=old[p])
            np.testing.assert_array_equal(got[p], alone)


def row(a: np.ndarray, b: np.ndarray, bias: np.ndarray, gate: np.ndarray, relu: bool) -> np.ndarray:
    """A row times a matrix by the kernel for it; all that is written starts as NaN."""
    n = b.shape[1]
    found = np.full(n + 1, np.nan, a.dtype)
    row_product(a, b.reshape(-1), bias, int(relu), gate, np.full(room(n), np.nan, a.dtype), found[:n])
    assert np.isnan(found[n])
    return found[:n]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("k", "n"),
    [
        *[(1, 1), (7, 3), (8, 16), (9, 17), (0, 5), (40, 10), (513, 33), (1030, COLUMNS + 50)],
        *[(530, 2 * COLUMNS), (9, 2 * COLUMNS + 21), (20, 2 * MOST_COLUMNS + 5)],
    ],
)
def test_a_row_alone_has_the_bits_that_it_has_among_others(k: int, n: int, dtype: str) -> None:
    rows, b, bias, gate = (draw(*shape, dtype=dtype) for shape in ((9, k), (k, n), (n,), (9, n)))
    gate[:, 0] = 0
    among = product(rows, b, bias=bias, gate=gate, relu=True)[4]
    np.testing.assert_array_equal(row(rows[4], b, bias, gate[4], True).view("u1"), among.view("u1"))
    among = product(rows, b)[4]
    np.testing.assert_array_equal(row(rows[4], b, bias[:0], gate[4, :0], False).view("u1"), among.view("u1"))


@pytest.mark.parametrize(
    ("n", "columns"),
    [(1, 256), (512, 256), (513, 272), (1024, 512), (2047, 1024), (2048, 1024), (9000, 1024)],
)
def test_columns_of_a_task(n: int, columns: int) -> None:
    """Two tasks at least, where each has enough, and long pieces of a row."""
    assert task_columns(n) == columns


def test_a_row_reads_nothing_behind_the_matrix() -> None:
    for rows, n in itertools.product((1, 2, 9), (1, 15, 16, 17, 40)):
        b = draw(rows * n)
        ends = [in_vectors.py_func(b, row * n, n) for row in range(rows)]
        assert all(row * n + end <= b.size for row, end in enumerate(ends))
        assert ends[-1] == n // 16 * 16
        assert ends[0] == (-(-n // 16) * 16 if -(-n // 16) * 16 <= b.size else n // 16 * 16)


def test_a_row_with_nan_and_infinity() -> None:
    a, b, none = draw(20), draw(20, 5), draw(0)
    b[3, 1], b[7, 2] = np.nan, -np.inf
    got = row(np.abs(a), b, none, none, True)
    np.testing.assert_array_equal(np.isnan(got), np.arange(5) == 1)
    assert got[2] == 0


def test_no_products_at_all() -> None:
    assert products(draw(0, 3, 4), draw(1, 4, 5), [], []).shape == (0, 3, 5)


def test_nan_and_infinity_pass() -> None:
    a, b = draw(9, 20), draw(20, 5)
    a[3, 4], a[5, 1] = np.nan, np.inf
    out = product(a, b, relu=True)
    assert np.isnan(out[3]).all()
    assert np.isfinite(np.delete(out, [3, 5], axis=0)).all()
    assert set(out[5]) <= {0.0, np.inf}


_HASH = """
import hashlib, numpy as np
from nnctl.kernels.matmul import matmul, scratch_size
from nnctl.kernels.row_product import room, row_product
digest = hashlib.sha256()
shapes = ((1, 13, 17, 21), (1, 40, 600, 37), (1, 260, 130, 90), (1, 20, 1100, 600), (5, 40, 70, 50))
for dtype in ("float32", "float64"):
    for p, m, k, n in shapes:
        draw = lambda *shape: (np.arange(np.prod(shape)) * 0.7297 % 1.3 - 0.6).reshape(shape).astype(dtype)
        c = np.empty((p, m, n), dtype)
        scratch = np.empty(scratch_size(p, m, n, k, c.itemsize, 3), dtype)
        of = np.arange(p)
        for ta, tb in ((0, 0), (0, 1), (1, 0)):
            a, b = draw(p, *((k, m) if ta else (m, k))), draw(p, *((n, k) if tb else (k, n)))
            matmul(a, b, draw(n), np.empty((1, 0, 0), dtype), of, of, ta, tb, 1, 0, scratch, c)
            digest.update(c.tobytes())
    for k, n in ((40, 10), (600, 700)):
        c, none = np.empty(n, dtype), np.empty(0, dtype)
        row_product(draw(k), draw(k * n), draw(n), 0, none, np.empty(room(n), dtype), c)
        digest.update(c.tobytes())
print(digest.hexdigest())
"""

MACHINES = [
    {"NUMBA_NUM_THREADS": "1"},
    {"NUMBA_NUM_THREADS": "2"},
    {"NUMBA_NUM_THREADS": "3"},
    {"NUMBA_NUM_THREADS": "2", "NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma"},
    {"NUMBA_NUM_THREADS": "3", "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
]


def test_one_hash_on_all_machines() -> None:
    """Threads x CPU targets: the same bits (in child processes, as Numba reads these once).

    One after the other, so that those of one target compile once.
    """
    hashes = [
        subprocess.check_output([sys.executable, "-c", _HASH], env=os.environ | machine, text=True).strip()
        for machine in MACHINES
    ]
    assert len(set(hashes)) == 1, dict(zip(map(str, MACHINES), hashes, strict=True))
