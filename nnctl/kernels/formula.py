"""Formulas (`formula_text.py`) as kernels call them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any

from nnctl.kernels import functions, mathfn, special
from nnctl.kernels.formula_text import typed
from nnctl.kernels.jit import inline

_COMPILED = (functions.__name__, mathfn.__name__, special.__name__)
"""Where functions are that are compiled as they are."""


@functools.cache
def compiled(formula: Callable[..., Any]) -> Any:
    """`formula` as kernels call it.

    Raises:
        FormulaError: it is no formula.
    """
    if formula.__module__ in _COMPILED:
        return formula
    module, names = typed(formula)
    known = {name: compiled(value) if callable(value) else value for name, value in names.items()}
    known["__name__"] = formula.__module__
    exec(compile(module, formula.__code__.co_filename, "exec"), known)
    made = known.pop(formula.__name__)
    assert isinstance(made, FunctionType)
    made.__qualname__ = formula.__qualname__
    return inline(made)
