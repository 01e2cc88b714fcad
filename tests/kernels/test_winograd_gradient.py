"""Winograd's gradient of a kernel against a plain oracle; its error beside the direct form's; its bits."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from nnctl.kernels import weight_gradient_plan, winograd_gradient_plan
from nnctl.kernels.convolution_gradient import weight_gradient as direct_kernel
from nnctl.kernels.convolution_plan import Geometry
from nnctl.kernels.winograd_gradient import weight_gradient as kernel
from nnctl.kernels.winograd_gradient_plan import BY, gradient_pays, weight_gradient
from nnctl.kernels.winograd_plan import AT, HEADER
from tests.kernels import convolution_oracle as oracle
from tests.kernels.convolutions import TARGETS, arrays, digest_elsewhere
from tests.kernels.test_winograd import CASES, five, line, three

LARGE = {
    "parts, the last one shorter": three(7, (17, 30), 20, 40),
    "chunks of filters": three(2, (9, 6), 24, 150),
    "several blocks in a part, chunks": three(11, (20, 17), 150, 180),
    "5x5, parts": five(7, (17, 30), 20, 40),
    "three in a line, parts": line(40, 70, 20, 40, 3),
    "five in a line, parts, a block cut short": line(37, 71, 20, 80, 5),
}


def run(g: Geometry, dtype: str, threads: int = 2, bias: bool = True) -> list[np.ndarray]:
    """dkernel and dbias by the kernel; every buffer starts as NaN."""
    x, w, b, dy = arrays(g, dtype)
    dw, db = np.full(w.shape, np.nan, dtype), np.full(b.size if bias else 0, np.nan, dtype)
    plan = weight_gradient(g, x.itemsize)
    scratch = np.full(plan.elements(threads), np.nan, dtype)
    places = np.zeros(plan.addresses(threads), np.int64)
    kernel(plan.form)(x.ravel(), dy.ravel(), plan.work, plan.table, scratch, places, dw.reshape(-1), db)
    return [dw, db]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_against_oracle(name: str, dtype: str) -> None:
    g = CASES[name]
    x, w, _, dy = arrays(g, dtype)
    tolerance = 2e-5 if dtype == "float32" else 1e-13
    for got, want in zip(run(g, dtype), oracle.gradients(x, w, dy, g)[1:], strict=True):
        np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * max(1, abs(want).max()))


def _plainly(g: Geometry, x: np.ndarray, dy: np.ndarray) -> np.ndarray:
    """dkernel in float64, quicker than the oracle."""
    padded = np.pad(x.astype("float64"), [(0, 0), *((a.before, a.after) for a in g.axes), (0, 0)])
    places = [[slice(i, i + n) for i in range(k)] for n, k in zip(g.outs, g.kernel, strict=True)]
    rows = dy.astype("float64").reshape(-1, dy.shape[-1])
    found = [padded[:, *place].reshape(len(rows), -1).T @ rows for place in product(*places)]
    return np.stack(found).reshape(*g.kernel, x.shape[-1], dy.shape[-1])


@pytest.mark.parametrize("name", LARGE)
def test_large(name: str) -> None:
    """Many blocks, parts and chunks, on any number of threads."""
    g = LARGE[name]
    x, _, _, dy = arrays(g, "float32")
    dw, db = run(g, "float32")
    np.testing.assert_allclose(dw, _plainly(g, x, dy), atol=1e-3)
    np.testing.assert_allclose(db, dy.sum(tuple(range(dy.ndim - 1)), dtype="float64"), atol=1e-4)
    for threads in (1, 3):
        for got, want in zip(run(g, "float32", threads), (dw, db), strict=True):
            np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(run(g, "float32", bias=False)[0], dw)


def test_how_work_is_cut() -> None:
    tables = [weight_gradient(g, 4).table for g in LARGE.values()]
    assert [(t[AT.blocks], t[BY.parts], t[AT.chunks]) for t in tables] == [
        (12, 6, 1), (1, 1, 2), (12, 1, 3), (40, 16, 1), (15, 7, 1), (14, 7, 1),
    ]  # fmt: skip


def test_the_error_is_near_the_direct_forms() -> None:
    """The largest error against float64 is below ten times the direct form's (it is two to nine times, for
    three taps two to six).
    """
    for g in (
        three(1, (32, 32), 32, 32), three(64, (8, 8), 32, 32), three(4, (16, 16), 64, 64),
        three(16, (16, 16), 16, 64), three(16, (8, 8), 128, 128), three(16, (32, 32), 16, 16),
        three(2, (64, 64), 48, 16), five(8, (24, 24), 24, 48), five(5, (14, 14), 64, 64),
        line(9, 128, 64, 128, 3), line(9, 128, 64, 128, 5), line(40, 17, 150, 32, 5), line(5, 200, 32, 32, 5),
    ):  # fmt: skip
        assert gradient_pays(g, 4)
        x, w, _, dy = arrays(g, "float32")
        plan, direct = weight_gradient_plan.weight_gradient(g, 4), np.empty(w.shape, "float32")
        scratch = np.empty(plan.scratch(2), "float32")
        args = (plan.work, plan.table, scratch, direct.reshape(-1), np.empty(0, "float32"))
        direct_kernel(x.ravel(), dy.ravel(), *args)
        exact = _plainly(g, x, dy)
        most = 8 if max(g.kernel) == 3 else 10
        assert np.abs(run(g, "float32")[0] - exact).max() < most * np.abs(direct - exact).max()


def test_which_pay() -> None:
    g = three(16, (8, 8), 32, 32)
    assert gradient_pays(g, 4)
    assert not gradient_pays(replace(g, batch=15), 4)
    assert not gradient_pays(replace(g, channels=31), 4)


def test_headers_are_read_by_the_names_they_are_built_by() -> None:
    """A name that stood for another number would be misread in silence: here all differ."""
    table = weight_gradient(three(5, (21, 34), 48, 304, (2, 0), (1, 3)), 4).table
    assert BY.parts == HEADER
    expected = {"parts": 2, "rows": 56, "sums": 16}
    assert {name: table[getattr(BY, name)] for name in expected} == expected
    assert table[BY.bias] < table[BY.partial] < table[AT.zeros]
    with pytest.raises(TypeError, match="missing"):
        winograd_gradient_plan.Sums(**dict.fromkeys(winograd_gradient_plan.Sums._fields[1:], 0))


def digest() -> str:
    """Hash of all results for some geometries; also run in other processes below."""
    found = hashlib.sha256()
    for g in (*CASES.values(), LARGE["parts, the last one shorter"], LARGE["chunks of filters"]):
        for array in run(g, "float32"):
            found.update(array.tobytes())
    return found.hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_same_bits(target: str) -> None:
    assert digest_elsewhere(__name__, target) == digest()
