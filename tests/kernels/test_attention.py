"""Attention's kernels against NumPy in float64: sizes that fill no tile, masks, dropout, threads, targets."""

from __future__ import annotations

import numpy as np
import pytest

from nnctl.kernels.attention_arrays import Heads, Seen
from tests.kernels.attention_cases import CASES, draw, run, seen


def by_head(x: np.ndarray, sizes: Heads, count: int) -> np.ndarray:
    """Rows (N*T, H*D) as (N, H, T, D)."""
    return x.astype(float).reshape(sizes.batch, count, sizes.heads, -1).swapaxes(1, 2)


def expected(sizes: Heads, which: Seen, mask: np.ndarray | None, given: list[np.ndarray]) -> list[np.ndarray]:
    counts = (sizes.queries, sizes.keys, sizes.keys, sizes.queries)
    q, k, v, dy = (by_head(x, sizes, count) for x, count in zip(given, counts, strict=True))
    whole = (sizes.batch, sizes.heads, sizes.queries, sizes.keys)
    open_ = np.broadcast_to(True if mask is None else mask != 0, whole)
    if which.causal:
        open_ = open_ & np.tri(sizes.queries, sizes.keys, dtype=bool)
    match = np.where(open_, q @ k.swapaxes(2, 3), -1e9)
    p = np.exp(match - match.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    if which.zero:
        p = np.where(open_, p, 0)
    factor = which.kept.reshape(whole) * which.factor if which.kept.size else np.ones(whole)
    y = (p * factor) @ v
    g = (dy @ v.swapaxes(2, 3)) * factor
    g = np.where(open_, p * (g - (p * g).sum(-1, keepdims=True)), 0)
    found = [y, g @ k, g.swapaxes(2, 3) @ q, (p * factor).swapaxes(2, 3) @ dy]
    return [x.swapaxes(1, 2).reshape(-1) for x in found]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("form", ["plain", "causal", "keys", "whole", "zero", "dropped"])
def test_against_numpy(name: str, form: str, dtype: str) -> None:
    sizes, rng = CASES[name], np.random.default_rng(7)
    batch, heads, queries, keys = sizes[:4]
    shape = {
        "keys": (batch, 1, 1, keys),
        "whole": (1, heads, queries, keys),
        "zero": (batch, 1, queries, keys),
    }
    mask = (rng.random(shape[form]) < 0.6).astype(np.uint8) if form in shape else None
    if mask is not None:
        mask[..., -1, :] *= form == "keys"  # The last query sees nothing.
    which = seen(sizes, mask, int(form == "causal"), int(form == "zero"), 0.3 if form == "dropped" else 0.0)
    given = draw(sizes, dtype)
    tolerance = 1e-4 if dtype == "float32" else 1e-11
    found = run(sizes, which, given)
    for got, wanted in zip(found, expected(sizes, which, mask, given), strict=True):
        scale = max(1.0, float(np.abs(wanted).max()))
        np.testing.assert_allclose(got, wanted, rtol=0, atol=tolerance * scale)
    for one, two in zip(found, run(sizes, which, given, threads=2), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("causal", [0, 1])
def test_a_row_has_the_same_bits_in_any_batch(causal: int) -> None:
    sizes = Heads(3, 2, 49, 33, 20, 17)
    given, alone = draw(sizes, "float32"), sizes._replace(batch=1)
    whole = [x.reshape(3, -1) for x in run(sizes, seen(sizes, causal=causal), given)]
    parts = [x.reshape(3, -1, x.shape[1])[1].copy() for x in given]
    for one, all_ in zip(run(alone, seen(alone, causal=causal), parts), whole, strict=True):
        np.testing.assert_array_equal(one, all_[1])


@pytest.mark.parametrize("sizes", [Heads(0, 2, 3, 4, 5, 6), Heads(1, 2, 0, 4, 5, 6), Heads(1, 2, 3, 0, 5, 6)])
def test_no_examples_no_queries_or_no_keys(sizes: Heads) -> None:
    for x in run(sizes, seen(sizes), draw(sizes, "float32")):
        np.testing.assert_array_equal(x, np.zeros_like(x))


def test_a_nan_stays_in_its_row() -> None:
    sizes = CASES["few"]
    given = draw(sizes, "float32")
    before = run(sizes, seen(sizes), given)[0].reshape(sizes.queries, -1)
    given[0][30, 0] = np.nan
    after = run(sizes, seen(sizes), given)[0].reshape(sizes.queries, sizes.heads, -1)
    assert np.isnan(after[30, 0]).all()
    after[30, 0] = before.reshape(after.shape)[30, 0]
    np.testing.assert_array_equal(after.reshape(before.shape), before)
