"""Updates of flat weights w from gradients g and slots, all (P,), made of formulas.

`hyper` holds the step's numbers, the learning rate first. Weight decay comes first: w -= (w decay) rate. Then
(w, *slots) = formula(w, g, *slots, *hyper, *numbers).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import overload

from nnctl.kernels.formula import compiled
from nnctl.kernels.jit import kernel, named
from nnctl.kernels.ranges import all_of, block_count, first, last, part

_OPTIONS: Any = {"error_model": "numpy", "fastmath": False, "forceinline": True}


def _elements(arrays: Any, i: Any) -> Any:
    """Element i of each array of a tuple."""
    raise NotImplementedError("compiled only")


@overload(_elements, jit_options=_OPTIONS, strict=False)
def _elements_of(arrays: Any, i: Any) -> Any:
    if len(arrays) == 0:
        return lambda arrays, i: ()
    return lambda arrays, i: (arrays[0][i], *_elements(arrays[1:], i))


def _put(arrays: Any, i: Any, values: Any) -> None:
    """Element i of each array of a tuple becomes the value at its place."""
    raise NotImplementedError("compiled only")


@overload(_put, jit_options=_OPTIONS, strict=False)
def _put_into(arrays: Any, i: Any, values: Any) -> Any:
    if len(arrays) == 0:
        return lambda arrays, i, values: None

    def put(arrays, i, values):
        arrays[0][i] = values[0]
        _put(arrays[1:], i, values[1:])

    return put


def _firsts(arrays: Any, like: Any) -> Any:
    """The one element of each array of a tuple, in the type of another array."""
    raise NotImplementedError("compiled only")


@overload(_firsts, jit_options=_OPTIONS, strict=False)
def _firsts_of(arrays: Any, like: Any) -> Any:
    if len(arrays) == 0:
        return lambda arrays, like: ()
    return lambda arrays, like: (like.dtype.type(arrays[0][0]), *_firsts(arrays[1:], like))


def _tuple(values: Any) -> Any:
    """What a formula gives, as a tuple: one that keeps no slots may give the weight only."""
    raise NotImplementedError("compiled only")


@overload(_tuple, jit_options=_OPTIONS, strict=False)
def _as_tuple(values: Any) -> Any:
    if isinstance(values, types.BaseTuple):
        return lambda values: values
    return lambda values: (values,)


@functools.cache
def _loop(formula: Callable[..., Any]) -> Any:
    after = compiled(formula)

    @part
    @named("update_loop", formula)
    def loop(w, g, slots, decay, hyper, numbers, lo, hi):
        for i in range(lo, hi):
            start = w[i] - (w[i] * decay) * hyper[0]
            values = _tuple(after(start, g[i], *_elements(slots, i), *hyper, *numbers))
            w[i] = values[0]
            _put(slots, i, values[1:])

    return loop


@functools.cache
def update(formula: Callable[..., Any]) -> Any:
    """The kernel of one step; hyper are arrays of one float64, decay and numbers are of w's type."""
    loop = _loop(formula)

    @kernel
    @named("update", formula)
    def update(g, hyper, decay, numbers, slots, w):
        loop(w, g, slots, decay, _firsts(hyper, w), numbers, np.uint64(0), all_of(w))

    return update


@functools.cache
def update_parallel(formula: Callable[..., Any]) -> Any:
    """`update` on many threads."""
    loop = _loop(formula)

    @kernel(parallel=True)
    @named("update_parallel", formula)
    def update_parallel(g, hyper, decay, numbers, slots, w):
        now = _firsts(hyper, w)
        n = w.shape[0]
        for block in numba.prange(block_count(n)):
            loop(w, g, slots, decay, now, numbers, first(block), last(block, n))

    return update_parallel
