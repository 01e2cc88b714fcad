"""Kernels of functions of one number, made of formulas: y = f(x), s = f'(x), and dx = f'(v) dy.

x, y, s, v, dy, dx: (N,). The output may be the input. `numbers` are the formula's arguments after the first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from nnctl.kernels.formula import compiled
from nnctl.kernels.interleaved import interleaved
from nnctl.kernels.jit import kernel, named
from nnctl.kernels.ranges import all_of, even_count, even_range


@functools.cache
def _value_loop(formula: Callable[..., Any]) -> Any:
    value = compiled(formula)

    @interleaved
    @named("value_loop", formula)
    def loop(x, numbers, lo, hi, y):
        for i in range(lo, hi):
            y[i] = value(x[i], *numbers)

    return loop


@functools.cache
def activation(formula: Callable[..., Any]) -> Any:
    """The kernel of y = formula(x, *numbers)."""
    loop = _value_loop(formula)

    @kernel
    @named("activation", formula)
    def activation(x, numbers, y):
        loop(x, numbers, np.uint64(0), all_of(x), y)

    return activation


@functools.cache
def activation_parallel(formula: Callable[..., Any]) -> Any:
    """`activation` on many threads."""
    loop = _value_loop(formula)

    @kernel(parallel=True)
    @named("activation_parallel", formula)
    def activation_parallel(x, numbers, y):
        n = x.shape[0]
        for part in numba.prange(even_count(n)):
            lo, hi = even_range(n, part)
            loop(x, numbers, lo, hi, y)

    return activation_parallel


@functools.cache
def _both_loop(formula: Callable[..., Any], slope_formula: Callable[..., Any]) -> Any:
    value, slope = compiled(formula), compiled(slope_formula)

    @interleaved
    @named("both_loop", formula, slope_formula)
    def loop(x, numbers, slope_numbers, lo, hi, y, s):
        for i in range(lo, hi):
            number = x[i]
            y[i] = value(number, *numbers)
            s[i] = slope(number, *slope_numbers)

    return loop


@functools.cache
def value_and_slope(formula: Callable[..., Any], slope_formula: Callable[..., Any]) -> Any:
    """The kernel of y = formula(x, *numbers) and s = slope_formula(x, *slope_numbers)."""
    loop = _both_loop(formula, slope_formula)

    @kernel
    @named("value_and_slope", formula, slope_formula)
    def value_and_slope(x, numbers, slope_numbers, y, s):
        loop(x, numbers, slope_numbers, np.uint64(0), all_of(x), y, s)

    return value_and_slope


@functools.cache
def value_and_slope_parallel(formula: Callable[..., Any], slope_formula: Callable[..., Any]) -> Any:
    """`value_and_slope` on many threads."""
    loop = _both_loop(formula, slope_formula)

    @kernel(parallel=True)
    @named("value_and_slope_parallel", formula, slope_formula)
    def value_and_slope_parallel(x, numbers, slope_numbers, y, s):
        n = x.shape[0]
        for part in numba.prange(even_count(n)):
            lo, hi = even_range(n, part)
            loop(x, numbers, slope_numbers, lo, hi, y, s)

    return value_and_slope_parallel


@functools.cache
def _slope_loop(formula: Callable[..., Any]) -> Any:
    slope = compiled(formula)

    @interleaved
    @named("slope_loop", formula)
    def loop(v, dy, numbers, lo, hi, dx):
        for i in range(lo, hi):
            dx[i] = dy[i] * slope(v[i], *numbers)

    return loop


@functools.cache
def activation_grad(formula: Callable[..., Any]) -> Any:
    """The kernel of dx = dy formula(v, *numbers)."""
    loop = _slope_loop(formula)

    @kernel
    @named("activation_grad", formula)
    def activation_grad(v, dy, numbers, dx):
        loop(v, dy, numbers, np.uint64(0), all_of(v), dx)

    return activation_grad


@functools.cache
def activation_grad_parallel(formula: Callable[..., Any]) -> Any:
    """`activation_grad` on many threads."""
    loop = _slope_loop(formula)

    @kernel(parallel=True)
    @named("activation_grad_parallel", formula)
    def activation_grad_parallel(v, dy, numbers, dx):
        n = v.shape[0]
        for part in numba.prange(even_count(n)):
            lo, hi = even_range(n, part)
            loop(v, dy, numbers, lo, hi, dx)

    return activation_grad_parallel
