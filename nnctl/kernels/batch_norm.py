"""Batch normalisation and the activation behind it, over the rows of (R, C): application, sums, gradient.

Each is one pass over memory. y = value(n), n = (x - mean) / sqrt(variance + epsilon) gamma + beta; the way
back computes n anew from x, so that only x is kept. Kernels of the way back are made of formulas that lead
from n to y's slope: one of n, or `value` and one of y. Sums are taken per block of ROWS rows and joined in
order.

Parameters gamma, beta (C,) are read only where `use_gamma`, `use_beta` are 1; numbers are a formula's
arguments after the first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from nnctl.kernels.formula import compiled
from nnctl.kernels.jit import inline, kernel, named
from nnctl.kernels.normalization import column_factors, input_slope, slope_rows
from nnctl.kernels.ranges import part
from nnctl.kernels.reduce import ROWS, add_pairs, rows_of_block
from nnctl.kernels.simd import fma

Formula = Callable[..., Any]


@functools.cache
def _value_rows(formula: Formula) -> Any:
    value = compiled(formula)

    @part
    @named("normalized_rows", formula)
    def rows(x, lo, hi, mean, factor, beta, use_beta, numbers, y):
        for r in range(lo, hi):
            if use_beta:
                for c in range(x.shape[1]):
                    y[r, c] = value(fma(x[r, c] - mean[c], factor[c], beta[c]), *numbers)
            else:
                for c in range(x.shape[1]):
                    y[r, c] = value((x[r, c] - mean[c]) * factor[c], *numbers)

    return rows


@functools.cache
def batch_norm(formula: Formula) -> Any:
    """The kernel of y = formula(n); x, y (R, C), scratch (C,)."""
    return _batch_norm("batch_norm", False, formula)


@functools.cache
def batch_norm_parallel(formula: Formula) -> Any:
    """`batch_norm` on many threads."""
    return _batch_norm("batch_norm_parallel", True, formula)


def _batch_norm(name: str, parallel: bool, formula: Formula) -> Any:
    """The kernel by its name; prange is range where it is not parallel."""
    apply = _value_rows(formula)

    @kernel(parallel=parallel)
    @named(name, formula)
    def run(x, mean, variance, epsilon, gamma, use_gamma, beta, use_beta, numbers, scratch, y):
        column_factors(variance, epsilon, gamma, use_gamma, scratch)
        rows = x.shape[0]
        for k in numba.prange((rows + ROWS - 1) // ROWS):
            lo, hi = rows_of_block(k, rows)
            apply(x, lo, hi, mean, scratch, beta, use_beta, numbers, y)

    return run


@inline
def normal_terms(variance, epsilon, gamma, use_gamma, beta, use_beta, terms):
    """terms (2, C): n = (x - mean) terms[0] + terms[1]."""
    column_factors(variance, epsilon, gamma, use_gamma, terms[0])
    for c in range(terms.shape[1]):
        terms[1, c] = beta[c] if use_beta else beta.dtype.type(0.0)


@functools.cache
def _slope(*formulas: Formula) -> Any:
    """What of dy, which arrives at y, goes on to n; `terms` are those of `normal_terms`."""
    *before, last = [compiled(formula) for formula in formulas]
    if not before:

        @inline
        @named("slope_of_normal", *formulas)
        def through(dy, centered, c, terms, value_numbers, numbers):
            return dy * last(fma(centered, terms[0, c], terms[1, c]), *numbers)

        return through
    (value,) = before

    @inline
    @named("slope_of_normal", *formulas)
    def through_output(dy, centered, c, terms, value_numbers, numbers):
        y = value(fma(centered, terms[0, c], terms[1, c]), *value_numbers)
        return dy * last(y, *numbers)

    return through_output


@functools.cache
def _block_sums(*formulas: Formula) -> Any:
    through = _slope(*formulas)

    @part
    @named("normal_sums", *formulas)
    def block_sums(x, dy, mean, terms, value_numbers, numbers, lo, hi, at, out):
        """out[at] = sum of dn, out[at + 1] = sum of dn (x - mean) over rows lo to hi, from the top down."""
        t = x.dtype.type
        product = at + np.uint64(1)
        one, two, three, four = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
        for c in range(x.shape[1]):
            out[at, c] = t(0.0)
            out[product, c] = t(0.0)
        r = lo
        while r + four <= hi:
            for c in range(x.shape[1]):
                center = mean[c]
                x0, x1 = x[r, c] - center, x[r + one, c] - center
                x2, x3 = x[r + two, c] - center, x[r + three, c] - center
                g0 = through(dy[r, c], x0, c, terms, value_numbers, numbers)
                g1 = through(dy[r + one, c], x1, c, terms, value_numbers, numbers)
                g2 = through(dy[r + two, c], x2, c, terms, value_numbers, numbers)
                g3 = through(dy[r + three, c], x3, c, terms, value_numbers, numbers)
                out[at, c] = out[at, c] + g0 + g1 + g2 + g3
                out[product, c] = fma(g3, x3, fma(g2, x2, fma(g1, x1, fma(g0, x0, out[product, c]))))
            r += four
        while r < hi:
            for c in range(x.shape[1]):
                centered = x[r, c] - mean[c]
                g = through(dy[r, c], centered, c, terms, value_numbers, numbers)
                out[at, c] += g
                out[product, c] = fma(g, centered, out[product, c])
            r += one

    return block_sums


@inline
def _add_sums(scratch, rows, variance, epsilon, dgamma, dbeta):
    add_pairs(scratch, rows, dbeta, dgamma)
    for c in range(dgamma.shape[0]):
        dgamma[c] /= np.sqrt(variance[c] + dgamma.dtype.type(epsilon))


@functools.cache
def batch_norm_sums(*formulas: Formula) -> Any:
    """The kernel of dbeta = sum of dn, dgamma = sum of dn xhat over rows, R > 0.

    x, dy (R, C); scratch (2 blocks, C), terms (2, C).
    """
    return _sums("batch_norm_sums", False, formulas)


@functools.cache
def batch_norm_sums_parallel(*formulas: Formula) -> Any:
    """`batch_norm_sums` on many threads."""
    return _sums("batch_norm_sums_parallel", True, formulas)


def _sums(name: str, parallel: bool, formulas: tuple[Formula, ...]) -> Any:
    block_sums = _block_sums(*formulas)

    @kernel(parallel=parallel)
    @named(name, *formulas)
    def run(
        x, dy, mean, variance, epsilon, gamma, use_gamma, beta, use_beta, value_numbers, numbers, scratch,
        terms, dgamma, dbeta
    ):  # fmt: skip
        normal_terms(variance, epsilon, gamma, use_gamma, beta, use_beta, terms)
        rows = x.shape[0]
        for k in numba.prange((rows + ROWS - 1) // ROWS):
            lo, hi = rows_of_block(k, rows)
            at = np.uint64(2 * np.int64(k))
            block_sums(x, dy, mean, terms, value_numbers, numbers, lo, hi, at, scratch)
        _add_sums(scratch, rows, variance, epsilon, dgamma, dbeta)

    return run


@functools.cache
def _grad_rows(*formulas: Formula) -> Any:
    through = _slope(*formulas)

    @part
    @named("normal_grad_rows", *formulas)
    def rows(x, dy, mean, lo, hi, terms, slopes, value_numbers, numbers, dx):
        for r in range(lo, hi):
            for c in range(x.shape[1]):
                g = through(dy[r, c], x[r, c] - mean[c], c, terms, value_numbers, numbers)
                dx[r, c] = input_slope(x, g, r, c, mean, slopes)

    return rows


@functools.cache
def batch_norm_grad(*formulas: Formula) -> Any:
    """The kernel of dx with batch statistics; dgamma, dbeta from `batch_norm_sums`.

    x, dy, dx (R, C); terms (2, C), slopes (3, C) are scratch.
    """
    return _grad("batch_norm_grad", False, formulas)


@functools.cache
def batch_norm_grad_parallel(*formulas: Formula) -> Any:
    """`batch_norm_grad` on many threads."""
    return _grad("batch_norm_grad_parallel", True, formulas)


def _grad(name: str, parallel: bool, formulas: tuple[Formula, ...]) -> Any:
    grad_rows = _grad_rows(*formulas)

    @kernel(parallel=parallel)
    @named(name, *formulas)
    def run(
        x, dy, mean, variance, epsilon, gamma, use_gamma, beta, use_beta, value_numbers, numbers, dgamma,
        dbeta, terms, slopes, dx
    ):  # fmt: skip
        normal_terms(variance, epsilon, gamma, use_gamma, beta, use_beta, terms)
        rows = x.shape[0]
        slope_rows(variance, epsilon, gamma, use_gamma, dgamma, dbeta, x.dtype.type(rows), slopes)
        for k in numba.prange((rows + ROWS - 1) // ROWS):
            lo, hi = rows_of_block(k, rows)
            grad_rows(x, dy, mean, lo, hi, terms, slopes, value_numbers, numbers, dx)

    return run
