"""Kernels of what is done to each number or each colour of an image, made of formulas.

A formula takes a number (or the red, green and blue of a pixel), then the numbers drawn for the image, a row
of draws (B, D), then fixed `numbers`. `like` is a tuple of D zeros, which says how long a row is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba.cpython.unsafe.tuple import tuple_setitem

from nnctl.kernels.formula import compiled
from nnctl.kernels.jit import inline, kernel, named
from nnctl.kernels.ranges import part


@inline
def row_of(draws, b, like):
    """Row b of draws (B, D) as a tuple."""
    for d in range(len(like)):
        like = tuple_setitem(like, d, draws[b, d])
    return like


def _of_images(name: str, formula: Callable[..., Any], loop: Any) -> Any:
    """The kernel of y = `loop` over each image of x, (B, ...), with its draws and the numbers."""

    @kernel
    @named(name, formula)
    def of_images(x, draws, like, numbers, y):
        for b in range(np.uint64(x.shape[0])):
            loop(x, b, row_of(draws, b, like) + numbers, y)

    return of_images


def _of_images_parallel(name: str, formula: Callable[..., Any], loop: Any) -> Any:
    """`_of_images` on many threads: an image is one thread's."""

    @kernel(parallel=True)
    @named(name, formula)
    def of_images(x, draws, like, numbers, y):
        for b in numba.prange(x.shape[0]):
            loop(x, np.uint64(b), row_of(draws, b, like) + numbers, y)

    return of_images


@functools.cache
def _number_loop(formula: Callable[..., Any]) -> Any:
    value = compiled(formula)

    @part
    @named("number_loop", formula)
    def loop(x, b, numbers, y):
        for n in range(np.uint64(x.shape[1])):
            y[b, n] = value(x[b, n], *numbers)

    return loop


@functools.cache
def numbers_of_images(formula: Callable[..., Any]) -> Any:
    """The kernel of y[b, n] = formula(x[b, n], draws of b, numbers); x, y (B, N)."""
    return _of_images("numbers_of_images", formula, _number_loop(formula))


@functools.cache
def numbers_of_images_parallel(formula: Callable[..., Any]) -> Any:
    """`numbers_of_images` on many threads."""
    return _of_images_parallel("numbers_of_images_parallel", formula, _number_loop(formula))


@functools.cache
def _slope_loop(formula: Callable[..., Any]) -> Any:
    slope = compiled(formula)

    @part
    @named("number_slope_loop", formula)
    def loop(x, dy, b, numbers, dx):
        for n in range(np.uint64(x.shape[1])):
            dx[b, n] = dy[b, n] * slope(x[b, n], *numbers)

    return loop


@functools.cache
def numbers_of_images_grad(formula: Callable[..., Any]) -> Any:
    """The kernel of dx[b, n] = dy[b, n] formula(x[b, n], draws of b, numbers)."""
    loop = _slope_loop(formula)

    @kernel
    @named("numbers_of_images_grad", formula)
    def numbers_of_images_grad(x, dy, draws, like, numbers, dx):
        for b in range(np.uint64(x.shape[0])):
            loop(x, dy, b, row_of(draws, b, like) + numbers, dx)

    return numbers_of_images_grad


@functools.cache
def _colour_loop(formula: Callable[..., Any]) -> Any:
    value = compiled(formula)

    @part
    @named("colour_loop", formula)
    def loop(x, b, numbers, y):
        for n in range(np.uint64(x.shape[1])):
            y[b, n, 0], y[b, n, 1], y[b, n, 2] = value(x[b, n, 0], x[b, n, 1], x[b, n, 2], *numbers)

    return loop


@functools.cache
def colours_of_images(formula: Callable[..., Any]) -> Any:
    """The kernel of y[b, n] = formula(red, green, blue of x[b, n], draws of b, numbers); x, y (B, N, 3)."""
    return _of_images("colours_of_images", formula, _colour_loop(formula))


@functools.cache
def colours_of_images_parallel(formula: Callable[..., Any]) -> Any:
    """`colours_of_images` on many threads."""
    return _of_images_parallel("colours_of_images_parallel", formula, _colour_loop(formula))


@functools.cache
def paste(formula: Callable[..., Any]) -> Any:
    """The kernel of y = other within a box of each image, else x; x, other, y (B, H, W, C).

    formula(draws of b, numbers) gives the box: where its columns begin and end, and where its rows do.
    """
    box = compiled(formula)

    @kernel
    @named("paste", formula)
    def paste(x, other, draws, like, numbers, y):
        t = y.dtype.type
        for b in range(np.uint64(x.shape[0])):
            left, right, top, bottom = box(*(row_of(draws, b, like) + numbers))
            for i in range(np.uint64(x.shape[1])):
                row = t(i) >= top and t(i) < bottom
                for j in range(np.uint64(x.shape[2])):
                    inside = row and t(j) >= left and t(j) < right
                    for c in range(np.uint64(x.shape[3])):
                        y[b, i, j, c] = other[b, i, j, c] if inside else x[b, i, j, c]

    return paste
