"""Prints a hash of what each kernel makes of the same numbers; run by test_exactness.py."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator

import numpy as np

from nnctl.kernels import (
    activation,
    adafactor,
    angle,
    batch_norm,
    circle,
    codes,
    confusion,
    ctc,
    draws,
    dropout,
    elementwise,
    gather,
    gradients,
    layer_norm,
    losses,
    metrics,
    mixing,
    normalization,
    optimizers,
    qr,
    reduce,
    softmax,
    sparsemax,
    spectral,
)
from nnctl.ops.activation import one, rectified, rectified_slope
from tests.kernels import attention_cases
from tests.kernels.formulas import of_activations, of_losses, of_optimizers
from tests.layers.augmenting import FIRST, images, run

ROWS, COLUMNS = 301, 37
RNG = np.random.default_rng(7)


def table(dtype: str, scale: float = 2.0) -> np.ndarray:
    return (RNG.normal(size=(ROWS, COLUMNS)) * scale).astype(dtype)


def activations(dtype: str) -> Iterator[np.ndarray]:
    x, dy = table(dtype, 4.0).reshape(-1), table(dtype).reshape(-1)
    for formula in of_activations().values():
        y = np.empty_like(x)
        activation.activation_grad(formula.function)(x, dy, formula.typed(dtype), y)
        yield y
    f, slope = (of_activations()[name] for name in ("by_erf", "by_erf_slope"))
    y, s = np.empty_like(x), np.empty_like(x)
    activation.value_and_slope(f.function, slope.function)(x, f.typed(dtype), slope.typed(dtype), y, s)
    yield from (y, s)
    for code in (codes.EXP, codes.LOG, codes.LOG1P, codes.RSQRT):
        y = np.empty_like(x)
        elementwise.unary(np.abs(x), code, y)
        yield y


def reductions(dtype: str) -> Iterator[np.ndarray]:
    x = table(dtype)
    columns, rows, whole = np.empty((1, COLUMNS), dtype), np.empty(ROWS, dtype), np.empty(1, dtype)
    work = np.empty((reduce.column_blocks(ROWS), COLUMNS), dtype)
    reduce.sum_middle(x.reshape(1, ROWS, COLUMNS), 0.3, work, columns)
    reduce.sum_rows(x, 0.3, rows)
    yield from (columns.copy(), rows)
    reduce.mean_middle(x.reshape(1, ROWS, COLUMNS), columns)
    yield columns
    for code in (codes.SUM, codes.SUM_OF_SQUARES, codes.SUM_OF_ABSOLUTES):
        scratch = np.empty(reduce.whole_sum_scratch(x.size), dtype)
        reduce.sum_all(x.reshape(-1), code, 0.3, scratch, whole)
        yield whole.copy()


def all_losses(dtype: str) -> Iterator[np.ndarray]:
    x, target = table(dtype), np.abs(table(dtype, 0.3))
    labels = RNG.integers(0, COLUMNS, ROWS)
    y, loss = np.empty_like(x), np.empty(ROWS, dtype)
    softmax.sparse_softmax_loss(x, labels, -1, y, loss)
    yield from (y.copy(), loss.copy())
    softmax.softmax_grad(y, target, y)
    yield y.copy()
    sparsemax.sparsemax(x, y)
    yield y.copy()
    sparsemax.sparsemax_grad(y, target, y)
    yield y.copy()
    softmax.softmax_loss(x, target, 0.1, y, loss)
    yield loss.copy()
    for term, slope in of_losses().values():
        args = (np.abs(x), target, term.typed(dtype), x.dtype.type(COLUMNS))
        losses.term_rows(term.function)(*args, y, loss)
        yield loss.copy()
        losses.term_rows_grad(slope.function)(*args, loss, y)
        yield y.copy()


def losses_of_batches(dtype: str) -> Iterator[np.ndarray]:
    x, labels = table(dtype, 0.3)[:COLUMNS].copy(), RNG.integers(0, 5, COLUMNS)
    loss, counted, dx = np.empty(COLUMNS, dtype), np.empty(COLUMNS, np.uint8), np.empty_like(x)
    numbers = (x.dtype.type(8.0), x.dtype.type(0.4), 1)
    circle.circle_loss(x, labels, *numbers, loss, counted)
    circle.circle_loss_grad(x, labels, *numbers, loss, dx)
    yield from (loss, dx)
    p = -np.abs(table(dtype))[:300].reshape(10, 30, COLUMNS)
    spelled, mask = RNG.integers(0, 5, (10, 6)), np.ones((10, 30), np.uint8)
    loss, paths, dp = np.empty(10, dtype), np.zeros((10, 30, 13), dtype), np.empty_like(p)
    ctc.ctc_loss(p, spelled, mask, 1, loss, paths)
    ctc.ctc_loss_grad(p, spelled, mask, 1, loss, paths, loss, np.empty((10, 2, 13), dtype), dp)
    yield from (loss, paths, dp)


def random_numbers(dtype: str) -> Iterator[np.ndarray]:
    step, y = np.array([3], np.uint64), np.empty(1001, dtype)
    for kind in (draws.uniform, draws.normal, draws.truncated_normal):
        kind(11, 12, step, -1.0, 2.0, y)
        yield y.copy()
    dropout.dropout(y, 11, 12, step, 0.3, np.empty(1001, np.uint8), y)
    yield y
    for alpha in (0.2, 3.0):
        mixing.dirichlet(11, 12, step, np.array([alpha], dtype), np.empty(7), y.reshape(143, 7))
        yield y.copy()


def normalizations(dtype: str) -> Iterator[np.ndarray]:
    x, dy, gamma = table(dtype), table(dtype), np.abs(table(dtype))[0]
    mean, variance, dgamma, dbeta = np.empty((4, COLUMNS), dtype)
    work, terms = np.empty((2 * reduce.column_blocks(ROWS), COLUMNS), dtype), np.empty((5, COLUMNS), dtype)
    normalization.batch_statistics(x, work, mean, variance)
    y = np.empty_like(x)
    for formulas in ((one,), (rectified, rectified_slope)):
        given = (mean, variance, 1e-3, gamma, 1, gamma, 1)
        sums = batch_norm.batch_norm_sums(*formulas)
        sums(x, dy, *given, (), (), work, terms[:2], dgamma, dbeta)
        back = batch_norm.batch_norm_grad(*formulas)
        back(x, dy, *given, (), (), dgamma, dbeta, terms[:2], terms[2:], y)
        yield from (mean.copy(), variance.copy(), dgamma.copy(), y.copy())
        batch_norm.batch_norm(formulas[0])(x, *given, (), terms[0], y)
        yield y.copy()
    rows = np.empty((2, ROWS), dtype)
    layer_norm.layer_norm(x, 1e-3, gamma, 1, gamma, 1, rows[0], rows[1], y)
    yield y.copy()
    layer_norm.layer_norm_grad(x, dy, rows[0], rows[1], gamma, 1, y)
    yield y
    gather.scatter_rows(dy, RNG.integers(0, 9, (ROWS, 1)), y[:9])
    gather.mean_rows(dy, RNG.integers(0, ROWS, (20, 50)), y[9:29])
    yield y


def angles_and_division(dtype: str) -> Iterator[np.ndarray]:
    y, x = table(dtype).reshape(-1), table(dtype).reshape(-1)
    out = np.empty_like(x)
    angle.angles(y, x, out)
    yield out
    u, found = table(dtype)[:2].copy()
    spectral.divide_weight(np.array([1.7], dtype), found, u, x, y)
    yield from (u, x, y)


def updates(dtype: str) -> Iterator[np.ndarray]:
    w, g, a, b, c = (table(dtype).reshape(-1) for _ in range(5))
    hyper, starts = np.array([1e-3, 0.7e-3, 0.4, 0.2, 0.1]), np.array([0, 16, 9000, w.size])
    b, c = np.abs(b), np.abs(c)
    gradients.clip_by_norm(3.0, starts, g)
    gradients.clip_by_value(0.2, g)
    for after, slots, steps in of_optimizers():
        kept = tuple(part.copy() for part in (b, c, a)[:slots])
        now = tuple(hyper[i : i + 1] for i in range(steps))
        optimizers.update(after.function)(g, now, w.dtype.type(0.01), after.typed(dtype), kept, w)
        yield from kept
    gradients.trust_ratio_step(np.abs(g), hyper[:1], starts, w)
    yield w.copy()
    whole = np.array([[0, 0, 1, w.size], [0, 2, w.size // 10, 5]])
    for line in whole:
        numbers = np.array([0.01, 1e-30, 1e-3, 1.0], dtype)
        adafactor.adafactor_step(g, np.array([1e-3, 1e-3, 0.3]), line[None], numbers, b, c, w)
    yield from (w, g, b, c)


def attentions(dtype: str) -> Iterator[np.ndarray]:
    for name in ("odd", "few", "long", "deep"):
        sizes = attention_cases.CASES[name]
        for which in (
            attention_cases.seen(sizes),
            attention_cases.seen(sizes, causal=1),
            attention_cases.seen(sizes, rate=0.3),
        ):
            yield from attention_cases.run(sizes, which, attention_cases.draw(sizes, dtype))


def measures(dtype: str) -> Iterator[np.ndarray]:
    y, p = table(dtype), table(dtype, 0.4)
    weights, labels = np.abs(RNG.normal(size=ROWS)).astype(dtype), np.abs(RNG.normal(size=COLUMNS))
    below, above = np.zeros((10, COLUMNS)), np.zeros((10, COLUMNS))
    flags = (y > 0).astype(dtype)
    for thresholds, even in ((np.linspace(0, 1, 9), 1), (np.linspace(0.1, 0.7, 9), 0)):
        of_type = thresholds.astype(dtype)
        confusion.between_thresholds(flags, p, of_type, even, 0, -1, labels, weights, 1, below, above)
    counts, sums, mean = np.zeros(2), np.zeros((3, COLUMNS)), np.zeros(2)
    metrics.squares_by_unit(y, p, weights, 1, counts, sums)
    yield from (below, above, counts, sums)
    for concordance in (0, 1):
        metrics.correlation(y, p, np.ones((1, 1), np.uint8), 0, concordance, weights, 1, ROWS, mean)
        yield mean.copy()


def images_changed(dtype: str) -> Iterator[np.ndarray]:
    for config, (_, _, channels) in FIRST.values():
        if config["type"] not in ("AugMix", "RandAugment", "RandomColorJitter"):  # made of the others
            yield from run(config, images(config, 3, (21, 18, channels)).astype(dtype), threads=1)


def orthonormal(dtype: str) -> Iterator[np.ndarray]:
    if dtype == "float64":
        q = np.empty((40, 30))
        qr.orthonormal_columns(RNG.normal(size=(40, 30)), np.empty(60), q)
        yield q


FAMILIES: tuple[Callable[[str], Iterator[np.ndarray]], ...] = (
    activations,
    reductions,
    all_losses,
    losses_of_batches,
    random_numbers,
    normalizations,
    angles_and_division,
    updates,
    measures,
    images_changed,
    orthonormal,
    attentions,
)


def main() -> None:
    """One line a family and dtype: its name and the hash of all results."""
    for dtype in sys.argv[1:]:
        for family in FAMILIES:
            digest = hashlib.sha256()
            for array in family(dtype):
                digest.update(array.tobytes())
            print(family.__name__, dtype, digest.hexdigest())


if __name__ == "__main__":
    main()
